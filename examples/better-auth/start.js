// Issuer and page in this process, Taskwell in another one; the address is printed when all answer.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { startServer } from "./server.js";
import { readSettings } from "./settings.js";

const SERVE = fileURLToPath(new URL("../../scripts/serve", import.meta.url));

// Another issuer or database of the caller's is not meant for this.
const NOT_HANDED_ON = /^(DATABASE_URL|TASKWELL_AUTH_|BETTER_AUTH_|EXAMPLE_|NODE_OPTIONS$)/;

// Memory storage forgets its users, so their tasks are kept no longer than they are.
async function makeDataFolder() {
  const folder = await mkdtemp(path.join(tmpdir(), "taskwell-example-"));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

function spawnTaskwell(settings, origin, folder) {
  const inherited = Object.entries(process.env).filter(([name]) => !NOT_HANDED_ON.test(name));
  const [command, ...words] = process.env.TASKWELL_COMMAND?.split(" ") ?? [SERVE];
  const taskwell = spawn(command, words, {
    cwd: folder,
    // In a group of its own, so that Ctrl-C reaches it once and in order: from here.
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      TASKWELL_LOG_LEVEL: "warning",
      ...Object.fromEntries(inherited),
      TASKWELL_HOST: "127.0.0.1",
      TASKWELL_DATA: folder,
      TASKWELL_CORS_ORIGINS: [origin, ...settings.trustedOrigins].join(","),
      BETTER_AUTH_URL: origin,
      ...(settings.issuer && { TASKWELL_AUTH_ISSUER: settings.issuer }),
      ...(settings.audiences && { TASKWELL_AUTH_AUDIENCE: settings.audiences.join(",") }),
    },
  });
  taskwell.on("error", (error) => console.error(`Taskwell can't be started: ${error.message}`));
  return taskwell;
}

// The first address that Taskwell tells of; undefined when it ends without one.
async function addressOf(taskwell) {
  for await (const line of createInterface({ input: taskwell.stdout })) {
    const address = /Taskwell listens on (http:\/\/[^\s/]+)/.exec(line);
    if (address) {
      taskwell.stdout.resume();
      return address[1];
    }
  }
}

async function listen(settings) {
  try {
    return await startServer({ ...settings, taskwellUrl: undefined });
  } catch (error) {
    if (error.code !== "EADDRINUSE") throw error;
    throw new Error(`Port ${settings.port} is in use: set PORT to another one.`);
  }
}

async function main() {
  let taskwell = null;
  let asked = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      asked = true;
      taskwell?.kill("SIGTERM");
    });
  }

  const settings = readSettings(process.env);
  const server = await listen(settings);
  const data = await makeDataFolder();
  taskwell = spawnTaskwell(settings, server.origin, data.folder);
  const ended = once(taskwell, "close").catch(() => []);
  if (asked) taskwell.kill("SIGTERM");

  const address = await addressOf(taskwell);
  if (address) {
    server.taskwellUrl = address;
    console.log(`\n  Open ${server.origin}\n`);
    console.log(`  Better Auth and the page  ${server.origin}`);
    console.log(`  Taskwell                  ${address}\n`);
    console.log("  Ctrl-C stops both and forgets the users and their tasks.");
  }
  await ended;
  await Promise.all([server.stop(), data.remove()]);
  if (!asked) console.error("Taskwell ended by itself, so this ends too.");
  return asked ? 0 : 1;
}

try {
  process.exit(await main());
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
