"""What one user may take: tokens by the clock, and a share of the connections."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from functools import partial

import pytest

from taskwell.errors import Overloaded, RateLimited, TooManyAtOnce
from taskwell.services.limits import FILL_SECONDS, MOST_WAITING, Buckets, Shares, buckets
from taskwell.services.turns import House, Turns


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def take_all(bucket: Buckets, holder: str, most: int = 10_000) -> int:
    """How many there are."""
    for taken in range(most):
        try:
            bucket.take(holder)
        except RateLimited:
            return taken
    return most


@pytest.fixture
def clock() -> Clock:
    return Clock()


class TestBuckets:
    @pytest.mark.parametrize("rate", [1, 3, 7, 100, 333, 100_000])
    def test_a_full_one_holds_five_seconds_of_the_rate(self, clock: Clock, rate: int) -> None:
        bucket = Buckets("user", rate, monotonic=clock)
        assert take_all(bucket, "alice", 1_000_000) == rate * FILL_SECONDS

    def test_it_fills_by_the_rate_and_no_further(self, clock: Clock) -> None:
        bucket = Buckets("user", 100, monotonic=clock)
        assert take_all(bucket, "alice") == 500
        clock.now += 0.1
        assert take_all(bucket, "alice") == 10
        clock.now += 3600
        assert take_all(bucket, "alice") == 500

    def test_everybody_has_one_of_their_own(self, clock: Clock) -> None:
        bucket = Buckets("user", 2, monotonic=clock)
        assert take_all(bucket, "alice") == 10
        assert take_all(bucket, "bob") == 10

    def test_a_refusal_costs_nothing(self, clock: Clock) -> None:
        bucket = Buckets("user", 1, monotonic=clock)
        assert take_all(bucket, "alice") == 5
        for _ in range(100):
            with pytest.raises(RateLimited):
                bucket.take("alice")
        clock.now += 1
        bucket.take("alice")

    def test_a_refusal_tells_what_to_wait_for(self, clock: Clock) -> None:
        bucket = Buckets("user", 1, monotonic=clock)
        take_all(bucket, "alice")
        with pytest.raises(RateLimited) as refused:
            bucket.take("alice")
        error = refused.value
        assert (error.name, error.quota, error.seconds, error.retry_after) == ("user", 5, 5, 1)
        clock.now += error.retry_after
        bucket.take("alice")

    def test_over_a_long_time_nobody_gets_more_than_the_rate(self, clock: Clock) -> None:
        chance = random.Random(6)
        bucket = Buckets("user", 10, monotonic=clock)
        began, taken = clock.now, 0
        for _ in range(5000):
            clock.now += chance.expovariate(20)
            try:
                bucket.take("alice")
            except RateLimited:
                continue
            taken += 1
        earned = (clock.now - began) * 10
        assert earned * 0.95 < taken <= earned + 50

    def test_full_ones_are_forgotten(self, clock: Clock) -> None:
        bucket = Buckets("user", 100, monotonic=clock)
        for number in range(20_000):
            bucket.take(f"user-{number}")
        assert len(bucket) == 20_000
        for _ in range(2):
            clock.now += FILL_SECONDS
            bucket.take("alice")
        assert len(bucket) <= 2

    def test_an_empty_one_is_not_forgotten_by_a_new_generation(self, clock: Clock) -> None:
        bucket = Buckets("user", 100, monotonic=clock)
        clock.now += FILL_SECONDS - 0.01
        assert take_all(bucket, "alice") == 500
        clock.now += 0.02
        assert take_all(bucket, "alice") == 2

    def test_there_is_a_bound_to_how_many_are_remembered(self, clock: Clock) -> None:
        bucket = Buckets("address", 100, most_holders=100, monotonic=clock)
        for number in range(100_000):
            bucket.take(f"address-{number}")
        assert len(bucket) <= 200

    def test_without_a_rate_there_are_none(self) -> None:
        assert buckets("user", 0) is None
        assert buckets("user", 1) is not None


def house(room: int, most_waiting: int = 100, patience: float = 60.0) -> House:
    return House(room, most_waiting, patience, Overloaded)


async def enter_soon(enter: Callable[[], Coroutine[None, None, None]]) -> asyncio.Task[None]:
    """Has begun to wait, where it has to."""
    task = asyncio.create_task(enter())
    await asyncio.sleep(0)
    return task


class TestTurns:
    def test_who_comes_first_is_first(self) -> None:
        async def play() -> list[int]:
            turns, order = Turns(house(1)), []

            async def visit(number: int) -> None:
                await turns.enter()
                order.append(number)
                turns.leave()

            await turns.enter()
            tasks = [await enter_soon(partial(visit, number)) for number in range(5)]
            assert turns.waiting == 5
            turns.leave()
            await asyncio.gather(*tasks)
            assert (turns.inside, turns.waiting) == (0, 0)
            return order

        assert asyncio.run(play()) == [0, 1, 2, 3, 4]

    def test_who_comes_later_does_not_slip_in(self) -> None:
        async def play() -> None:
            turns = Turns(house(1))
            await turns.enter()
            first = await enter_soon(turns.enter)
            turns.leave()
            assert not turns.try_enter()
            await first
            turns.leave()
            assert turns.try_enter()

        asyncio.run(play())

    def test_who_goes_away_while_waiting_leaves_no_gap(self) -> None:
        async def play() -> None:
            turns = Turns(house(1))
            await turns.enter()
            gone, stays = await enter_soon(turns.enter), await enter_soon(turns.enter)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            assert turns.waiting == 1
            turns.leave()
            await stays
            assert (turns.inside, turns.waiting) == (1, 0)

        asyncio.run(play())

    def test_who_goes_away_just_when_called_passes_the_place_on(self) -> None:
        async def play() -> None:
            turns = Turns(house(1))
            await turns.enter()
            gone, stays = await enter_soon(turns.enter), await enter_soon(turns.enter)
            turns.leave()
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            assert gone.cancelled()
            await stays
            turns.leave()
            assert (turns.inside, turns.waiting) == (0, 0)

        asyncio.run(play())

    def test_who_goes_away_just_before_somebody_leaves_is_passed_over(self) -> None:
        async def play() -> None:
            turns = Turns(house(1))
            await turns.enter()
            gone, stays = await enter_soon(turns.enter), await enter_soon(turns.enter)
            gone.cancel()
            turns.leave()
            await asyncio.gather(gone, return_exceptions=True)
            assert gone.cancelled()
            await stays
            assert (turns.inside, turns.waiting) == (1, 0)

        asyncio.run(play())

    def test_who_goes_away_just_when_sent_away_had_no_place(self) -> None:
        async def play() -> None:
            turns = Turns(house(1, patience=0.0))
            await turns.enter()
            gone = await enter_soon(turns.enter)
            # Behind the end of their patience, before they hear of it.
            asyncio.get_running_loop().call_later(0.0, gone.cancel)
            await asyncio.gather(gone, return_exceptions=True)
            assert gone.cancelled()
            assert (turns.inside, turns.waiting) == (1, 0)

        asyncio.run(play())

    def test_nobody_waits_for_ever(self) -> None:
        async def play() -> None:
            turns = Turns(house(1, patience=0.01))
            await turns.enter()
            with pytest.raises(Overloaded):
                await turns.enter()
            assert (turns.inside, turns.waiting) == (1, 0)
            turns.leave()
            assert turns.inside == 0

        asyncio.run(play())

    def test_there_is_a_bound_to_how_many_wait(self) -> None:
        async def play() -> None:
            turns = Turns(house(1, most_waiting=2))
            await turns.enter()
            waiting = [await enter_soon(turns.enter) for _ in range(2)]
            with pytest.raises(Overloaded):
                await turns.enter()
            for task in waiting:
                turns.leave()
                await task

        asyncio.run(play())

    def test_after_any_storm_all_places_are_free(self) -> None:
        async def play(seed: int) -> None:
            chance = random.Random(seed)
            turns, inside, most = Turns(house(3, most_waiting=20, patience=0.005)), 0, 0

            async def visit() -> None:
                nonlocal inside, most
                await turns.enter()
                inside += 1
                most = max(most, inside)
                try:
                    for _ in range(chance.randrange(4)):
                        await asyncio.sleep(0)
                    if chance.random() < 0.1:
                        await asyncio.sleep(0.006)
                finally:
                    inside -= 1
                    turns.leave()

            tasks = []
            for _ in range(300):
                tasks.append(asyncio.create_task(visit()))
                if chance.random() < 0.5:
                    await asyncio.sleep(0)
                if chance.random() < 0.3:
                    chance.choice(tasks).cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(result) for result in results} >= {type(None), asyncio.CancelledError}
            assert (turns.inside, turns.waiting, inside) == (0, 0, 0)
            assert most == 3

        for seed in range(50):
            asyncio.run(play(seed))


class TestShares:
    @pytest.mark.parametrize(
        ("connections", "share"), [(1, 1), (2, 1), (3, 2), (10, 5), (1000, 500)]
    )
    def test_one_user_gets_half(self, connections: int, share: int) -> None:
        shares = Shares(connections)
        assert [shares.try_take("alice") for _ in range(share)] == [True] * share
        assert not shares.try_take("alice")
        assert shares.try_take("bob")

    def test_what_is_given_back_is_the_next_ones(self) -> None:
        async def play() -> None:
            shares = Shares(2)
            assert shares.try_take("alice")
            waiting = await enter_soon(lambda: shares.take("alice"))
            assert not waiting.done()
            shares.give_back("alice")
            await waiting
            shares.give_back("alice")
            assert len(shares) == 0

        asyncio.run(play())

    def test_who_has_nothing_is_not_remembered(self) -> None:
        shares = Shares(10)
        for number in range(1000):
            assert shares.try_take(f"user-{number}")
            shares.give_back(f"user-{number}")
        assert len(shares) == 0

    def test_who_goes_away_just_when_called_is_not_remembered(self) -> None:
        async def play() -> None:
            shares = Shares(1)
            assert shares.try_take("alice")
            gone = await enter_soon(lambda: shares.take("alice"))
            shares.give_back("alice")
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            assert len(shares) == 0

        asyncio.run(play())

    def test_one_user_does_not_wait_for_ever(self) -> None:
        async def play() -> None:
            shares = Shares(1, patience=0.01)
            assert shares.try_take("alice")
            with pytest.raises(TooManyAtOnce):
                await shares.take("alice")

        asyncio.run(play())

    def test_one_user_does_not_wait_without_end_of_number(self) -> None:
        async def play() -> None:
            shares = Shares(1)
            assert shares.try_take("alice")
            waiting = [await enter_soon(lambda: shares.take("alice")) for _ in range(MOST_WAITING)]
            with pytest.raises(TooManyAtOnce):
                await shares.take("alice")
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            shares.give_back("alice")
            assert len(shares) == 0

        asyncio.run(play())
