// What RxDB wants to write, as operations of Taskwell.
import { MEMBERS } from "./schema.js";

/** The same change has the same name, so that a repeated push takes effect once. */
async function operationId(content) {
  const bytes = new TextEncoder().encode(JSON.stringify(content));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).slice(0, 16);
  hash[6] = (hash[6] & 0x0f) | 0x80;
  hash[8] = (hash[8] & 0x3f) | 0x80;
  const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const contentOf = (document) =>
  Object.fromEntries(
    MEMBERS.filter((name) => document[name] !== undefined).map((name) => [name, document[name]]),
  );

function change(mine, base, unanswered) {
  const { id } = mine;
  const exists = base ? !base._deleted : unanswered.length > 0;
  if (mine._deleted) return exists ? { type: "delete", id, set: {} } : null;
  const content = contentOf(mine);
  if (!exists) return { type: base ? "restore" : "create", id, set: content };
  // What an unanswered operation has touched may be there or not: say it again.
  const differs = ([name, value]) =>
    value !== base?.[name] || unanswered.some(({ operation }) => name in operation.set);
  const set = Object.fromEntries(Object.entries(content).filter(differs));
  return Object.keys(set).length ? { type: "update", id, base_rev: base?.rev ?? 0, set } : null;
}

/**
 * RxDB learns the `rev` of its own write with the next pull. What is pushed before that goes behind
 * the earlier operations, which Taskwell recognises: so that nobody conflicts with themselves.
 */
export class Outbox {
  #sent = new Map();

  /** The operations for one document, the newest last; none where there is nothing to say. */
  async add({ newDocumentState: mine, assumedMasterState: base }) {
    const rev = base?.rev ?? 0;
    const known = this.#sent.get(mine.id);
    const sent = known?.rev === rev ? known.sent : [];
    const state = JSON.stringify([contentOf(mine), mine._deleted]);
    const last = sent.at(-1);
    const isRepeated = last && !last.answered && last.state === state;
    if (!isRepeated) {
      const operation = change(mine, base, sent.filter((one) => !one.answered));
      if (operation === null) return [];
      operation.op_id = await operationId([rev, sent.length, operation]);
      sent.push({ operation, state, answered: false });
    }
    this.#sent.set(mine.id, { rev, sent });
    return sent.slice(-MOST_FOR_ONE).map((one) => one.operation);
  }

  answered(id) {
    for (const one of this.#sent.get(id).sent) one.answered = true;
  }
}

// Taskwell takes 500 operations a request.
const MOST_FOR_ONE = 10;
export const MOST_DOCUMENTS = 50;
