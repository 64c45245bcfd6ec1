"""All that reads what a stranger may have written: for any bytes it ends in a value that keeps its
promise, or in a refusal that is documented. Anything else is a finding."""

from __future__ import annotations

import json
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any, cast

from pydantic import BaseModel
from starlette.datastructures import Headers

from taskwell.api import trace
from taskwell.api.addresses import Addresses
from taskwell.api.bodies import parse
from taskwell.api.call import Call
from taskwell.api.parameters import list_query, sync_parameters
from taskwell.api.preconditions import if_match, if_none_match, wants_exact_count
from taskwell.api.problems import HttpRefused, listed
from taskwell.auth.strict_json import read_object
from taskwell.auth.tokens import bearer, read_token
from taskwell.errors import CursorInvalid, InputInvalid, TokenRefused
from taskwell.schemas.belongings import ImportDocument
from taskwell.schemas.sync import CONTENTS, SyncOperation, SyncRequest
from taskwell.schemas.tasks import TaskCompletion, TaskCreate, TaskPatch, TaskReplace
from taskwell.services.changes import Cursor
from taskwell.services.lists import ListQuery, SortKey

Target = Callable[[bytes], None]

ALGORITHMS = frozenset({"EdDSA", "ES256", "RS256", "HS256"})
WHOLE: list[type[BaseModel]] = [TaskCreate, TaskReplace, TaskPatch, TaskCompletion, SyncRequest]
MODELS: list[type[BaseModel]] = [*WHOLE, SyncOperation, ImportDocument, *CONTENTS.values()]
PROXIES = Addresses(["127.0.0.0/8", "::1"])


def promise(is_kept: bool) -> None:
    assert is_kept, "a refusal of another kind"


def body(data: bytes) -> None:
    """The first byte says which one is meant."""
    model = MODELS[data[0] % len(MODELS)] if data else MODELS[0]
    try:
        found = parse(data[1:], model)
    except HttpRefused as refusal:
        promise(refusal.code == "malformed-json")
        return
    except InputInvalid as refusal:
        # It is answered as JSON in UTF-8.
        json.dumps(listed(refusal.flaws), ensure_ascii=False).encode()
        return
    text = getattr(found, "text", None)
    if isinstance(text, str):
        assert text.strip()
        assert "\0" not in text
        text.encode()


def token(data: bytes) -> None:
    try:
        found = read_token(bearer([data.decode("latin-1")]), ALGORITHMS)
    except TokenRefused as refusal:
        promise(refusal.reason.isprintable())
        return
    assert found.algorithm in ALGORITHMS
    assert found.signature


def strict_json(data: bytes) -> None:
    try:
        found = read_object(data)
    except ValueError as refusal:
        promise(str(refusal).isprintable())
        return
    assert found == json.loads(data)


def tags(data: bytes) -> None:
    headers = Headers(raw=[(name, data) for name in (b"if-match", b"if-none-match")])
    try:
        wanted, seen = if_match(headers), if_none_match(headers)
    except HttpRefused as refusal:
        promise(refusal.code == "malformed-header")
        return
    assert seen is not None
    assert wanted is None or set(wanted) <= set(seen)


def preferences(data: bytes) -> None:
    is_wanted = wants_exact_count(Headers(raw=[(b"prefer", data)]))
    assert not is_wanted or b"exact" in data.lower()


def request_id(data: bytes) -> None:
    given, _, parent = data.partition(b"\n")
    note = trace.begin({"headers": [(b"x-request-id", given), (b"traceparent", parent)]})
    assert note.request_id.isascii()
    assert 1 <= len(note.request_id) <= 128
    assert set(note.request_id) <= {*"._-", *filter(str.isalnum, note.request_id)}
    assert note.trace_id is None or int(note.trace_id, 16) > 0


def forwarded(data: bytes) -> None:
    first, _, second = data.partition(b"\n")
    headers = [(b"x-forwarded-for", first), (b"forwarded", second)]
    said = PROXIES.of({"type": "http", "client": ("127.0.0.1", 1), "headers": headers})
    read = ip_network if "/" in said else ip_address
    read(said)


def query(data: bytes) -> None:
    call = cast("Call", _Asking(data))
    for read in (list_query, sync_parameters):
        try:
            found = read(call)
        except InputInvalid as refusal:
            json.dumps(listed(refusal.flaws), ensure_ascii=False).encode()
            continue
        assert 1 <= found.limit <= 1000


class _Asking:
    def __init__(self, data: bytes) -> None:
        self.scope: dict[str, Any] = {"query_string": data}


def list_cursor(data: bytes) -> None:
    """The first byte says of which order."""
    sorts = list(SortKey)
    sort = sorts[data[0] % len(sorts)] if data else sorts[0]
    try:
        position = ListQuery(sort=sort, cursor=_as_text(data[1:])).start()
    except CursorInvalid:
        return
    assert position.task_id is not None
    assert isinstance(position.key, str) == (sort is SortKey.TEXT)


def sync_cursor(data: bytes) -> None:
    text = _as_text(data)
    try:
        found = Cursor.read(text)
    except CursorInvalid:
        return
    assert found is None or text.startswith(f"{found.epoch}.")
    # As PostgreSQL can hold it.
    assert found is None or max(found.rev, found.began or 0) < 2**63


def _as_text(data: bytes) -> str:
    """Halves of surrogate pairs are among it, as they may be in JSON."""
    return data.decode("utf-8", "surrogateescape")


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (
        *(body, token, strict_json, tags, preferences, request_id, forwarded, query),
        *(list_cursor, sync_cursor),
    )
}

_ID = "01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f"
_TASK = {
    "id": _ID,
    "text": "a",
    "completed": False,
    "order": 1,
    "created_at": "2026-11-21T08:30:00Z",
    "updated_at": "2026-11-21T08:30:00+01:00",
    "completed_at": None,
}
_WHOLE = f'{{"text": "Buy \\u006dilk", "completed": true, "order": 1e3, "id": "{_ID}"}}'
_OPERATION = {"op_id": _ID, "type": "move", "id": _ID, "base_rev": 0, "set": {"to": "first"}}
_BODIES = [
    *[_WHOLE] * 3,
    '{"completed": false}',
    json.dumps({"cursor": "a.1", "operations": [_OPERATION], "atomic": True, "limit": 1}),
    json.dumps(_OPERATION),
    json.dumps({"format": "taskwell-export-1", "tasks": [_TASK], "deleted_tasks": []}),
]

# Where a search begins: what is read, so that its neighbours are tried.
SEEDS: dict[str, list[bytes]] = {
    "body": [bytes([place]) + text.encode() for place, text in enumerate(_BODIES)],
    # In three parts, so that nobody takes it for somebody's token.
    "token": [
        b"Bearer " + b".".join([b"eyJhbGciOiJFZERTQSIsImtpZCI6ImEifQ", b"eyJzdWIiOiJhIn0", b"AAAA"])
    ],
    "strict_json": [b'{"a": [1, -2.5e3, "\\ud83d\\ude00", true, null, {}]}'],
    "tags": [b'"a.1", W/"b.2"', b"*"],
    "preferences": [b'respond-async, count="exact"; a=b'],
    "request_id": [b"a-1._\n00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
    "forwarded": [b'1.2.3.4, 127.0.0.1\nfor="[2001:db8::1]:80";proto=http, For=::ffff:1.2.3.4'],
    "query": [b"status=pending&q=%C3%A9&sort=-text&limit=10&cursor=WyI&since=a.1"],
    "list_cursor": [
        bytes([place])
        + ListQuery(sort=sort).continued("1", "01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f").encode()
        for place, sort in enumerate(SortKey)
    ],
    "sync_cursor": [b"_EGvBD8yhAkl0k3K.7", b"_EGvBD8yhAkl0k3K.7.9", b"new.0"],
}
