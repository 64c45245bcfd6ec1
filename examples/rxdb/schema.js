// The tasks as RxDB keeps them: the members that Taskwell gives, and what happens when two meet.
import { defaultConflictHandler } from "rxdb";

export const schema = {
  version: 0,
  primaryKey: "id",
  type: "object",
  properties: {
    id: { type: "string", maxLength: 36 },
    user_id: { type: "string" },
    text: { type: "string", maxLength: 500 },
    completed: { type: "boolean" },
    order: { type: "integer" },
    created_at: { type: "string" },
    updated_at: { type: "string" },
    completed_at: { type: ["string", "null"] },
    rev: { type: "integer" },
  },
  required: ["id", "text", "completed"],
};

// What the user can change. The rest is the server's.
export const MEMBERS = ["text", "completed", "order"];

export const conflictHandler = {
  isEqual: defaultConflictHandler.isEqual,
  // A delete wins; so does the server where both have changed the same member. The rest stays mine.
  resolve({ realMasterState: theirs, newDocumentState: mine, assumedMasterState: base }) {
    if (theirs._deleted || mine._deleted || !base) return theirs;
    const kept = MEMBERS.filter((name) => mine[name] !== base[name] && theirs[name] === base[name]);
    return { ...theirs, ...Object.fromEntries(kept.map((name) => [name, mine[name]])) };
  },
};

export const asDocument = ({ deleted, ...task }) =>
  deleted ? { text: "", completed: false, ...task, _deleted: true } : { ...task, _deleted: false };
