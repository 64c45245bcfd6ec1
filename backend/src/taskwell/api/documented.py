"""What OpenAPI says of a route beyond what its signature tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from taskwell.api.catalogue import CATALOGUE
from taskwell.api.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]

# Every route that asks for a token can meet these.
_ALWAYS = (
    "token-missing",
    "token-expired",
    "token-invalid",
    "rate-limited",
    "too-many-at-once",
    "database-unavailable",
    "database-busy",
    "storage-full",
    "keys-unavailable",
)

# Every route that reads a JSON body can meet these.
BODY_PROBLEMS = (
    "malformed-json",
    "malformed-header",
    "body-too-large",
    "media-type-unsupported",
    "validation-failed",
)

_EVENT_STREAM = "text/event-stream"
_STRING = {"type": "string"}
_HEADERS: dict[str, dict[str, Any]] = {
    "ETag": {"description": "The tag of what was answered.", "schema": _STRING},
    "Location": {"description": "The path of the task.", "schema": _STRING},
    "Link": {"description": 'The next page, as rel="next" (RFC 8288).', "schema": _STRING},
    "X-Total-Count": {
        "description": "How many tasks fit the filters; with Prefer: count=exact.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "X-Sync-Cursor": {"description": "Where a sync goes on from this list.", "schema": _STRING},
    "Preference-Applied": {
        "description": "count=exact, where that was asked for.",
        "schema": _STRING,
    },
    "Idempotency-Replayed": {
        "description": "true, where this is the answer to an earlier request with the same key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "X-Accel-Buffering": {"description": "no, for proxies that gather.", "schema": _STRING},
    "Allow": {"description": "The methods of this path.", "schema": _STRING},
    "WWW-Authenticate": {"description": "Bearer", "schema": _STRING},
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer", "minimum": 0}},
    "RateLimit-Policy": {
        "description": "The limit that was met: its name, its quota, and its seconds.",
        "schema": {"type": "string", "pattern": '^"[a-z]+";q=[0-9]+;w=[0-9]+$'},
    },
    "RateLimit": {
        "description": "What is left of it, and in how many seconds there is more.",
        "schema": {"type": "string", "pattern": '^"[a-z]+";r=[0-9]+;t=[0-9]+$'},
    },
}
_HEADERS_OF_ALL = {
    "X-Request-ID": {
        "description": "The request's own X-Request-ID, or one that was made.",
        "schema": _STRING,
    },
    "Server-Timing": {
        "description": "Milliseconds for auth, db and total; only where the operator wants it.",
        "schema": _STRING,
    },
    "Cache-Control": {"description": "Who may keep the answer, and how.", "schema": _STRING},
    "Vary": {
        "description": "The headers of the request that make another answer.",
        "schema": _STRING,
    },
    "X-Content-Type-Options": {"description": "nosniff", "schema": _STRING},
}
_HEADERS_OF_PROBLEMS = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    412: ("ETag",),
    429: ("Retry-After", "RateLimit-Policy", "RateLimit"),
    503: ("Retry-After",),
}


def headers(*names: str) -> dict[str, Any]:
    return {name: _HEADERS[name] for name in names}


def problems(*codes: str) -> Responses:
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(CATALOGUE[code].status, []).append(code)
    return {status: _problem(status, found) for status, found in sorted(by_status.items())}


def guarded(*codes: str) -> Responses:
    return problems(*_ALWAYS, *codes)


def _problem(status: int, codes: list[str]) -> dict[str, Any]:
    return {
        "description": " / ".join(CATALOGUE[code].title for code in codes),
        "headers": headers(*_HEADERS_OF_PROBLEMS.get(status, ())),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {code: {"value": _example(code)} for code in codes},
            }
        },
    }


def _example(code: str) -> dict[str, Any]:
    kind = CATALOGUE[code]
    example: dict[str, Any] = {
        "type": f"/problems/{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.detail,
        "code": code,
        "request_id": "6f0d0c4e8a5b4d6c9e1f2a3b4c5d6e7f",
    }
    if code == "validation-failed":
        example["errors"] = [{"pointer": "/text", "code": "required", "message": "Field required"}]
    return example


def takes(
    model: type[BaseModel],
    *media_types: str,
    required: bool = True,
) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {
        "requestBody": {
            "required": required,
            "content": {name: {"schema": schema} for name in media_types},
        }
    }


def with_query(model: type[BaseModel], extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The members of the model are what may stand in the query."""
    members = model.model_json_schema()["properties"]
    asked = [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": schema,
            "description": schema["description"],
        }
        for name, schema in members.items()
    ]
    return {"parameters": [*asked, *(extra or {}).get("parameters", [])]}


_TAG = r'(W/)?"[!#-~]*"'
_TAGS = {
    "type": "string",
    "anyOf": [{"const": "*"}, {"pattern": rf"^{_TAG}(, *{_TAG})*$"}],
    "examples": ['"k3J9.17"'],
}
_KEY = {"type": "string", "pattern": "^[!-~]{1,255}$"}


def _header(name: str, description: str, schema: Mapping[str, Any] = _STRING) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": dict(schema),
    }


_IF_MATCH = _header("If-Match", "Write only if the task still has one of these tags.", _TAGS)
_IF_NONE_MATCH = _header("If-None-Match", "Answer 304 if the tag is still one of these.", _TAGS)
_IF_NOTHING = _header(
    "If-None-Match", "`*`: 412, since a write needs what is there. Tags are not looked at.", _TAGS
)
_IF_MATCH_OF_NEW = _header("If-Match", "A new task has no tag that could match: 412.", _TAGS)
_IF_NEW = _header("If-None-Match", "`*`: create only if there is no task with this id.", _TAGS)
_ONLY_COMPLETED = {
    "name": "status",
    "in": "query",
    "required": True,
    "description": "No request deletes all tasks.",
    "schema": {"type": "string", "enum": ["completed"]},
}
_IDEMPOTENCY_KEY = _header(
    "Idempotency-Key",
    "1 to 255 visible ASCII characters; the same again gets the first answer.",
    _KEY,
)
_PREFER = _header("Prefer", "`count=exact` adds X-Total-Count.")

if_match = {"parameters": [_IF_MATCH, _IF_NOTHING]}
if_none_match = {"parameters": [_IF_NONE_MATCH]}
if_new = {"parameters": [_IF_NEW, _IF_MATCH_OF_NEW]}
only_completed_if_match = {"parameters": [_ONLY_COMPLETED, _IF_MATCH, _IF_NOTHING]}
if_none_match_or_prefer = {"parameters": [_IF_NONE_MATCH, _PREFER]}


_EXAMPLE_EVENT = 'event: change\ndata: {"rev":17}\nid: k3J9.17\n\n'
_SAID_BY_FRAMEWORK = "Successful Response"
# What is answered, by the name of its schema.
_MEANINGS = {
    "": "The tasks.",
    "Task": "The task as it now is.",
    "Cleared": "How many tasks were deleted.",
    "Changes": "What changed.",
    "SyncAnswer": "What became of each operation, and what changed.",
    "ExportDocument": "All that the user has.",
    "Imported": "How many tasks came in.",
    "Health": "All is well.",
    "Alive": "The process answers.",
    "ProblemPage": "What the problem means.",
}


def complete_response(response: dict[str, Any]) -> None:
    response.setdefault("headers", {}).update(_HEADERS_OF_ALL)
    contents = response.get("content", {})
    if _EVENT_STREAM in contents:
        # The framework says more here than OpenAPI 3.1 has words for.
        contents[_EVENT_STREAM] = {"examples": {"change": {"value": _EXAMPLE_EVENT}}}
        response["description"] = "Events, until the token expires or the connection ends."
        response["headers"].update(headers("X-Accel-Buffering"))
    elif response["description"] == _SAID_BY_FRAMEWORK:
        schema = contents["application/json"]["schema"].get("$ref", "")
        response["description"] = _MEANINGS[schema.rpartition("/")[2]]


def add_idempotency(operation: dict[str, Any]) -> None:
    """What every write takes and answers besides, by way of its Idempotency-Key."""
    operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    responses = operation["responses"]
    for status, more in problems(
        "idempotency-key-invalid", "idempotency-key-in-use", "idempotency-key-reused"
    ).items():
        present = responses.setdefault(str(status), more)
        if present is not more:
            present["description"] += f" / {more['description']}"
            present["content"][MEDIA_TYPE]["examples"].update(
                more["content"][MEDIA_TYPE]["examples"]
            )
    for status, response in responses.items():
        if status.startswith("2"):
            response.setdefault("headers", {}).update(headers("Idempotency-Replayed"))
