"""A share of the endless forgeries, other ones at each run; `scripts/forge` tries a million."""

from __future__ import annotations

import secrets
import sys

import pytest

from unit.auth.mutations import accepted_of

MUTATIONS = 20_000


def test_no_mutation_of_a_good_token_comes_in(capsys: pytest.CaptureFixture[str]) -> None:
    seed = secrets.randbits(32)
    with capsys.disabled():
        sys.stdout.write(f"[{MUTATIONS} mutations from seed {seed}] ")
    assert accepted_of(seed, MUTATIONS) == [], f"scripts/forge --seed {seed}"
