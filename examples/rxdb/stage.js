// What the trials play on: devices with a network that can fail, and the service beside them.
import assert from "node:assert/strict";

import { createRxDatabase } from "rxdb";
import { getRxStorageMemory } from "rxdb/plugins/storage-memory";

import { replicateTasks } from "./replicate.js";
import { conflictHandler, schema } from "./schema.js";

export const { TASKWELL_URL: url, TASKWELL_TOKEN, TASKWELL_OTHER_TOKEN } = process.env;
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
export class Network {
  /** How often what was asked for: pulls as GET, pushes as POST, and the path of what is neither. */
  asked = { GET: 0, POST: 0, "/events": 0 };
  /** The operations whose answer was lost, and what became of them when they were repeated. */
  lost = [];
  repeated = [];
  failsToPush = false;
  #loses = false;
  #whenLost;
  #cut = new AbortController();
  #gates = {};
  #cursors = new Set();
  #damaged = new Set();

  fetch = async (address, options = {}) => {
    if (this.#cut.signal.aborted) throw new TypeError("there is no network");
    const { pathname } = new URL(address);
    const kind = pathname === "/sync" ? (options.method ?? "GET") : pathname;
    this.asked[kind] += 1;
    if (kind === "GET") await this.#gates.GET?.();
    if (kind === "POST" && this.failsToPush) throw new TypeError("the push never arrived");
    const signals = [this.#cut.signal, options.signal].filter(Boolean);
    const carried = { ...options, body: this.#damage(options.body) };
    carried.signal = AbortSignal.any(signals);
    const response = await fetchWithGoodToken(this.#damage(address), carried);
    if (kind === "/events" || !response.ok) return response;
    const answer = await response.clone().json();
    this.#cursors.add(answer.cursor);
    if (kind === "POST") {
      this.#watch(options.body, answer);
      await this.#gates.POST?.();
    }
    return response;
  };

  #damage(text) {
    for (const cursor of this.#damaged) text = text?.replaceAll(cursor, "damaged");
    return text;
  }

  #watch(body, { results }) {
    for (const { op_id, status } of results) {
      if (this.lost.includes(op_id)) this.repeated.push(status);
    }
    if (!this.#loses) return;
    this.#loses = false;
    this.lost.push(...JSON.parse(body).operations.map(({ op_id }) => op_id));
    this.#whenLost();
    throw new TypeError("the answer was lost");
  }

  loseTheNextAnswer(whenLost = () => {}) {
    this.#loses = true;
    this.#whenLost = whenLost;
  }

  /** As a bad disk would: no cursor that was given so far is one any more. */
  damageTheCursors() {
    this.#damaged = new Set(this.#cursors);
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

export const devices = [];

/** Where one of the same name was closed, it finds what that one has stored. */
export async function device(name, token, { network = new Network(), leads } = {}) {
  const database = await createRxDatabase({ name, storage: getRxStorageMemory() });
  if (leads) database.waitForLeadership = () => leads;
  const { tasks } = await database.addCollections({ tasks: { schema, conflictHandler } });
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
  const add = async (text, id = crypto.randomUUID()) => {
    await tasks.insert({ id, text, completed: false });
    return id;
  };
  const remove = async (id) => (await find(id)).incrementalRemove();
  const made = { name, all, find, edit, add, remove, network, conflicts, rejected, database };
  devices.push(made);
  return made;
}

const byId = (one, other) => (one.id < other.id ? -1 : 1);

export async function ask(path, { token = TASKWELL_TOKEN, method = "GET", body } = {}) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const sent = { method, headers, body: JSON.stringify(body) };
  const response = await fetchWithGoodToken(url + path, sent);
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.status === 204 ? null : response.json();
}

export async function until(what, check) {
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
export const agree = (what, some, expected) =>
  until(what, async () => {
    const there = (await ask("/tasks")).sort(byId);
    const said = there.map(({ text, completed }) => `${text}${completed ? " (done)" : ""}`);
    assert.deepEqual(said.sort(), [...expected].sort(), "the service");
    for (const one of some) assert.deepEqual(await one.all(), there, one.name);
  });

export const shown = (id, change) =>
  until(`the service has ${JSON.stringify(change)}`, async () => {
    const task = await ask(`/tasks/${id}`);
    assert.deepEqual({ ...task, ...change }, task);
  });
