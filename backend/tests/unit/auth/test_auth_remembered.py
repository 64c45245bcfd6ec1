"""The memory of verified tokens: what it keeps, what it forgets, and that it stays small."""

from __future__ import annotations

import pytest

from taskwell.auth import remembered
from taskwell.auth.claims import LEEWAY
from taskwell.auth.identity import Identity
from taskwell.auth.keys import Key
from taskwell.auth.remembered import RememberedTokens
from unit.auth.workshop import NOW, USER

KEY = Key("k1", "EdDSA", None, ("k1",))
KEYS = {KEY.serial: KEY}


def identity(user_id: str = USER, expires_at: int = NOW + 900) -> Identity:
    return Identity(user_id, expires_at, NOW - 60, "k1")


@pytest.fixture
def memory() -> RememberedTokens:
    return RememberedTokens()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> RememberedTokens:
    """One bucket of four places."""
    monkeypatch.setattr(remembered, "BUCKETS", (1,))
    monkeypatch.setattr(remembered, "WAYS", 4)
    return RememberedTokens()


@pytest.mark.parametrize("user_id", [USER, "a", "\U0001f600" * 255])
def test_a_token_gives_the_same_identity_again(memory: RememberedTokens, user_id: str) -> None:
    memory.add("token", identity(user_id), KEY)
    assert memory.find("token", KEYS, NOW) == identity(user_id)


def test_other_tokens_are_unknown(memory: RememberedTokens) -> None:
    assert memory.find("token", KEYS, NOW) is None
    memory.add("token", identity(), KEY)
    for other in ("Token", "token ", "toke", "", "\ud800"):
        assert memory.find(other, KEYS, NOW) is None


def test_a_token_is_remembered_until_it_expires(memory: RememberedTokens) -> None:
    memory.add("token", identity(expires_at=NOW + 900), KEY)
    assert memory.find("token", KEYS, NOW + 899.999) is not None
    assert memory.find("token", KEYS, NOW + 900) is None


def test_a_token_of_a_future_is_judged_again(memory: RememberedTokens) -> None:
    """The clock was put back, so that it lies before the token's issue by more than the leeway."""
    memory.add("token", identity(), KEY)
    issued_at = identity().issued_at
    assert memory.find("token", KEYS, issued_at - LEEWAY) is not None
    assert memory.find("token", KEYS, issued_at - LEEWAY - 0.001) is None


def test_a_token_dies_with_its_key(memory: RememberedTokens) -> None:
    memory.add("token", identity(), KEY)
    namesake = Key("k1", "EdDSA", None, ("k1", "other bytes"))
    assert memory.find("token", {namesake.serial: namesake}, NOW) is None
    assert memory.find("token", {}, NOW) is None
    assert memory.find("token", {KEY.serial: KEY, namesake.serial: namesake}, NOW) is not None


def test_a_token_that_is_added_again_takes_no_second_place(small: RememberedTokens) -> None:
    small.add("a", identity("a"), KEY)
    for _ in range(20):
        small.add("token", identity(), KEY)
    small.add("token", identity(expires_at=NOW + 5000), KEY)
    for name in ("b", "c"):
        small.add(name, identity(name), KEY)
    found = small.find("token", KEYS, NOW)
    assert found is not None
    assert found.expires_at == NOW + 5000
    assert [small.find(name, KEYS, NOW) is not None for name in ("a", "b", "c")] == [True] * 3


def test_the_token_that_expires_first_makes_room(small: RememberedTokens) -> None:
    for name, life in (("a", 400), ("b", 300), ("c", 200), ("d", 500)):
        small.add(name, identity(name, NOW + life), KEY)
    small.add("e", identity("e", NOW + 900), KEY)
    small.add("f", identity("f", NOW + 900), KEY)
    known = [name for name in "abcdef" if small.find(name, KEYS, NOW) is not None]
    assert known == ["a", "d", "e", "f"]


def test_one_user_holds_so_many_places_and_no_more(memory: RememberedTokens) -> None:
    memory.add("other", identity("other"), KEY)
    for number in range(500):
        memory.add(f"flood {number}", identity("flooder", NOW + 10_000), KEY)
    held = [n for n in range(500) if memory.find(f"flood {n}", KEYS, NOW) is not None]
    assert len(held) == remembered.PLACES_OF_A_USER
    assert memory.find("other", KEYS, NOW) is not None


def test_a_flood_of_one_user_pushes_nobody_out(
    small: RememberedTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "PLACES_OF_A_USER", 2)
    for name in ("a", "b"):
        small.add(name, identity(name, NOW + 10), KEY)
    for number in range(50):
        small.add(f"flood {number}", identity("flooder", NOW + 10_000), KEY)
    assert [small.find(name, KEYS, NOW) is not None for name in ("a", "b")] == [True, True]


def test_a_user_at_the_limit_still_replaces_a_token_of_his_own(
    small: RememberedTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "PLACES_OF_A_USER", 4)
    for number in range(4):
        small.add(f"old {number}", identity("user", NOW + number), KEY)
    small.add("new", identity("user", NOW + 900), KEY)
    assert small.find("new", KEYS, NOW) is not None
    assert [small.find(f"old {n}", KEYS, NOW - 1) is not None for n in range(4)] == [
        False,
        True,
        True,
        True,
    ]


def test_places_come_back_when_tokens_of_a_user_are_replaced(
    small: RememberedTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "PLACES_OF_A_USER", 2)
    for round_number in range(10):
        for name in ("a", "b", "c", "d"):
            life = NOW + round_number * 10 + ord(name)
            small.add(f"{name} {round_number}", identity(name, life), KEY)
    known = [name for name in "abcd" if small.find(f"{name} 9", KEYS, NOW) is not None]
    assert known == ["a", "b", "c", "d"]


def test_nothing_is_forgotten_when_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "BUCKETS", (4, 40, 4_000))
    memory = RememberedTokens()
    for number in range(2_000):
        memory.add(f"token {number}", identity(f"user {number}"), KEY)
        # Nobody was pushed out of a bucket before it grew, or by it.
        if number in (10, 300, 1_999):
            found = [memory.find(f"token {each}", KEYS, NOW) for each in range(number + 1)]
            assert [one and one.user_id for one in found] == [
                f"user {each}" for each in range(number + 1)
            ]


def test_what_finds_no_room_when_it_grows_is_forgotten_and_not_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All fall into one bucket, which has as much room as before."""
    monkeypatch.setattr(remembered, "BUCKETS", (2, 1))
    monkeypatch.setattr(remembered, "WAYS", 4)
    monkeypatch.setattr(remembered, "PLACES_OF_A_USER", 1)
    memory = RememberedTokens()
    users = [f"user {number}" for number in range(100)]
    for user in users:
        memory.add(f"token of {user}", identity(user), KEY)
    known = [user for user in users if memory.find(f"token of {user}", KEYS, NOW)]
    assert len(known) == 4
    # Whoever was forgotten may be remembered again, instead of one who is known.
    back = next(user for user in users if user not in known)
    memory.add("another token", identity(back, NOW + 2000), KEY)
    assert memory.find("another token", KEYS, NOW) is not None


def test_long_user_ids_do_not_blow_it_up(
    memory: RememberedTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "MOST_BYTES", 10_000)
    names = [f"{number:05}" + "\U0001f600" * 250 for number in range(50)]
    for name in names:
        memory.add(name, identity(name), KEY)
    known = [name for name in names if memory.find(name, KEYS, NOW) is not None]
    assert known == names[:9]
    memory.add(names[0], identity("short"), KEY)
    memory.add("one more", identity("one more"), KEY)
    assert memory.find("one more", KEYS, NOW) is not None


def test_what_is_replaced_gives_its_bytes_back_and_no_more(
    small: RememberedTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.add("a", identity("a" * 33), KEY)
    room = len("a" * 33) + 15 + 12
    monkeypatch.setattr(remembered, "MOST_BYTES", 2 * room)
    for number in range(20):
        small.add("b", identity("b" * 33, NOW + number + 1), KEY)
    found = small.find("b", KEYS, NOW)
    assert found is not None
    assert found.expires_at == NOW + 20
    small.add("c", identity("c"), KEY)
    assert small.find("c", KEYS, NOW) is None


def test_a_place_that_is_given_back_is_one_place(
    small: RememberedTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "PLACES_OF_A_USER", 3)
    for number in range(3):
        small.add(f"old {number}", identity("user", NOW + 100 + number), KEY)
    small.add("other", identity("other", NOW + 500), KEY)
    small.add("another", identity("another", NOW + 500), KEY)
    for number in range(3):
        small.add(f"new {number}", identity("user", NOW + 900), KEY)
    held = [f"{age} {n}" for age in ("old", "new") for n in range(3)]
    assert sum(small.find(name, KEYS, NOW) is not None for name in held) == 3


def test_two_memories_hash_differently() -> None:
    """So that nobody can compute tokens that fall into one place."""
    assert RememberedTokens()._digest("token") != RememberedTokens()._digest("token")


def test_a_hundred_thousand_users_find_room(memory: RememberedTokens) -> None:
    for number in range(100_000):
        memory.add(f"token {number}", identity(f"user {number}"), KEY)
    known = sum(memory.find(f"token {n}", KEYS, NOW) is not None for n in range(100_000))
    assert known > 99_000
