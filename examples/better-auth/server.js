// Better Auth under /api/auth and the page under /, on one address.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

import { toNodeHandler } from "better-auth/node";
import { build } from "esbuild";

import { createAuth } from "./auth.js";
import { readSettings } from "./settings.js";

const page = (name) => fileURLToPath(new URL(`page/${name}`, import.meta.url));

async function bundle(entry) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    minify: true,
    write: false,
  });
  return outputFiles[0].contents;
}

async function readPage() {
  const [html, style, icon, script] = await Promise.all([
    readFile(page("index.html"), "utf8"),
    readFile(page("style.css")),
    readFile(page("icon.svg")),
    bundle(page("app.js")),
  ]);
  return {
    html,
    assets: {
      "/style.css": ["text/css; charset=utf-8", style],
      "/icon.svg": ["image/svg+xml", icon],
      "/app.js": ["text/javascript; charset=utf-8", script],
    },
  };
}

function answer(response, status, type, body, headers = {}) {
  response.writeHead(status, {
    "content-type": type,
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    ...headers,
  });
  response.end(body);
}

function answerWithPage(response, html, taskwellUrl) {
  const policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
    `connect-src 'self' ${taskwellUrl}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'`;
  answer(response, 200, "text/html; charset=utf-8", html.replace("{{taskwellUrl}}", taskwellUrl), {
    "content-security-policy": policy,
  });
}

// Resolves once the address answers. Who doesn't know `taskwellUrl` yet sets it on the result.
export async function startServer(settings) {
  const { html, assets } = await readPage();
  const server = createServer();
  server.listen(settings.port, settings.host);
  await once(server, "listening");
  const origin = settings.url ?? `http://${settings.host}:${server.address().port}`;
  const auth = createAuth(settings, origin);
  // Makes the first key. Left to the first requests, two of them at once would make two.
  await auth.api.getJwks();
  const handleAuth = toNodeHandler(auth);
  const running = {
    origin,
    taskwellUrl: settings.taskwellUrl,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };

  server.on("request", (request, response) => {
    const [pathname] = request.url.split("?", 1);
    if (pathname === "/api/auth/jwks") {
      // Public, and Taskwell may have another name for this machine.
      handleAuth(request, response);
    } else if (`http://${request.headers.host}` !== origin) {
      // Cookies, trusted origins and CORS all know this address under one name only.
      answer(response, 307, "text/plain; charset=utf-8", `Go to ${origin}\n`, {
        location: `${origin}/`,
      });
    } else if (pathname.startsWith("/api/auth/")) {
      handleAuth(request, response);
    } else if (pathname === "/" && running.taskwellUrl === undefined) {
      answer(response, 503, "text/plain; charset=utf-8", "Taskwell is starting: try again soon.\n");
    } else if (pathname === "/") {
      answerWithPage(response, html, running.taskwellUrl);
    } else if (Object.hasOwn(assets, pathname)) {
      answer(response, 200, ...assets[pathname]);
    } else {
      answer(response, 404, "text/plain; charset=utf-8", "There is nothing here.\n");
    }
  });
  return running;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { origin } = await startServer(readSettings(process.env));
  console.log(`Better Auth and the page: ${origin}`);
}
