// What a user does, in a real browser. Run by test_browser.py: node scenarios.mjs NAME, with what
// the scenario needs as JSON on standard input. It ends well, or with the reason and status 1.
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";

import { chromium } from "playwright-core";

const FLAGS = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-gpu",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
];
const PATIENCE = 15_000;

async function enter(page, { email, password, name }) {
  const way = name ? "Create account" : "Sign in";
  await page.locator("label").getByText(way).click();
  if (name) await page.getByLabel("Name").fill(name);
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: way }).click();
}

async function add(page, task) {
  await page.getByLabel("New task").fill(task);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("checkbox", { name: task, exact: true }).waitFor();
}

const tasksOf = (page) =>
  page
    .getByRole("listitem")
    .evaluateAll((rows) =>
      rows.map((row) => [row.querySelector("label").textContent, row.querySelector("input").checked]),
    );

/** The next request of this kind takes effect, and its answer never arrives. */
async function loseAnswer(page, method) {
  let isLost = false;
  await page.route(/\/tasks/, async (route) => {
    if (isLost || route.request().method() !== method) return route.fallback();
    isLost = true;
    await route.fetch();
    await route.abort();
  });
}

const telling = (page, message) => page.getByText(message, { exact: true }).waitFor();

const scenarios = {
  async uses_the_page(page, { url, account }) {
    await page.goto(url);
    await enter(page, account);
    await telling(page, "Nothing to do yet. Add your first task above.");

    for (const task of ["Buy milk", "Call Bob", "<b>Read</b> & write"]) await add(page, task);
    await page.getByRole("checkbox", { name: "Call Bob" }).check();
    await telling(page, "2 of 3 to do");
    await page.getByRole("button", { name: "Delete “Buy milk”" }).click();
    await telling(page, "1 of 2 to do");
    const left = [["Call Bob", true], ["<b>Read</b> & write", false]];
    assert.deepEqual(await tasksOf(page), left);

    await page.reload();
    await telling(page, "1 of 2 to do");
    assert.deepEqual(await tasksOf(page), left);

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Email").waitFor();
    assert.deepEqual(await tasksOf(page), []);
    await enter(page, { ...account, name: undefined });
    await telling(page, "1 of 2 to do");
  },

  async repeats_what_was_lost(page, { url, account }) {
    await page.goto(url);
    await enter(page, account);
    await telling(page, "Nothing to do yet. Add your first task above.");
    await loseAnswer(page, "POST");
    await page.getByLabel("New task").fill("Buy milk");
    const button = page.getByRole("button", { name: "Add", exact: true });
    await button.click();
    await page.getByText("Taskwell can't be reached").waitFor();
    assert.deepEqual(await tasksOf(page), []);
    await button.click();
    await telling(page, "1 of 1 to do");
    await page.reload();
    await telling(page, "1 of 1 to do");

    await loseAnswer(page, "DELETE");
    await page.getByRole("button", { name: "Delete “Buy milk”" }).click();
    await page.getByText("Taskwell can't be reached").waitFor();
    await page.getByRole("button", { name: "Delete “Buy milk”" }).click();
    await telling(page, "Nothing to do yet. Add your first task above.");
  },

  // As for somebody with more tasks than the service gives at once.
  async sees_all_pages(page, { url, account }) {
    await page.goto(url);
    await enter(page, account);
    const all = ["One", "Two", "Three"];
    for (const task of all) await add(page, task);
    await page.route("**/tasks", (route) => route.continue({ url: `${route.request().url()}?limit=1` }));
    await page.reload();
    await telling(page, "3 of 3 to do");
    assert.deepEqual(await tasksOf(page), all.map((task) => [task, false]));
  },

  async sees_only_their_own(page, { url, account, neighbour }) {
    await page.goto(url);
    await enter(page, account);
    await add(page, "Mine alone");
    await page.getByRole("button", { name: "Sign out" }).click();
    await enter(page, neighbour);
    await telling(page, "Nothing to do yet. Add your first task above.");
    assert.deepEqual(await tasksOf(page), []);
  },

  async reads_what_went_wrong(page, { url, account }) {
    await page.goto(url);
    await enter(page, { ...account, name: undefined, password: "not the password" });
    await telling(page, "Invalid email or password");
    await enter(page, account);
    await page.getByLabel("New task").fill("   ");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    const said = page.getByRole("alert").filter({ hasText: /\w/ });
    await said.waitFor();
    assert.deepEqual(await tasksOf(page), []);
    await add(page, "Something");
    assert.equal(await page.getByRole("alert").textContent(), "");
  },

  // The first token the page gets is one that the issuer made for this user long ago.
  async renews_an_expired_token(page, { url, account, expired }) {
    let tokens = 0;
    const answers = [];
    await page.route("**/api/auth/token", (route) => {
      tokens += 1;
      return tokens === 1 ? route.fulfill({ json: { token: expired } }) : route.continue();
    });
    page.on("response", (response) => {
      const method = response.request().method();
      if (response.url().endsWith("/tasks") && method !== "OPTIONS") {
        answers.push([method, response.status()]);
      }
    });
    await page.goto(url);
    await enter(page, account);
    await telling(page, "Nothing to do yet. Add your first task above.");
    await add(page, "Still signed in");
    assert.equal(tokens, 2);
    assert.deepEqual(answers, [["GET", 401], ["GET", 200], ["POST", 201]]);
    assert.equal(await page.getByRole("alert").textContent(), "");
  },

  // As before, but the session has ended meanwhile.
  async is_told_that_the_session_is_over(page, { url, account, expired }) {
    await page.route(
      "**/api/auth/token",
      async (route) => {
        await page.context().clearCookies();
        await route.fulfill({ json: { token: expired } });
      },
      { times: 1 },
    );
    await page.goto(url);
    await enter(page, account);
    await telling(page, "You are signed out: please sign in again.");
    await enter(page, account);
    await telling(page, "Nothing to do yet. Add your first task above.");
  },

  // The same call with the same good token, from a page of the front end and from a foreign page.
  async is_refused_from_a_foreign_origin(page, { url, foreign, taskwell, token }) {
    const call = ([target, bearer]) =>
      fetch(`${target}/tasks`, { headers: { authorization: `Bearer ${bearer}` } }).then(
        (response) => response.status,
        (error) => error.name,
      );
    await page.goto(url);
    assert.equal(await page.evaluate(call, [taskwell, token]), 200);
    const complaints = [];
    page.on("console", (message) => complaints.push(message.text()));
    await page.goto(foreign);
    assert.equal(await page.evaluate(call, [taskwell, token]), "TypeError");
    assert.match(complaints.join("\n"), /blocked by CORS policy/);
  },
};

const scenario = scenarios[process.argv[2]];
const { chromiumPath, ...given } = JSON.parse(await text(process.stdin));
const browser = await chromium.launch({ executablePath: chromiumPath, args: FLAGS });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  const failures = [];
  page.on("pageerror", (error) => failures.push(error));
  await scenario(page, given);
  assert.deepEqual(failures, []);
} finally {
  await browser.close();
}
