"""What the head of a request must be: of a size, and clear about where the request ends."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import AddressValueError, IPv6Address

HEAD_LIMIT = 32 * 1024
TARGET_LIMIT = 16 * 1024
MOST_HEADERS = 100
# As a number, which is found in bytes in a third of the time.
FRAGMENT = ord("#")

Headers = Iterable[tuple[bytes, bytes]]

_NAME = rb"A-Za-z0-9._~!$&'()*+,;=\-"
# RFC 3986, 3.2: a name, an address in digits, or a newer one in brackets; then a port. What has
# matched is never looked at again (`++`), so the longest costs no more than its length.
_HOST = re.compile(
    rb"(?:(?:[%b]++|%%[0-9A-Fa-f]{2})*+|\[(?:([0-9A-Fa-f:.]+)|[vV][0-9A-Fa-f]+\.[%b:]+)\])"
    rb"(?::[0-9]*)?[ \t]*" % (_NAME, _NAME)
)
_WITHOUT_PATH = re.compile(rb"([^/?]*://[^/?]*)(\?.*)?")


def with_path(url: bytes) -> bytes:
    """An address may end with its host, or go on with its query: the path is the root's then."""
    found = _WITHOUT_PATH.fullmatch(url)
    return url if found is None else b"%b/%b" % (found[1], found[2] or b"")


def size_of(url: bytes, headers: Headers) -> int:
    return len(url) + sum(len(name) + len(value) + 4 for name, value in headers)


def is_clear(version: str, headers: Headers) -> bool:
    """As RFC 9112 has it: 3.2 for hosts, 6.1 for transfer codings. The only coding that is known
    here is chunked, by itself, and HTTP/1.0 had none."""
    hosts = codings = 0
    host = b""
    for name, value in headers:
        if name == b"host":
            hosts += 1
            host = value
        elif name == b"transfer-encoding":
            codings += 1
            if codings > 1 or value.strip(b" \t").lower() != b"chunked":
                return False
    if version == "1.0":
        return hosts <= 1 and not codings and _is_host(host)
    return version == "1.1" and hosts == 1 and _is_host(host)


def _is_host(value: bytes) -> bool:
    found = _HOST.fullmatch(value)
    return found is not None and (found[1] is None or _is_ipv6(found[1]))


def _is_ipv6(digits: bytes) -> bool:
    try:
        IPv6Address(digits.decode())
    except AddressValueError:
        return False
    return True
