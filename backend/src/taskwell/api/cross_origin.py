"""Whose pages may read an answer: those of the listed origins, and of an error no less."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import Scope

_EXPOSED = (
    b"ETag, Link, Location, Retry-After, X-Request-ID, X-Total-Count, X-Sync-Cursor, "
    b"Idempotency-Replayed"
)


def listed_origin(scope: Scope, origins: frozenset[bytes]) -> bytes | None:
    if origins:
        for name, value in scope["headers"]:
            if name == b"origin" and value in origins:
                return bytes(value)
    return None


def share(headers: list[tuple[bytes, bytes]], origin: bytes | None) -> None:
    """With the origin, if it is one of those that are listed; caches are told in any case."""
    if origin is not None:
        headers.append((b"access-control-allow-origin", origin))
        headers.append((b"access-control-expose-headers", _EXPOSED))
    known = MutableHeaders(raw=headers)
    if "origin" not in known.get("vary", "").lower():
        known.add_vary_header("Origin")
