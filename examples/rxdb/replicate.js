// An RxDB collection of tasks, replicated with Taskwell's /sync.
import { replicateRxCollection } from "rxdb/plugins/replication";
import { Subject } from "rxjs";

import { follow } from "./events.js";
import { MOST_DOCUMENTS, Outbox } from "./operations.js";
import { asDocument } from "./schema.js";

const MOST_CHANGES = 1000;

/** `fetchToken` gives a valid token; `onRejected` hears what Taskwell will never take, and why. */
export function replicateTasks({
  collection,
  url,
  fetchToken,
  onRejected,
  fetch = globalThis.fetch,
  retryTime = 5000,
}) {
  const outbox = new Outbox();
  const stream = new Subject();
  // How far we have come, and from where to look again after a push.
  let cursor;
  let again;

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
    const local = await collection.find().exec();
    const gone = local.filter((one) => one.rev !== undefined && !alive.has(one.id));
    page.changes.push(...gone.map(({ id, rev }) => ({ id, rev, deleted: true })));
    return page;
  }

  async function pull(checkpoint, limit) {
    const missed = again;
    again = undefined;
    cursor = checkpoint?.cursor ?? cursor;
    try {
      const skipped = missed ? (await allSince(missed.cursor)).changes : [];
      const page = await changesSince(checkpoint?.cursor, limit);
      page.changes.unshift(...skipped);
      return delivered(page);
    } catch (error) {
      again = missed ?? again;
      if (error.code !== "sync-reset-required") throw error;
      again = undefined;
      return delivered(await startOver());
    }
  }

  function delivered(page) {
    cursor = page.cursor;
    return { documents: page.changes.map(asDocument), checkpoint: { cursor } };
  }

  async function push(rows) {
    const before = { cursor };
    const batches = await Promise.all(rows.map((row) => outbox.add(row)));
    const operations = batches.flat();
    if (operations.length === 0) return [];
    const response = await request("/sync", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ operations, limit: 1 }),
    });
    const { results } = await response.json();
    // RxDB skips a pulled document while a write of its own is under way: those come once more.
    replication.awaitInSync().then(() => {
      again ??= before;
      stream.next("RESYNC");
    });
    const theirs = rows.map((row, index) => settled(row, results.splice(0, batches[index].length)));
    return theirs.filter((document) => document !== undefined);
  }

  /** The server's document where the newest operation was not done: RxDB takes it from there. */
  function settled({ newDocumentState: mine }, results) {
    if (results.length === 0) return undefined;
    outbox.answered(mine.id);
    const { status, task, problem } = results.at(-1);
    if (status === "conflict") return asDocument(task);
    if (status !== "rejected") return undefined;
    onRejected(problem, mine);
    const isGone = problem.code === "task-not-found";
    return isGone ? asDocument({ id: mine.id, rev: mine.rev, deleted: true }) : undefined;
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
