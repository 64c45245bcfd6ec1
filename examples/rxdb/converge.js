// Three databases of one user and one of another, through a Taskwell that runs. Everything that can
// happen on a train happens, and in the end all that one user has is the same everywhere.
// It erases the account of TASKWELL_TOKEN's user: use one that is made for it.
import assert from "node:assert/strict";

import { createRxDatabase } from "rxdb";
import { getRxStorageMemory } from "rxdb/plugins/storage-memory";

import { Outbox } from "./operations.js";
import { replicateTasks } from "./replicate.js";
import { conflictHandler, schema } from "./schema.js";

const { TASKWELL_URL: url, TASKWELL_TOKEN, TASKWELL_OTHER_TOKEN } = process.env;
const RETRY_MILLISECONDS = 100;
const PAUSE_MILLISECONDS = 100;
const PATIENCE_MILLISECONDS = 30_000;

function giveUp(reason) {
  console.error(reason);
  process.exit(1);
}

/** A token that is refused once is refused for ever: to try again would only keep the service busy. */
async function fetchWithGoodToken(address, options) {
  const response = await fetch(address, options);
  if (response.status === 401) {
    giveUp(`${url} refuses a token (401): print both anew with taskwell token, for this service.`);
  }
  return response;
}

for (const name of ["TASKWELL_URL", "TASKWELL_TOKEN", "TASKWELL_OTHER_TOKEN"]) {
  if (!process.env[name]) giveUp(`${name} is not set: see "Try it" in README.md.`);
}

/** A fetch that can be cut off, lose an answer after the work was done, and hold things up. */
class Network {
  /** The operations whose answer was lost, and what became of them when they were repeated. */
  lost = [];
  repeated = [];
  #loses = false;
  #cut = new AbortController();
  #gates = {};

  fetch = async (address, options = {}) => {
    if (this.#cut.signal.aborted) throw new TypeError("there is no network");
    const { pathname } = new URL(address);
    const kind = pathname === "/sync" ? (options.method ?? "GET") : pathname;
    if (kind === "GET") await this.#gates.GET?.();
    const signals = [this.#cut.signal, options.signal].filter(Boolean);
    const signal = AbortSignal.any(signals);
    const response = await fetchWithGoodToken(address, { ...options, signal });
    if (kind === "POST") {
      await this.#watch(options.body, response.clone());
      await this.#gates.POST?.();
    }
    return response;
  };

  async #watch(body, response) {
    assert.equal(response.status, 200);
    const { results } = await response.json();
    for (const { op_id, status } of results) {
      if (this.lost.includes(op_id)) this.repeated.push(status);
    }
    if (!this.#loses) return;
    this.#loses = false;
    this.lost.push(...JSON.parse(body).operations.map(({ op_id }) => op_id));
    throw new TypeError("the answer was lost");
  }

  loseTheNextAnswer() {
    this.#loses = true;
  }

  /** Holds pulls before they are sent, or the answers of pushes after they were done. */
  hold(kind) {
    let release;
    const released = new Promise((resolve) => (release = resolve));
    const reached = new Promise((resolve) => {
      this.#gates[kind] = () => {
        resolve();
        return released;
      };
    });
    return {
      reached,
      release: () => {
        delete this.#gates[kind];
        release();
      },
    };
  }

  goOffline() {
    this.#cut.abort();
  }

  goOnline() {
    this.#cut = new AbortController();
  }
}

const devices = [];

async function device(name, token) {
  const database = await createRxDatabase({ name, storage: getRxStorageMemory() });
  const { tasks } = await database.addCollections({ tasks: { schema, conflictHandler } });
  const network = new Network();
  const conflicts = [];
  const rejected = [];
  const replication = replicateTasks({
    collection: tasks,
    url,
    fetchToken: async () => token,
    onRejected: (problem) => rejected.push(problem),
    fetch: network.fetch,
    retryTime: RETRY_MILLISECONDS,
  });
  replication.conflict$.subscribe((conflict) => conflicts.push(conflict));
  const all = async () => (await tasks.find().exec()).map((one) => one.toJSON()).sort(byId);
  const find = (id) => tasks.findOne(id).exec(true);
  const edit = async (id, change) => (await find(id)).incrementalPatch(change);
  const add = async (text) => {
    const id = crypto.randomUUID();
    await tasks.insert({ id, text, completed: false });
    return id;
  };
  const remove = async (id) => (await find(id)).incrementalRemove();
  const made = { name, all, find, edit, add, remove, network, conflicts, rejected, database };
  devices.push(made);
  return made;
}

const byId = (one, other) => (one.id < other.id ? -1 : 1);

async function ask(path, { token = TASKWELL_TOKEN, method = "GET", body } = {}) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const sent = { method, headers, body: JSON.stringify(body) };
  const response = await fetchWithGoodToken(url + path, sent);
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.status === 204 ? null : response.json();
}

async function until(what, check) {
  const deadline = Date.now() + PATIENCE_MILLISECONDS;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`${what}: ${error.message}`, { cause: error });
      await new Promise((resume) => setTimeout(resume, PAUSE_MILLISECONDS));
    }
  }
}

/** Every device has what the service has, and what the service has is what is expected. */
const agree = (what, some, expected) =>
  until(what, async () => {
    const there = (await ask("/tasks")).sort(byId);
    const said = there.map(({ text, completed }) => `${text}${completed ? " (done)" : ""}`);
    assert.deepEqual(said.sort(), [...expected].sort(), "the service");
    for (const one of some) assert.deepEqual(await one.all(), there, one.name);
  });

const phone = await device("phone", TASKWELL_TOKEN);
const laptop = await device("laptop", TASKWELL_TOKEN);
const stranger = await device("stranger", TASKWELL_OTHER_TOKEN);
const both = [phone, laptop];

const milk = await phone.add("Milk");
const bread = await laptop.add("Bread");
const salt = await laptop.add("Salt");
await agree("creates on both", both, ["Milk", "Bread", "Salt"]);

for (const one of both) one.network.goOffline();
await phone.edit(milk, { completed: true });
await phone.add("Tea");
await laptop.edit(milk, { text: "Oat milk" });
await laptop.add("Rice");
for (const one of both) one.network.goOnline();
const merged = ["Oat milk (done)", "Bread", "Salt", "Tea", "Rice"];
await agree("different members edited offline", both, merged);
assert.deepEqual([phone.conflicts, laptop.conflicts], [[], []], "nothing there is a conflict");

phone.network.goOffline();
await phone.edit(bread, { text: "Rolls", completed: true });
await laptop.edit(bread, { text: "Toast" });
const beside = merged.with(1, "Toast");
await agree("the laptop alone", [laptop], beside);
phone.network.goOnline();
await agree("one member edited on both", both, beside.with(1, "Toast (done)"));
assert.deepEqual(phone.conflicts[0].input.newDocumentState.text, "Rolls");
assert.deepEqual(phone.conflicts[0].input.realMasterState.text, "Toast");
assert.equal(laptop.conflicts.length, 0);

phone.network.goOffline();
await phone.edit(salt, { text: "Sea salt" });
await laptop.remove(salt);
const without = ["Oat milk (done)", "Toast (done)", "Tea", "Rice"];
await agree("the laptop has deleted", [laptop], without);
phone.network.goOnline();
await agree("a delete wins over an edit", both, without);

phone.network.loseTheNextAnswer();
const jam = await phone.add("Jam");
await agree("a create whose answer was lost", both, [...without, "Jam"]);
phone.network.loseTheNextAnswer();
await phone.edit(jam, { text: "Plum jam" });
await agree("an edit whose answer was lost", both, [...without, "Plum jam"]);
laptop.network.loseTheNextAnswer();
await laptop.remove(jam);
await agree("a delete whose answer was lost", both, without);
await until("what was repeated is recognised", () => {
  for (const { network } of both) {
    assert.notEqual(network.lost.length, 0);
    assert.deepEqual([...new Set(network.repeated)], ["duplicate"]);
  }
});

const base = (await phone.find(milk)).toJSON();
const row = { newDocumentState: { ...base, text: "Almond milk" }, assumedMasterState: base };
const [first, afterRestart] = await Promise.all([0, 1].map(() => new Outbox().add(row)));
assert.deepEqual(first, afterRestart, "an operation keeps its id when the app is closed");

const shown = (id, change) =>
  until(`the service has ${JSON.stringify(change)}`, async () => {
    const task = await ask(`/tasks/${id}`);
    assert.deepEqual({ ...task, ...change }, task);
  });

const pulls = phone.network.hold("GET");
for (const completed of [false, true, false, true]) {
  await phone.edit(milk, { completed });
  await shown(milk, { completed });
}
pulls.release();
await agree("back and forth without a pull between", both, without);

// The phone's pull is on its way when the phone writes, and comes back before the push does.
const pull = phone.network.hold("GET");
await laptop.edit(bread, { text: "Toast!" });
await pull.reached;
const push = phone.network.hold("POST");
await phone.edit(milk, { text: "Soy milk" });
await push.reached;
await until("the laptop follows", async () => {
  assert.equal((await laptop.find(milk)).text, "Soy milk");
});
await laptop.edit(milk, { completed: false });
await shown(milk, { completed: false });
pull.release();
await until("the pull came back", async () => {
  assert.equal((await phone.find(bread)).text, "Toast!");
});
push.release();
await agree("a pull that overtakes a push", both, ["Soy milk", "Toast! (done)", "Tea", "Rice"]);

const before = phone.conflicts.length;
for (let turn = 1; turn <= 30; turn += 1) {
  await phone.edit(milk, { text: `Milk ${turn}`, completed: turn % 2 === 0 });
  await laptop.edit(bread, { completed: turn % 2 === 0 });
}
const quick = ["Milk 30 (done)", "Toast! (done)", "Tea", "Rice"];
await agree("edits that are quicker than their answers", both, quick);
assert.equal(phone.conflicts.length, before, "nobody conflicts with themselves");
assert.equal(laptop.conflicts.length, 0, "nobody conflicts with themselves");

const tablet = await device("tablet", TASKWELL_TOKEN);
await agree("a database that starts later", [...both, tablet], quick);
await tablet.add("From the tablet");
await agree("and takes part", [...both, tablet], [...quick, "From the tablet"]);

assert.deepEqual(await stranger.all(), []);
await stranger.add("A stranger's");
await until("the stranger has their own", async () => {
  const theirs = await ask("/tasks", { token: TASKWELL_OTHER_TOKEN });
  assert.deepEqual(await stranger.all(), theirs);
  assert.equal(theirs.length, 1);
});
await agree("and nobody else sees it", [...both, tablet], [...quick, "From the tablet"]);

const [{ id: theirs }] = await stranger.all();
await stranger.edit(theirs, { text: "x".repeat(501) });
await until("what will never be taken is told", () => assert.equal(stranger.rejected.length, 1));
await stranger.edit(theirs, { text: "Short enough" });
await until("and the next edit is taken", async () => {
  const tasks = await ask("/tasks", { token: TASKWELL_OTHER_TOKEN });
  assert.deepEqual(tasks.map(({ text }) => text), ["Short enough"]);
  assert.deepEqual(await stranger.all(), tasks);
});
const [{ code, errors }, ...more] = stranger.rejected.splice(0);
assert.equal(code, "validation-failed");
assert.deepEqual(errors.map(({ pointer }) => pointer), ["/set/text"]);
assert.deepEqual(more, [], "told once");

await ask("/me", { method: "DELETE" });
await ask("/tasks", { method: "POST", body: { text: "Another life" } });
await agree("an account that begins anew", [...both, tablet], ["Another life"]);
await laptop.add("Goes on");
await agree("and goes on", [...both, tablet], ["Another life", "Goes on"]);

for (const one of devices) {
  assert.deepEqual(one.rejected, [], one.name);
  await one.database.close();
}
console.log("All databases agree with the service.");
