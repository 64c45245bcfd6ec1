"""No forgery comes in, and the tokens next to them do."""

from __future__ import annotations

import asyncio

import pytest

from taskwell.auth.gate import Gate
from taskwell.errors import KeysUnavailable, TokenRefused
from unit.auth.families import Attempt, Family
from unit.auth.forgeries import FAMILIES
from unit.auth.workshop import GATES, USER


async def comes_in(gate: Gate, attempt: Attempt) -> bool:
    try:
        identity = await gate.user(attempt.authorization)
    except (TokenRefused, KeysUnavailable):
        return False
    assert identity.user_id
    return True


async def wrongly_judged(family: Family) -> list[str]:
    gate = GATES[family.gate]()
    attempts = list(family.attempts())
    wrong = [each.name for each in attempts if await comes_in(gate, each) != each.is_good]
    # Again at the same gate, which now remembers the good ones, and in the other direction.
    attempts.reverse()
    wrong += [each.name for each in attempts if await comes_in(gate, each) != each.is_good]
    return wrong


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_of_a_family_only_the_controls_come_in(family: Family) -> None:
    assert asyncio.run(wrongly_judged(family)) == []


def test_the_corpus_has_a_thousand_distinct_forgeries_and_a_control_near_each_family() -> None:
    forgeries = set()
    for family in FAMILIES:
        attempts = list(family.attempts())
        assert any(attempt.is_good for attempt in attempts), family.name
        names = [attempt.name for attempt in attempts if not attempt.is_good]
        assert len(names) == len(set(names)), family.name
        forgeries |= {
            (family.gate, attempt.authorization) for attempt in attempts if not attempt.is_good
        }
    assert len(forgeries) >= 1000


def test_a_refusal_says_nothing_of_the_token() -> None:
    async def reasons() -> list[str]:
        found = []
        for family in FAMILIES:
            gate = GATES[family.gate]()
            for attempt in family.attempts():
                try:
                    await gate.user(attempt.authorization)
                except (TokenRefused, KeysUnavailable) as error:
                    found.append(error.reason)
        return found

    for reason in set(asyncio.run(reasons())):
        assert reason.isascii(), reason
        assert reason.isprintable(), reason
        assert len(reason) < 400, reason
        assert USER not in reason
        assert "eyJ" not in reason
