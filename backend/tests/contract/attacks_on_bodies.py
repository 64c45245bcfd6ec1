"""Bodies that are no JSON, no JSON that is meant, or not what the operation takes."""

from __future__ import annotations

import gzip
import json
from typing import Any

from contract.attacks import ABSENT, JSON, MINE, Attack, invalid
from contract.wire import chunked

LIMIT = 1024 * 1024
DEPTH = 100_000
GRIN = "\N{GRINNING FACE}"


def create(members: dict[str, Any]) -> bytes:
    return json.dumps({"text": "canary", **members}).encode()


def _refused_text(name: str, raw: str, flaw: str) -> list[Attack]:
    body = f'{{"text": {raw}}}'.encode()
    return [
        invalid(f"text: {name}, {method}", body, flaw, method=method, path=path)
        for method, path in (
            ("POST", "/tasks"),
            ("PUT", f"/tasks/{MINE}"),
            ("PATCH", f"/tasks/{MINE}"),
        )
    ]


TEXTS = [
    *_refused_text("NUL", r'"canary\u0000"', "nul-character"),
    *_refused_text("half a surrogate pair", r'"canary\ud83d"', "lone-surrogate"),
    *_refused_text("the other half", r'"\ude00canary"', "lone-surrogate"),
    *_refused_text("halves the wrong way round", r'"\ude00\ud83d"', "lone-surrogate"),
    *_refused_text("empty", '""', "too-short"),
    *_refused_text("blank", r'" \t\n\u00a0\u2003\u3000"', "blank"),
    *_refused_text("501 code points", json.dumps("a" * 501), "too-long"),
    *_refused_text("501 astral code points", json.dumps(GRIN * 501), "too-long"),
    *_refused_text("501 unescaped astral code points", f'"{GRIN * 501}"', "too-long"),
    *_refused_text("null", "null", "wrong-type"),
    *_refused_text("a number", "1", "wrong-type"),
    *_refused_text("a list", '["canary"]', "wrong-type"),
    *_refused_text("an object", '{"canary": 1}', "wrong-type"),
    *_refused_text("NaN", "NaN", "not-a-number"),
    *_refused_text("Infinity", "Infinity", "not-a-number"),
    *_refused_text("-Infinity", "-Infinity", "not-a-number"),
]

_MEMBERS: dict[str, list[tuple[Any, str]]] = {
    "completed": [("true", "wrong-type"), (1, "wrong-type"), (None, "wrong-type")],
    "order": [
        (2**53, "out-of-range"),
        (-(2**53), "out-of-range"),
        (10**500, "out-of-range"),
        ("1", "wrong-type"),
        (1.5, "wrong-type"),
        (True, "wrong-type"),
        (None, "wrong-type"),
    ],
    "id": [
        ("canary", "not-a-uuid"),
        ("01975b3e8f2a7c419d0e5a6b7c8d9e0f", "not-a-uuid"),
        ("{01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f}", "not-a-uuid"),
        ("urn:uuid:01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f", "not-a-uuid"),
        ("01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f\n", "not-a-uuid"),
        ("", "not-a-uuid"),
        ("\0", "not-a-uuid"),
        (1, "wrong-type"),
        (None, "wrong-type"),
    ],
    "canary": [(1, "unknown-member")],
    "deleted_at": [(None, "unknown-member")],
    "user_id": [("canary", "read-only")],
    "rev": [(1, "read-only")],
    "created_at": [("2026-11-21T08:30:00Z", "read-only")],
    "updated_at": [(None, "read-only")],
    "completed_at": [("infinity", "read-only")],
}

MEMBERS = [
    invalid(f"{name}: {str(value)[:30]!r}", create({name: value}), flaw)
    for name, values in _MEMBERS.items()
    for value, flaw in values
]


def _raw(name: str, body: bytes, flaw: str, **more: Any) -> Attack:
    return invalid(f"JSON: {name}", body, flaw, **more)


DOCUMENTS = [
    _raw("arrays 100,000 deep", b"[" * DEPTH + b"]" * DEPTH, "too-deep"),
    _raw("arrays 100,000 deep without an end", b"[" * DEPTH, "too-deep"),
    _raw("objects 100,000 deep", b'{"a":' * DEPTH + b"1" + b"}" * DEPTH, "too-deep"),
    _raw(
        "a member 100,000 deep",
        b'{"text": "a", "rev": ' + b"[" * DEPTH + b"]" * DEPTH + b"}",
        "too-deep",
        method="PUT",
        path=f"/tasks/{MINE}",
    ),
    _raw("a number of 5000 digits", b'{"text": "a", "order": 1%b}' % (b"0" * 5000), "out-of-range"),
    _raw("1e500", b'{"text": "a", "order": 1e500}', "out-of-range"),
    _raw(
        "NaN in a member that is ignored",
        b'{"text": "a", "rev": NaN}',
        "not-a-number",
        method="PUT",
        path=f"/tasks/{MINE}",
    ),
    _raw("NaN alone", b"NaN", "not-a-number"),
    _raw("a member twice", b'{"text": "a", "text": "b"}', "duplicate-member"),
    _raw("a member twice, once escaped", b'{"text": "a", "te\\u0078t": "b"}', "duplicate-member"),
    _raw("a member twice, deep down", b'{"text": {"a": 1, "a": 2}}', "duplicate-member"),
    _raw("an unknown half of a surrogate pair", b'{"text": "a", "\\ud800": 1}', "lone-surrogate"),
    _raw("an unknown NUL", b'{"text": "a", "\\u0000": 1}', "unknown-member"),
    _raw("a list", b'[{"text": "canary"}]', "wrong-type"),
    _raw("a string", b'"canary"', "wrong-type"),
    _raw("null", b"null", "wrong-type"),
    _raw("a number", b"1", "wrong-type"),
    _raw("nothing in it", b"{}", "required"),
    _raw(
        "complete: nothing in it", b"{}", "required", method="PATCH", path=f"/tasks/{MINE}/complete"
    ),
    _raw("complete: null", b"null", "wrong-type", method="PATCH", path=f"/tasks/{MINE}/complete"),
    _raw(
        "complete: null in it",
        b'{"completed": null}',
        "wrong-type",
        method="PATCH",
        path=f"/tasks/{MINE}/complete",
    ),
    _raw(
        "put: another id",
        b'{"text": "a", "id": "%b"}' % ABSENT.encode(),
        "immutable",
        method="PUT",
        path=f"/tasks/{MINE}",
    ),
    _raw(
        "patch: an id",
        b'{"id": "%b"}' % ABSENT.encode(),
        "unknown-member",
        method="PATCH",
        path=f"/tasks/{MINE}",
    ),
]


def _no_json(name: str, body: bytes, **more: Any) -> Attack:
    return Attack(f"no JSON: {name}", 400, "malformed-json", headers=JSON, body=body, **more)


NO_JSON = [
    _no_json("empty", b""),
    _no_json("empty, put", b"", method="PUT", path=f"/tasks/{MINE}"),
    _no_json("empty, patch", b"", method="PATCH", path=f"/tasks/{MINE}"),
    _no_json("blank", b"  \r\n"),
    _no_json("blank, complete", b" ", method="PATCH", path=f"/tasks/{MINE}/complete"),
    _no_json("no end", b'{"text": "canary"'),
    _no_json("more after the end", b'{"text": "canary"} {}'),
    _no_json("a comma too many", b'{"text": "canary",}'),
    _no_json("single quotes", b"{'text': 'canary'}"),
    _no_json("a comment", b'{"text": "canary"} // of mine'),
    _no_json("a control character", b'{"text": "can\x01ary"}'),
    _no_json("a line end in a string", b'{"text": "can\nary"}'),
    _no_json("a byte order mark", b'\xef\xbb\xbf{"text": "canary"}'),
    _no_json("UTF-16", '{"text": "canary"}'.encode("utf-16")),
    _no_json("UTF-32", '{"text": "canary"}'.encode("utf-32-le")),
    _no_json("Latin-1", '{"text": "canäry"}'.encode("latin-1")),
    _no_json("overlong UTF-8", b'{"text": "\xc0\x80"}'),
    _no_json("surrogates in UTF-8", b'{"text": "\xed\xa0\xbd\xed\xb8\x80"}'),
    _no_json("beyond Unicode", b'{"text": "\xf4\x90\x80\x80"}'),
    _no_json("a form", b"text=canary"),
]


def _typed(name: str, *content_types: str, body: bytes | None = None, **more: Any) -> Attack:
    headers = tuple(("Content-Type", each) for each in content_types)
    sent = create({}) if body is None else body
    return Attack(
        f"type: {name}", 415, "media-type-unsupported", headers=headers, body=sent, **more
    )


_MULTIPART = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\ncanary\r\n--x--\r\n'

TYPES = [
    _typed("none"),
    _typed("none, and no body", body=b""),
    _typed("text", "text/plain"),
    _typed("anything", "*/*"),
    _typed("a form", "application/x-www-form-urlencoded", body=b"text=canary"),
    _typed("multipart", "multipart/form-data; boundary=x", body=_MULTIPART),
    _typed("multipart without a boundary", "multipart/form-data", body=_MULTIPART),
    _typed("two of them", "application/json", "application/json"),
    _typed("two in one", "application/json, application/json"),
    _typed("another charset", "application/json; charset=latin-1"),
    _typed("merge patch, for a create", "application/merge-patch+json"),
    _typed("JSON patch", "application/json-patch+json", method="PATCH", path=f"/tasks/{MINE}"),
    _typed("text, for complete", "text/plain", method="PATCH", path=f"/tasks/{MINE}/complete"),
    Attack(
        "type: gzip",
        415,
        "media-type-unsupported",
        headers=(*JSON, ("Content-Encoding", "gzip")),
        body=gzip.compress(create({})),
    ),
    Attack(
        "type: said to be gzip",
        415,
        "media-type-unsupported",
        headers=(*JSON, ("Content-Encoding", "gzip")),
        body=create({}),
    ),
    Attack(
        "type: a gzip bomb, for complete",
        415,
        "media-type-unsupported",
        method="PATCH",
        path=f"/tasks/{MINE}/complete",
        headers=(*JSON, ("Content-Encoding", "identity, gzip")),
        body=gzip.compress(b" " * (10 * LIMIT)),
    ),
]

_TOO_LARGE = create({}) + b" " * LIMIT


def _large(name: str, **more: Any) -> Attack:
    return Attack(f"size: {name}", 413, "body-too-large", **more)


SIZES = [
    _large("over the limit", headers=JSON, body=_TOO_LARGE),
    _large("one byte over the limit", headers=JSON, body=create({}).ljust(LIMIT + 1)),
    _large(
        "over the limit, put", headers=JSON, body=_TOO_LARGE, method="PUT", path=f"/tasks/{MINE}"
    ),
    _large(
        "over the limit, complete",
        headers=JSON,
        body=_TOO_LARGE,
        method="PATCH",
        path=f"/tasks/{MINE}/complete",
    ),
    _large(
        "over the limit, chunked",
        headers=(*JSON, ("Transfer-Encoding", "chunked")),
        body=chunked(_TOO_LARGE),
    ),
    _large(
        "over the limit, in very small chunks",
        headers=(*JSON, ("Transfer-Encoding", "chunked")),
        body=chunked(_TOO_LARGE, 64),
    ),
    _large("announced only", headers=(*JSON, ("Content-Length", "999999999999")), body=b""),
]

ATTACKS_ON_BODIES = [*TEXTS, *MEMBERS, *DOCUMENTS, *NO_JSON, *TYPES, *SIZES]
