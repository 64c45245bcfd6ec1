// An RxDB collection of tasks, replicated with Taskwell's /sync.
import { replicateRxCollection } from "rxdb/plugins/replication";
import { Subject } from "rxjs";

import { follow } from "./events.js";
import { MOST_DOCUMENTS, Outbox, stateOf } from "./operations.js";
import { asDocument } from "./schema.js";

const MOST_CHANGES = 1000;
const ABSENT = "task-not-found";

// The cursor is of another life of the account, or none at all: nothing was done.
const isReset = ({ code }) => code === "sync-reset-required" || code === "cursor-invalid";

/** `fetchToken` gives a valid token; `onRejected` hears what Taskwell does not take, and why. */
export function replicateTasks({
  collection,
  url,
  fetchToken,
  onRejected,
  fetch = globalThis.fetch,
  retryTime = 5000,
}) {
  const outbox = new Outbox(collection);
  const stream = new Subject();
  // How far we have come, and from where to look again after a push.
  let cursor;
  let again;
  // The first pull tells how far we have come before.
  let begin;
  const begun = new Promise((resolve) => (begin = resolve));
  // States of tasks in another life of the account: an edit that was made on one has no base.
  const old = new Set();
  // Whether there may be room for tasks that the limit has kept out.
  let hasRoom = true;
  let turn = Promise.resolve();

  /** RxDB's pushes and our own one after the other: each has to know what the one before has sent. */
  function inTurn(action) {
    const result = turn.then(action);
    turn = result.catch(() => {});
    return result;
  }

  async function request(path, { headers, ...options } = {}) {
    const authorization = `Bearer ${await fetchToken()}`;
    const carried = { ...headers, authorization };
    const response = await fetch(url + path, { ...options, headers: carried });
    if (response.ok) return response;
    const problem = await response.json();
    throw Object.assign(new Error(`Taskwell: ${problem.detail ?? problem.title}`), problem);
  }

  async function changesSince(since, limit) {
    const query = new URLSearchParams({ limit, ...(since && { since }) });
    return (await request(`/sync?${query}`)).json();
  }

  async function allSince(since) {
    const changes = [];
    for (let page = { cursor: since, has_more: true }; page.has_more; ) {
      page = await changesSince(page.cursor, MOST_CHANGES);
      changes.push(...page.changes);
      since = page.cursor;
    }
    return { changes, cursor: since };
  }

  /** All that is alive; what we know of besides is gone. */
  async function startOver() {
    const page = await allSince();
    const alive = new Set(page.changes.map(({ id }) => id));
    const states = new Set(page.changes.map(stateOf));
    const known = (await collection.find().exec()).filter(({ rev }) => rev !== undefined);
    for (const one of known) if (!states.has(stateOf(one))) old.add(stateOf(one));
    const gone = known.filter(({ id }) => !alive.has(id));
    page.changes.push(...gone.map(({ id, rev }) => ({ id, rev, deleted: true })));
    return page;
  }

  async function pull(checkpoint, limit) {
    const missed = again;
    again = undefined;
    cursor = checkpoint?.cursor ?? cursor;
    begin();
    try {
      const skipped = missed ? (await allSince(missed.cursor)).changes : [];
      const page = await changesSince(checkpoint?.cursor, limit);
      page.changes.unshift(...skipped);
      return await delivered(page);
    } catch (error) {
      again = missed ?? again;
      if (!isReset(error)) throw error;
      again = undefined;
      return delivered(await startOver());
    }
  }

  async function delivered(page) {
    cursor = page.cursor;
    hasRoom ||= page.changes.some(({ deleted }) => deleted);
    if (hasRoom) await inTurn(pushWaiting);
    hasRoom = false;
    return { documents: page.changes.map(asDocument), checkpoint: { cursor } };
  }

  async function push(rows) {
    await begun;
    return inTurn(() => write(rows));
  }

  /** What the limit of tasks kept out. For RxDB it is pushed, so that what makes room can follow. */
  async function pushWaiting() {
    const found = await collection.findByIds(await outbox.waiting()).exec();
    const rows = [...found.values()].map((one) => ({
      newDocumentState: { ...one.toJSON(), _deleted: false },
    }));
    while (rows.length > 0) await write(rows.splice(0, MOST_DOCUMENTS));
  }

  async function write(rows) {
    const before = { cursor };
    const batches = await outbox.add(rows, (base) => base !== undefined && old.has(stateOf(base)));
    if (batches.flat().length === 0) return [];
    let results;
    try {
      results = await send(batches.flat(), cursor);
    } catch (error) {
      if (cursor === undefined || !isReset(error)) throw error;
      // RxDB pulls only once this push is done. So it goes without a cursor, and on no base.
      cursor = undefined;
      for (const { assumedMasterState: base } of rows) {
        if (base?.rev !== undefined) old.add(stateOf(base));
      }
      return write(rows);
    }
    const outcomes = await outbox.answered(batches, results);
    // RxDB skips a pulled document while a write of its own is under way: those come once more.
    replication.awaitInSync().then(() => {
      again ??= before;
      stream.next("RESYNC");
    });
    const said = rows.map((row, index) => ({ ...row, outcome: outcomes[index] }));
    const unknown = said.filter(wasNeverThere);
    const theirs = said.filter((one) => one.outcome && !unknown.includes(one)).map(settled);
    if (unknown.length > 0) theirs.push(...(await write(unknown)));
    return theirs.filter((document) => document !== undefined);
  }

  /** The server's document where the newest operation was not done: RxDB takes it from there. */
  function settled({ newDocumentState: mine, assumedMasterState: base, outcome }) {
    const { type, status, task, problem, isNews } = outcome;
    if (status === "conflict") {
      old.delete(stateOf(task));
      return asDocument(task);
    }
    if (status !== "rejected") return undefined;
    const isAbsent = problem.code === ABSENT;
    if (isAbsent && type === "delete") return undefined;
    if (isNews) onRejected(problem, mine);
    const isGone = isAbsent && base?.rev !== undefined;
    return isGone ? asDocument({ id: mine.id, rev: base.rev, deleted: true }) : undefined;
  }

  /** A push that sends a cursor gets changes too. They are left to the pull, which goes on from its own. */
  async function send(operations, since) {
    const response = await request("/sync", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ cursor: since, operations, limit: 1 }),
    });
    return (await response.json()).results;
  }

  const replication = replicateRxCollection({
    collection,
    replicationIdentifier: `taskwell ${url}`,
    pull: { handler: pull, stream$: stream, batchSize: MOST_CHANGES },
    push: { handler: push, batchSize: MOST_DOCUMENTS },
    retryTime,
  });
  listen(replication, request, retryTime, (id) => id !== cursor && stream.next("RESYNC"));
  return replication;
}

/** An edit of a create that was refused, which is heard only now: it has to be a create itself. */
const wasNeverThere = ({ assumedMasterState: base, outcome }) =>
  outcome?.problem?.code === ABSENT && outcome.type === "update" && base?.rev === undefined;

/** A stream ends with its token, the service and the network: then the next one. */
async function listen(replication, request, retryTime, hear) {
  const stopped = new AbortController();
  replication.onCancel.push(() => stopped.abort());
  // A browser has six connections to a service for all its tabs: only the tab that leads listens.
  await replication.collection.database.waitForLeadership();
  while (!stopped.signal.aborted) {
    try {
      await follow(request, stopped.signal, hear);
    } catch (error) {
      if (stopped.signal.aborted) return;
      replication.subjects.error.next(error);
    }
    await new Promise((resume) => setTimeout(resume, retryTime));
  }
}
