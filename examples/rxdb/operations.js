// What RxDB wants to write, as operations of Taskwell.
import { MEMBERS } from "./schema.js";

// Taskwell takes 500 operations a request.
const MOST_FOR_ONE = 10;
export const MOST_DOCUMENTS = 50;

const DONE = "done";
const FULL = "task-limit-reached";
const isDone = ({ fate }) => fate === DONE;
const isRefused = ({ fate }) => fate !== undefined && fate !== DONE;

const contentOf = (document) =>
  Object.fromEntries(
    MEMBERS.filter((name) => document[name] !== undefined).map((name) => [name, document[name]]),
  );

/** Which state of a task at the service this is, or was before it was edited here. */
export const stateOf = ({ id, rev, updated_at }) => JSON.stringify([id, rev, updated_at]);

function change(mine, base, sent) {
  const { id } = mine;
  const last = sent.findLast((one) => !isRefused(one))?.operation.type;
  // Also where nothing is known of it: the answer of a create may have been lost.
  if (mine._deleted) return base?._deleted && !last ? null : { type: "delete", id, set: {} };
  const content = contentOf(mine);
  const isKnown = base?.rev !== undefined;
  const wasRestored = sent.some(({ operation }) => operation.type === "restore");
  const isDeleted = last ? last === "delete" : isKnown ? base._deleted : wasRestored;
  if (isDeleted) return { type: "restore", id, set: content };
  if (!isKnown && !last) return { type: "create", id, set: content };
  // What an operation has touched that is not known to be done may be there or not: say it again.
  const differs = ([name, value]) =>
    value !== base?.[name] || sent.some((one) => !isDone(one) && name in one.operation.set);
  const set = Object.fromEntries(Object.entries(content).filter(differs));
  return Object.keys(set).length ? { type: "update", id, set } : null;
}

/** What is kept of a document with its newest operation; nothing where there is nothing to say. */
function entryFor({ newDocumentState: mine, assumedMasterState: base }, known, isOld) {
  // Only a pull brings a `rev`: without one, what was sent before goes on.
  const goesOn = base?.rev === undefined || known?.base === stateOf(base);
  const kept = goesOn ? (known?.sent ?? []) : [];
  const sent = isOld ? kept.filter((one) => !isDone(one)) : kept;
  const state = JSON.stringify([contentOf(mine), mine._deleted]);
  const last = sent.at(-1);
  if (last?.state === state && (!isRefused(last) || last.fate === FULL)) {
    if (last.fate === FULL) delete last.fate;
  } else {
    const operation = change(mine, base, sent);
    if (operation === null) return undefined;
    operation.op_id = crypto.randomUUID();
    sent.push({ operation, state });
  }
  return { id: mine.id, base: stateOf(base ?? mine), waits: false, sent: sent.slice(-MOST_FOR_ONE) };
}

const schema = {
  version: 0,
  primaryKey: "id",
  type: "object",
  properties: {
    id: { type: "string", maxLength: 36 },
    base: { type: "string" },
    waits: { type: "boolean" },
    sent: { type: "array", items: { type: "object" } },
  },
  required: ["id", "base", "waits", "sent"],
  indexes: ["waits"],
};

/**
 * What was sent of each document since it was last pulled, in a collection of its own: RxDB learns the
 * `rev` of its own write with the next pull. What is pushed before that goes behind the earlier
 * operations, which Taskwell recognises: so that nobody conflicts with themselves. And what is sent
 * again after a lost answer is the same operation, also when the app was closed in between.
 */
export class Outbox {
  #stored;

  constructor({ name, database }) {
    const own = `${name}_outbox`;
    this.#stored = (async () =>
      database.collections[own] ?? (await database.addCollections({ [own]: { schema } }))[own])();
    // Whoever uses it first hears of a failure.
    this.#stored.catch(() => {});
  }

  /** The operations for each document, the newest last. `isOld` tells of a base that counts no more. */
  async add(rows, isOld) {
    const known = await this.#read(rows.map(({ newDocumentState }) => newDocumentState.id));
    const entries = rows.map((row) =>
      entryFor(row, known.get(row.newDocumentState.id), isOld(row.assumedMasterState)),
    );
    await this.#write(entries.filter((entry) => entry !== undefined));
    return entries.map((entry, index) => {
      const base = rows[index].assumedMasterState;
      const base_rev = isOld(base) ? 0 : (base?.rev ?? 0);
      const sent = entry?.sent.filter((one) => !isRefused(one)) ?? [];
      return sent.map(({ operation }) =>
        operation.type === "update" ? { ...operation, base_rev } : operation,
      );
    });
  }

  /** Remembers what became of all operations, and gives the result of each document's newest. */
  async answered(batches, results) {
    const known = await this.#read(batches.flat().map(({ id }) => id));
    const answers = new Map(results.map((result) => [result.op_id, result]));
    const news = new Set();
    for (const entry of known.values()) {
      for (const one of entry.sent) {
        const answer = answers.get(one.operation.op_id);
        if (answer === undefined) continue;
        one.fate = answer.problem?.code ?? DONE;
        if (one.fate !== one.told) news.add(answer);
        one.told = one.fate;
      }
      entry.waits = entry.sent.at(-1).fate === FULL;
    }
    await this.#write([...known.values()]);
    return batches.map((batch) => {
      const { type, op_id } = batch.at(-1) ?? {};
      const answer = answers.get(op_id);
      return answer && { ...answer, type, isNews: news.has(answer) };
    });
  }

  /** The ids of the tasks that the limit of tasks keeps out. */
  async waiting() {
    const found = await (await this.#stored).find({ selector: { waits: true } }).exec();
    return found.map(({ id }) => id);
  }

  async #read(ids) {
    const found = await (await this.#stored).findByIds(ids).exec();
    return new Map([...found].map(([id, entry]) => [id, entry.toMutableJSON()]));
  }

  async #write(entries) {
    const { error } = await (await this.#stored).bulkUpsert(entries);
    if (error.length > 0) throw new Error(`The outbox can't be written (${error[0].status}).`);
  }
}
