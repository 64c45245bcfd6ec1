"""A signature is one string of bytes, not a number that may be written in several ways."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode
from itertools import count

import pytest

from unit.auth.mutations import comes_in
from unit.auth.workshop import GATES, b64, good


def with_a_leading_zero(algorithm: str) -> tuple[str, bytes]:
    """One good token in 256 has such a signature."""
    for number in count():
        head, _, last = good(algorithm, sub=f"user-{number}").rpartition(".")
        signature = urlsafe_b64decode(last + "==")
        if signature[0] == 0:
            return head, signature
    raise AssertionError


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
def test_a_signature_has_all_its_bytes(algorithm: str) -> None:
    head, signature = with_a_leading_zero(algorithm)
    gate = GATES["keys"]()
    assert asyncio.run(comes_in(gate, f"{head}.{b64(signature)}"))
    for other in (signature[1:], b"\0" + signature):
        assert not asyncio.run(comes_in(gate, f"{head}.{b64(other)}"))
