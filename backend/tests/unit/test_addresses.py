"""Which address counts: the peer's, unless a trusted proxy tells of another one."""

from __future__ import annotations

import pytest
from starlette.types import Scope

from taskwell.api.addresses import Addresses

PROXIES = ("10.0.0.0/8", "192.0.2.7", "2001:db8:ffff::/48")
PROXY = "10.1.2.3"


def scope(peer: str | None, *headers: tuple[str, str]) -> Scope:
    return {
        "type": "http",
        "client": None if peer is None else (peer, 50000),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
    }


def seen(peer: str | None, *headers: tuple[str, str]) -> str:
    return Addresses(PROXIES).of(scope(peer, *headers))


def forwarded_for(value: str) -> tuple[str, str]:
    return "X-Forwarded-For", value


def forwarded(value: str) -> tuple[str, str]:
    return "Forwarded", value


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("testclient", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_peer_itself(peer: str | None, address: str) -> None:
    assert seen(peer) == address


@pytest.mark.parametrize(
    "header", [forwarded_for("198.51.100.1"), forwarded("for=198.51.100.1;proto=https")]
)
def test_what_a_stranger_says_does_not_count(header: tuple[str, str]) -> None:
    assert seen("203.0.113.9", header) == "203.0.113.9"
    assert Addresses(()).of(scope("10.1.2.3", header)) == "10.1.2.3"


@pytest.mark.parametrize(
    ("header", "address"),
    [
        (forwarded_for("198.51.100.1"), "198.51.100.1"),
        (forwarded_for("198.51.100.1:4711"), "198.51.100.1"),
        (forwarded_for("2001:db8::1"), "2001:db8::/64"),
        (forwarded_for("[2001:db8::1]:4711"), "2001:db8::/64"),
        # What the client itself has written stands on the left.
        (forwarded_for("1.2.3.4, 198.51.100.1"), "198.51.100.1"),
        (forwarded_for("1.2.3.4, 198.51.100.1, 10.9.9.9, 192.0.2.7"), "198.51.100.1"),
        (forwarded_for("10.9.9.9, 192.0.2.7"), "10.9.9.9"),
        (forwarded_for("198.51.100.1, 2001:db8:ffff::8"), "198.51.100.1"),
        # Behind what can't be read nothing is believed.
        (forwarded_for("198.51.100.1, nonsense"), PROXY),
        (forwarded_for("198.51.100.1, nonsense, 10.9.9.9"), "10.9.9.9"),
        (forwarded_for(""), PROXY),
        (forwarded("for=198.51.100.1"), "198.51.100.1"),
        (forwarded('proto=https;For="[2001:db8::1]:4711";by=10.1.2.3'), "2001:db8::/64"),
        (forwarded("for=1.2.3.4, for=198.51.100.1;proto=http"), "198.51.100.1"),
        (forwarded("for=198.51.100.1, for=_hidden"), PROXY),
        (forwarded("for=198.51.100.1, proto=https"), PROXY),
        (forwarded("for=unknown"), PROXY),
    ],
)
def test_what_a_proxy_says(header: tuple[str, str], address: str) -> None:
    assert seen(PROXY, header) == address


def test_several_headers_are_one_list() -> None:
    headers = (forwarded_for("1.2.3.4"), forwarded_for("198.51.100.1"), forwarded_for("10.9.9.9"))
    assert seen(PROXY, *headers) == "198.51.100.1"


def test_two_headers_that_agree() -> None:
    told = (forwarded_for("198.51.100.1"), forwarded("for=198.51.100.1"))
    assert seen(PROXY, *told) == "198.51.100.1"


def test_of_two_headers_that_do_not_agree_neither_is_believed() -> None:
    """The proxy has written one of them, and passed on what the client has written in the other."""
    told = (forwarded_for("198.51.100.1"), forwarded("for=203.0.113.77"))
    assert seen(PROXY, *told) == PROXY


def test_a_proxy_by_its_mapped_address() -> None:
    assert seen(f"::ffff:{PROXY}", forwarded_for("198.51.100.1")) == "198.51.100.1"
