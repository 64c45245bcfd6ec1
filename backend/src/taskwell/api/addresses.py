"""Where a request comes from, as far as that can be believed.

Anybody can write a header. So what it says counts only when it comes from a proxy that the operator
trusts, and of the addresses that the proxies on the way have noted down, the last one that is not
itself such a proxy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from starlette.datastructures import Headers
from starlette.types import Scope

Address = IPv4Address | IPv6Address

# One network of this size is what a single subscriber gets.
_IPV6_PREFIX = 64
# RFC 7239: an element's parameter `for`, as a token or in quotes.
_FOR = re.compile(r'(?:^|;)\s*for=(?:"([^"]*)"|([^;\s]*))', re.IGNORECASE)
_NO_ADDRESS = "unknown"


class Addresses:
    def __init__(self, trusted: Iterable[str]) -> None:
        self._trusted: tuple[IPv4Network | IPv6Network, ...] = tuple(map(ip_network, trusted))

    def of(self, scope: Scope) -> str:
        """The client's address, or the network of a client with IPv6."""
        client = scope.get("client")
        peer = _parsed(client[0]) if client else None
        if peer is None:
            return _NO_ADDRESS
        if self._trusted and self._is_trusted(peer):
            peer = self._forwarded(Headers(scope=scope), peer)
        if isinstance(peer, IPv6Address):
            return str(IPv6Network((peer, _IPV6_PREFIX), strict=False))
        return str(peer)

    def _forwarded(self, headers: Headers, peer: Address) -> Address:
        """Where both headers are there and tell different tales, one of them was passed on unseen
        by the proxy, and neither is believed."""
        lists = [_x_forwarded_for(headers), _forwarded_for(headers)]
        found = {self._last_untrusted(entries, peer) for entries in lists if entries}
        return found.pop() if len(found) == 1 else peer

    def _last_untrusted(self, entries: Sequence[str], peer: Address) -> Address:
        for entry in reversed(entries):
            address = _parsed(entry)
            if address is None:
                return peer
            peer = address
            if not self._is_trusted(address):
                break
        return peer

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _x_forwarded_for(headers: Headers) -> list[str]:
    return [entry for value in headers.getlist("x-forwarded-for") for entry in value.split(",")]


def _forwarded_for(headers: Headers) -> list[str]:
    """One for each element, empty where it does not say: that hop can't be looked behind."""
    elements = [each for value in headers.getlist("forwarded") for each in value.split(",")]
    found = [_FOR.search(element) for element in elements]
    return [(match[1] or match[2] or "") if match else "" for match in found]


def _parsed(text: str) -> Address | None:
    """With or without a port, an IPv6 address then in brackets."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
