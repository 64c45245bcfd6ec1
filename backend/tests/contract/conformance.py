"""Holds a real answer against what the description of the service says of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import jsonschema_rs

from contract.operations import DOCUMENT, OPERATIONS, Json, Operation

# HTTP itself knows these, or they are the same for every answer; the text of the document tells.
UNIVERSAL = {
    "allow",
    "connection",
    "content-length",
    "content-type",
    "date",
    "vary",
    "x-content-type-options",
    "access-control-allow-origin",
    "access-control-expose-headers",
}


@cache
def _validator(schema: str) -> Any:
    """Of a schema as text; what it refers to is found in the document."""
    whole = {**json.loads(schema), "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def flaws(schema: Json, value: object) -> list[str]:
    found = _validator(json.dumps(schema)).iter_errors(value)
    return [f"{error.instance_path}: {error.message}" for error in found]


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"{\w+}", "[^/]+", path))


# What is written out goes before what a parameter fits: /health/live before /health/{x}.
_CANDIDATES = sorted(OPERATIONS, key=lambda each: each.path.count("{"))


def find(method: str, path: str) -> Operation | None:
    """The operation that a request is for: HEAD is the GET without its body."""
    asked = "GET" if method == "HEAD" else method
    for operation in _CANDIDATES:
        if operation.method == asked and _pattern(operation.path).fullmatch(path):
            return operation
    return None


def check(
    operation: Operation,
    method: str,
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes,
) -> None:
    said = f"{operation.id} answered {status}"
    described = operation.description["responses"].get(str(status))
    assert described is not None, f"{said}, which is not described"
    known = {name.lower(): header for name, header in described.get("headers", {}).items()}
    sent = {name.lower(): value for name, value in headers}
    assert sent.keys() - UNIVERSAL <= known.keys(), f"{said} with headers that are not described"
    for name, header in known.items():
        if name in sent:
            value = sent[name]
            typed = int(value) if header["schema"].get("type") == "integer" else value
            assert flaws(header["schema"], typed) == [], f"{said} with another {name}"
        else:
            assert not header.get("required"), f"{said} without {name}"
    _check_body(said, described.get("content", {}), method, sent, body)


def _check_body(said: str, contents: Json, method: str, sent: dict[str, str], body: bytes) -> None:
    if method == "HEAD":
        assert body == b"", said
        return
    if not contents:
        assert body == b"", f"{said} with a body that is not described"
        return
    media_type = sent["content-type"].partition(";")[0]
    assert media_type in contents, f"{said} as {media_type}, which is not described"
    if media_type.endswith("json"):
        assert flaws(contents[media_type]["schema"], json.loads(body)) == [], said


def hold(method: str, path: str, status: int, headers: Any, body: bytes) -> None:
    """Fails where this answer is not what the description promises to whoever reads it."""
    operation = find(method, path)
    if operation is not None:
        check(operation, method, status, headers, body)
    elif status >= 400 and method != "HEAD":
        assert flaws({"$ref": "#/components/schemas/Problem"}, json.loads(body)) == []
