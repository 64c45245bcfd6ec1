"""The targets of `scripts/fuzz`, without its fuzzer: a few inputs with every change."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faults.generated.values import bitten
from fuzzing.targets import SEEDS, TARGETS


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
@given(chance=st.randoms(use_true_random=False), bites=st.integers(0, 6))
def test_what_is_near_to_the_truth_is_read_or_refused(
    name: str, chance: random.Random, bites: int
) -> None:
    data = chance.choice(SEEDS[name])
    for _ in range(bites):
        data = bitten(data, chance)
    TARGETS[name](data)
