"""When the keys are read, who waits for it, and who is told what meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import pytest

from taskwell.auth.algorithms import PUBLIC_KEY_ALGORITHMS
from taskwell.auth.fetching import SECONDS_FOR_ALL
from taskwell.auth.jwks import KeySetUnusable, read_key_set
from taskwell.auth.keyring import COOL_DOWN, STALE_AFTER, TRUSTED_FOR, Keyring
from taskwell.auth.keys import KeySet
from taskwell.auth.tokens import Token, read_token
from taskwell.errors import KeysUnavailable, TokenInvalid
from unit.auth.workshop import NOW, Clock, good, header, issuer_key, key_set

OLD, NEW = issuer_key("EdDSA"), issuer_key("ES256")


class Issuer:
    """Answers when it is let to, with what it is told to."""

    name = "the issuer"
    is_near = False

    def __init__(self) -> None:
        self.data: bytes | None = key_set(OLD)
        self.reads = 0
        self.asked = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def read(self) -> KeySet:
        self.reads += 1
        self.asked.set()
        await self.open.wait()
        if self.data is None:
            raise KeySetUnusable("it is out of reach")
        return read_key_set(self.data)


class Scene:
    def __init__(self) -> None:
        self.wall, self.steady, self.issuer = Clock(), Clock(1000), Issuer()
        self.keyring = Keyring(self.issuer, clock=self.wall, monotonic=self.steady)

    def later(self, seconds: float) -> None:
        self.wall.now += seconds
        self.steady.now += seconds

    async def seek(self, given: Token, issued_at: int = NOW) -> str | None:
        return (await self.keyring.seek(given, issued_at)).key_id

    def knows(self, given: Token) -> bool:
        return self.keyring.current().find(given) is not None

    async def settle(self) -> None:
        """Until the read that runs, if one does, is over."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others)


def token(algorithm: str = "EdDSA", **members: Any) -> Token:
    return read_token(good(algorithm, header(algorithm, **members)), PUBLIC_KEY_ALGORITHMS)


def play(story: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await story

    asyncio.run(bounded())


def test_the_first_token_waits_for_the_first_read() -> None:
    async def story() -> None:
        scene = Scene()
        assert not scene.knows(token())
        assert await scene.seek(token()) == "issuer-eddsa"
        assert scene.issuer.reads == 1

    play(story())


def test_a_known_key_never_waits() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.seek(token())
        scene.issuer.open.clear()
        scene.later(STALE_AFTER)
        assert scene.knows(token())
        await asyncio.sleep(0)
        assert scene.issuer.reads == 2
        assert scene.knows(token())
        await scene.keyring.close()

    play(story())


def test_keys_are_read_again_when_they_are_stale_and_somebody_asks() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.seek(token())
        scene.later(STALE_AFTER - 0.001)
        scene.knows(token())
        await scene.settle()
        assert scene.issuer.reads == 1
        scene.later(0.001)
        await scene.settle()
        assert scene.issuer.reads == 1
        scene.issuer.data = key_set(NEW)
        assert scene.knows(token())
        await scene.settle()
        assert scene.issuer.reads == 2
        assert not scene.knows(token())
        assert scene.knows(token("ES256"))

    play(story())


def test_a_new_key_is_found_as_soon_as_a_token_names_it() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.seek(token())
        scene.issuer.data = key_set(OLD, NEW)
        scene.later(COOL_DOWN)
        assert await scene.seek(token("ES256")) == "issuer-es256"
        assert scene.knows(token())

    play(story())


def test_within_the_cool_down_a_new_key_is_unavailable_and_then_it_works() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.seek(token())
        scene.issuer.data = key_set(OLD, NEW)
        scene.later(COOL_DOWN - 0.001)
        with pytest.raises(KeysUnavailable) as refused:
            await scene.seek(token("ES256"), int(scene.wall.now))
        assert refused.value.retry_after == COOL_DOWN
        assert scene.issuer.reads == 1
        scene.later(0.001)
        assert await scene.seek(token("ES256"), int(scene.wall.now)) == "issuer-es256"

    play(story())


def test_a_read_is_over_before_the_next_may_begin() -> None:
    assert SECONDS_FOR_ALL <= COOL_DOWN


def test_a_token_whose_key_a_fresh_read_does_not_bring_is_invalid() -> None:
    async def story() -> None:
        scene = Scene()
        with pytest.raises(TokenInvalid, match="the issuer has no key of this kid"):
            await scene.seek(token("ES256"), NOW)
        assert scene.issuer.reads == 1

    play(story())


@pytest.mark.parametrize(
    ("issued_at", "refusal"),
    [(NOW - 1, TokenInvalid), (NOW, KeysUnavailable), (0, TokenInvalid)],
)
def test_within_the_cool_down_the_time_of_issue_decides(
    issued_at: int, refusal: type[Exception]
) -> None:
    async def story() -> None:
        scene = Scene()
        await scene.seek(token())
        scene.later(1)
        with pytest.raises(refusal):
            await scene.seek(token("ES256"), issued_at)
        assert scene.issuer.reads == 1

    play(story())


def test_one_read_serves_everybody_who_waits() -> None:
    async def story() -> None:
        scene = Scene()
        scene.issuer.open.clear()
        waiting = [asyncio.create_task(scene.seek(token())) for _ in range(1000)]
        await scene.issuer.asked.wait()
        scene.later(COOL_DOWN)
        waiting += [asyncio.create_task(scene.seek(token())) for _ in range(1000)]
        await asyncio.sleep(0)
        scene.issuer.open.set()
        assert await asyncio.gather(*waiting) == ["issuer-eddsa"] * 2000
        assert scene.issuer.reads == 1

    play(story())


def test_a_read_that_had_begun_before_settles_nothing_for_a_newer_token() -> None:
    async def story() -> None:
        scene = Scene()
        scene.issuer.open.clear()
        first = asyncio.create_task(scene.seek(token()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        scene.later(2)
        second = asyncio.create_task(scene.seek(token("ES256"), NOW + 2))
        third = asyncio.create_task(scene.seek(token("ES256"), NOW - 1))
        await asyncio.sleep(0)
        scene.issuer.open.set()
        assert await first == "issuer-eddsa"
        with pytest.raises(KeysUnavailable):
            await second
        with pytest.raises(TokenInvalid):
            await third

    play(story())


def test_one_who_gives_up_waiting_does_not_stop_the_read() -> None:
    async def story() -> None:
        scene = Scene()
        scene.issuer.open.clear()
        impatient = asyncio.create_task(scene.seek(token()))
        patient = asyncio.create_task(scene.seek(token()))
        await asyncio.sleep(0)
        impatient.cancel()
        scene.issuer.open.set()
        assert await patient == "issuer-eddsa"
        assert scene.issuer.reads == 1

    play(story())


def test_a_flood_of_unknown_keys_costs_one_read_per_cool_down() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.seek(token())
        for second in range(60):
            scene.later(1)
            for number in range(50):
                with pytest.raises((TokenInvalid, KeysUnavailable)):
                    await scene.seek(token(kid=f"made-up-{second}-{number}"), int(scene.wall.now))
            assert scene.knows(token())
        assert scene.issuer.reads == 1 + 60 / COOL_DOWN

    play(story())


@pytest.mark.parametrize("answer", [None, b"", b"<html>", b'{"keys":[]}', b'{"keys":[{}]}'])
def test_without_any_keys_nobody_is_called_invalid(answer: bytes | None) -> None:
    async def story() -> None:
        scene = Scene()
        scene.issuer.data = answer
        for _ in range(3):
            with pytest.raises(KeysUnavailable, match="could not be read since"):
                await scene.seek(token(), NOW - 800)
        assert scene.issuer.reads == 1
        scene.issuer.data = key_set(OLD)
        scene.later(COOL_DOWN)
        assert await scene.seek(token(), NOW - 800) == "issuer-eddsa"

    play(story())


@pytest.mark.parametrize("answer", [None, b"", b"<html>", b'{"keys":[]}', b'{"keys":[{}]}'])
def test_an_hour_without_the_issuer_costs_no_valid_user_anything(answer: bytes | None) -> None:
    async def story() -> None:
        scene = Scene()
        await scene.seek(token())
        scene.issuer.data = answer
        for _ in range(3600):
            scene.later(1)
            assert scene.knows(token())
            await scene.settle()
        # From the moment the keys were stale, one attempt per cool-down.
        assert scene.issuer.reads == 2 + (3600 - STALE_AFTER) / COOL_DOWN

    play(story())


def test_keys_are_not_trusted_for_ever() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.seek(token())
        scene.issuer.data = None
        scene.later(TRUSTED_FOR - 1)
        assert scene.knows(token())
        await scene.settle()
        scene.later(1)
        assert not scene.knows(token())
        with pytest.raises(KeysUnavailable):
            await scene.seek(token(), NOW)
        scene.later(COOL_DOWN)
        scene.issuer.data = key_set(OLD)
        assert await scene.seek(token(), NOW) == "issuer-eddsa"

    play(story())


def test_after_a_long_sleep_the_first_token_waits_for_a_read() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.seek(token())
        scene.later(3 * TRUSTED_FOR)
        assert not scene.knows(token())
        assert await scene.seek(token(), int(scene.wall.now)) == "issuer-eddsa"
        assert scene.issuer.reads == 2

    play(story())


def test_a_wrong_wall_clock_does_not_matter_to_the_age_of_keys() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.seek(token())
        scene.wall.now += 10 * TRUSTED_FOR
        assert scene.knows(token())
        await scene.settle()
        assert scene.issuer.reads == 1

    play(story())


def test_a_doubt_reads_again_within_the_cool_down_of_all_reads() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.seek(token())
        for _ in range(3):
            scene.keyring.doubt()
            await scene.settle()
        assert scene.issuer.reads == 1
        scene.later(COOL_DOWN)
        for _ in range(3):
            scene.keyring.doubt()
            await scene.settle()
        assert scene.issuer.reads == 2

    play(story())


def test_a_key_that_stays_in_the_set_stays_the_same() -> None:
    async def story() -> None:
        scene = Scene()
        await scene.seek(token())
        before = set(scene.keyring.keys.by_serial)
        scene.issuer.data = key_set(NEW, OLD)
        scene.later(COOL_DOWN)
        scene.keyring.doubt()
        await scene.settle()
        assert before < set(scene.keyring.keys.by_serial)

    play(story())


def test_an_outage_is_told_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "taskwell.auth")

    async def story() -> None:
        scene = Scene()
        for answer in (None, None, None, key_set(OLD), key_set(OLD), None):
            scene.issuer.data = answer
            scene.keyring.doubt()
            await scene.settle()
            scene.later(COOL_DOWN)
        scene.later(TRUSTED_FOR)
        scene.knows(token())
        await scene.keyring.close()

    play(story())
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "The keys of the issuer could not be read: it is out of reach."),
        ("INFO", "The keys of the issuer can be read again."),
        ("WARNING", "The keys of the issuer could not be read: it is out of reach."),
        ("ERROR", "The keys of the issuer are too old to be trusted any longer."),
    ]


def test_closing_ends_the_read_and_tells_those_who_wait() -> None:
    async def story() -> None:
        scene = Scene()
        scene.issuer.open.clear()
        waiting = asyncio.create_task(scene.seek(token()))
        await scene.issuer.asked.wait()
        await scene.keyring.close()
        with pytest.raises(KeysUnavailable):
            await waiting
        assert len(asyncio.all_tasks()) == 1
        await scene.keyring.close()

    play(story())
