"""What the head of a request must be: of a size, and clear about where the request ends."""

from __future__ import annotations

from collections.abc import Iterable

HEAD_LIMIT = 32 * 1024
TARGET_LIMIT = 16 * 1024
MOST_HEADERS = 100

Headers = Iterable[tuple[bytes, bytes]]


def size_of(url: bytes, headers: Headers) -> int:
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers)


def is_clear(version: str, headers: Headers) -> bool:
    """As RFC 9112 has it: 3.2 for hosts, 6.1 for transfer codings. The only coding that is known
    here is chunked, by itself, and HTTP/1.0 had none."""
    hosts = codings = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"transfer-encoding":
            codings += 1
            if codings > 1 or value.strip(b" \t").lower() != b"chunked":
                return False
    if version == "1.0":
        return hosts <= 1 and not codings
    return version == "1.1" and hosts == 1
