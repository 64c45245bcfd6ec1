"""The catalogue of problems a client can meet. A code, once given out, keeps its meaning."""

from __future__ import annotations

from dataclasses import dataclass

from taskwell import errors
from taskwell.errors import RequestRefused


@dataclass(frozen=True, slots=True)
class Kind:
    status: int
    title: str
    detail: str


CATALOGUE: dict[str, Kind] = {
    "malformed-request": Kind(
        400,
        "The request is not valid HTTP",
        "The request could not be read as HTTP/1.1, or leaves open where it ends.",
    ),
    "malformed-json": Kind(
        400, "The body is not JSON", "The body must be one JSON document in UTF-8."
    ),
    "malformed-header": Kind(
        400,
        "A header can't be read",
        'If-Match and If-None-Match take "*" or a list of entity tags in double quotes.',
    ),
    "idempotency-key-invalid": Kind(
        400,
        "The Idempotency-Key can't be used",
        "Idempotency-Key takes 1 to 255 visible ASCII characters, once.",
    ),
    "cursor-invalid": Kind(
        400,
        "The cursor does not fit",
        "Use a cursor as it came, a list's with the same filters and sort, or begin without one.",
    ),
    "filter-required": Kind(
        400,
        "A filter is required",
        "Deleting many tasks takes status=completed and no other filter: all completed ones go.",
    ),
    "token-missing": Kind(
        401, "A token is required", "Send a token as Authorization: Bearer <token>."
    ),
    "token-expired": Kind(401, "The token has expired", "Get a new token from the issuer."),
    "token-invalid": Kind(
        401, "The token is not valid", "Get a token for this service from its issuer."
    ),
    "not-found": Kind(404, "There is nothing here", "No resource has this path."),
    "task-not-found": Kind(404, "There is no such task", "You have no such task."),
    "method-not-allowed": Kind(
        405, "The method is not allowed", "The Allow header lists the methods of this path."
    ),
    "request-timeout": Kind(
        408,
        "The request took too long to arrive",
        "The rest of the request did not arrive in time: send it again on a new connection.",
    ),
    "task-id-taken": Kind(
        409,
        "The id is taken",
        "You have a task with this id that was created with other content.",
    ),
    "task-deleted": Kind(
        409, "The task was deleted", "A task with this id was deleted; make a new id."
    ),
    "task-limit-reached": Kind(
        409, "The limit is reached", "You have as many tasks as one user may have; delete some."
    ),
    "edit-conflict": Kind(
        409,
        "The task was edited elsewhere",
        "Both sides changed the same members to different values; nothing was done.",
    ),
    "operation-reused": Kind(
        409,
        "The op_id was used before",
        "An operation with this op_id and other content took effect; make a new op_id.",
    ),
    "batch-aborted": Kind(
        409,
        "The batch was aborted",
        "Another operation of this atomic batch failed, so none took effect.",
    ),
    "idempotency-key-in-use": Kind(
        409,
        "Another request is still running",
        "A request with this Idempotency-Key, or another write of yours, has not ended yet; try "
        "again shortly with the same key.",
    ),
    "sync-reset-required": Kind(
        410,
        "The cursor can't be continued",
        "It is too old, or of another life of the account: begin again without a cursor.",
    ),
    "precondition-failed": Kind(
        412,
        "The task has changed",
        "The task is no longer, or not yet, what the precondition says; nothing was done.",
    ),
    "body-too-large": Kind(
        413, "The body is too large", "The body has more bytes than this path takes."
    ),
    "target-too-long": Kind(
        414,
        "The address is too long",
        "Path and query together may have at most 16384 bytes.",
    ),
    "media-type-unsupported": Kind(
        415,
        "The body must be JSON",
        "Send Content-Type: application/json, in UTF-8 and without a Content-Encoding.",
    ),
    "validation-failed": Kind(
        422, "The request does not fit", "The member errors lists each place that is wrong."
    ),
    "idempotency-key-reused": Kind(
        422,
        "The Idempotency-Key was used before",
        "Another request was sent with this key; make a new key for a new request.",
    ),
    "rate-limited": Kind(
        429,
        "Too many requests",
        "You have sent too many requests, or too many tokens that were refused; nothing was done. "
        "Wait for as long as Retry-After says.",
    ),
    "too-many-at-once": Kind(
        429,
        "Too many requests at once",
        "Many of your requests are at work, or many of your streams open; nothing was done. "
        "Send fewer at a time.",
    ),
    "headers-too-large": Kind(
        431,
        "The headers are too large",
        "All headers together may have at most 32768 bytes, and be at most 100.",
    ),
    "internal-error": Kind(
        500, "Something went wrong here", "It is our fault, and was logged with the request id."
    ),
    "database-unavailable": Kind(
        503,
        "The database is out of reach",
        "It did not answer, so the request may or may not have taken effect; try again shortly.",
    ),
    "database-busy": Kind(503, "The service is busy", "Nothing was done; try again shortly."),
    "storage-full": Kind(
        503,
        "There is no room for writes",
        "The database's disk is almost full; nothing was done. Reading goes on; try again later.",
    ),
    "overloaded": Kind(503, "The service is overloaded", "Nothing was done; try again shortly."),
    "keys-unavailable": Kind(
        503, "The issuer's keys are out of reach", "Nothing was done; try again shortly."
    ),
    "not-ready": Kind(
        503, "The service is not ready", "It is starting, ending, or waits for its database."
    ),
}

CODES: dict[type[RequestRefused], str] = {
    errors.TokenMissing: "token-missing",
    errors.TokenExpired: "token-expired",
    errors.TokenInvalid: "token-invalid",
    errors.DatabaseUnavailable: "database-unavailable",
    errors.DatabaseBusy: "database-busy",
    errors.StorageFull: "storage-full",
    errors.Overloaded: "overloaded",
    errors.KeysUnavailable: "keys-unavailable",
    errors.RateLimited: "rate-limited",
    errors.TooManyAtOnce: "too-many-at-once",
    errors.InputInvalid: "validation-failed",
    errors.CursorInvalid: "cursor-invalid",
    errors.FilterRequired: "filter-required",
    errors.TaskNotFound: "task-not-found",
    errors.TaskIdTaken: "task-id-taken",
    errors.TaskDeleted: "task-deleted",
    errors.TaskLimitReached: "task-limit-reached",
    errors.PreconditionFailed: "precondition-failed",
    errors.SyncResetRequired: "sync-reset-required",
    errors.EditConflict: "edit-conflict",
    errors.BatchAborted: "batch-aborted",
    errors.OperationReused: "operation-reused",
    errors.KeyReused: "idempotency-key-reused",
    errors.KeyInUse: "idempotency-key-in-use",
}
