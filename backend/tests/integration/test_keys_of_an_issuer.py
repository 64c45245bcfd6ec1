"""The gate before real issuers: rotating, slow, down, empty, wrong, redirecting, huge."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from integration.key_servers import (
    Behaviour,
    KeyServer,
    answering,
    dripping,
    endless,
    key_server,
    saying,
    silent,
    unused_port,
    waiting,
)
from taskwell.auth import fetching
from taskwell.auth.gate import Gate, build_gate
from taskwell.auth.jwks import KeySetUnusable, PublishedKeySet
from taskwell.configuring import load_settings
from taskwell.errors import KeysUnavailable, TokenInvalid
from unit.auth.workshop import (
    NOW,
    PUBLIC,
    Clock,
    Maker,
    attacker_key,
    b64,
    claims,
    issuer_key,
    key_set,
    raw,
    signed,
)

ED, ES = issuer_key("EdDSA"), issuer_key("ES256")


class Play:
    """A gate in front of an issuer, and the time that passes for both."""

    def __init__(self, server: KeyServer, folder: Path) -> None:
        self.server, self.clock = server, Clock()
        settings = load_settings(data=folder, better_auth_url=server.url)
        self.gate: Gate = build_gate(settings, clock=self.clock, monotonic=self.clock)

    def token(self, maker: Maker = ED, **changes: Any) -> str:
        head = {"alg": maker.algorithm, "kid": maker.key_id}
        now = int(self.clock.now)
        whole = {"iss": self.server.url, "aud": self.server.url, "iat": now, "exp": now + 7200}
        return signed(head, claims(**whole, **changes), maker)

    def made_up(self, name: str) -> str:
        """Everything is right but the key: no signature can be checked, so none is made."""
        head, body = self.token().split(".")[:2]
        head = b64(raw({"alg": "EdDSA", "kid": name}))
        return f"{head}.{body}.{b64(b'x' * 64)}"

    async def enter(self, token: str) -> str:
        return (await self.gate.user([f"Bearer {token}"])).user_id

    async def refusal(self, token: str) -> type[Exception]:
        with pytest.raises((TokenInvalid, KeysUnavailable)) as refused:
            await self.enter(token)
        return refused.type

    async def settle(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others)

    @property
    def reads(self) -> int:
        return len(self.server.requests)


def run(story: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(120):
            await story

    asyncio.run(bounded())


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline of a read is short, so that the tests need not wait for it."""

    async def quickly(url: str, **options: Any) -> fetching.Answer:
        return await fetching.fetch(url, **options, seconds=0.3)

    monkeypatch.setattr("taskwell.auth.jwks.fetch", quickly)


def test_a_key_of_each_algorithm_is_read_from_the_issuer(tmp_path: Path) -> None:
    async def story() -> None:
        makers = [issuer_key(each) for each in PUBLIC]
        with key_server(answering(key_set(*makers))) as server:
            play = Play(server, tmp_path)
            for maker in makers:
                assert await play.enter(play.token(maker, sub=maker.algorithm)) == maker.algorithm
            assert play.reads == 1
            assert server.requests[0].startswith(b"GET /api/auth/jwks HTTP/1.1\r\n")
            await play.gate.close()

    run(story())


def test_a_rotated_key_works_within_ten_seconds(tmp_path: Path) -> None:
    async def story() -> None:
        with key_server(answering(key_set(ED))) as server:
            play = Play(server, tmp_path)
            old = play.token()
            await play.enter(old)
            server.behaviour = answering(key_set(ES, ED))
            new = play.token(ES)
            refused = []
            for _ in range(10):
                play.clock.now += 1
                await play.enter(old)
                try:
                    await play.enter(new)
                except KeysUnavailable:
                    refused.append(play.clock.now - NOW)
            assert refused == [1, 2, 3, 4]
            assert play.reads == 2

    run(story())


def test_a_removed_key_is_refused_once_the_keys_are_read_again(tmp_path: Path) -> None:
    async def story() -> None:
        with key_server(answering(key_set(ED, ES))) as server:
            play = Play(server, tmp_path)
            token = play.token()
            await play.enter(token)
            server.behaviour = answering(key_set(ES))
            play.clock.now += 300
            await play.enter(token)
            await play.settle()
            assert await play.refusal(token) is TokenInvalid

    run(story())


BROKEN: dict[str, Behaviour] = {
    "an error": answering(b"{}", "500 Internal Server Error"),
    "nothing there": answering(b"{}", "404 Not Found"),
    "nothing to say": answering(b"", "204 No Content"),
    "empty": answering(b'{"keys":[]}'),
    "no keys of use": answering(b'{"keys":[{"kty":"oct","k":"AAAA"}]}'),
    "a page": answering(b"<!doctype html><title>Sign in</title>"),
    "half a set": answering(key_set(ED)[:-5]),
    "not JSON": answering(b"\xff\xfe"),
    "deep": answering(b"[" * 100_000),
    "not HTTP": saying(b"220 mail.example.com ESMTP\r\n"),
    "hung up": saying(b""),
    "huge": answering(b'{"keys":[' + b" " * 600_000 + b"]}"),
    "endless": endless,
    "silent": silent,
    "dripping": dripping,
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.usefixtures("impatient")
def test_known_users_feel_nothing_of_an_issuer_that_is(tmp_path: Path, name: str) -> None:
    async def story() -> None:
        with key_server(answering(key_set(ED))) as server:
            play = Play(server, tmp_path)
            remembered = play.token()
            await play.enter(remembered)
            server.behaviour = BROKEN[name]
            for _ in range(3):
                play.clock.now += 301
                assert await play.enter(remembered)
                assert await play.enter(play.token(sub="seen for the first time"))
                await play.settle()
            assert play.reads == 4
            assert await play.refusal(play.token(ES)) is KeysUnavailable

    run(story())


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.usefixtures("impatient")
def test_without_any_keys_the_service_is_unavailable_until_the_issuer_is_no_longer(
    tmp_path: Path, name: str
) -> None:
    async def story() -> None:
        with key_server(BROKEN[name]) as server:
            play = Play(server, tmp_path)
            token = play.token()
            for _ in range(3):
                assert await play.refusal(token) is KeysUnavailable
            assert play.reads == 1
            server.behaviour = answering(key_set(ED))
            play.clock.now += 5
            assert await play.enter(token)

    run(story())


def test_an_issuer_that_is_down_and_comes_back(tmp_path: Path) -> None:
    async def story() -> None:
        with key_server(answering(key_set(ED))) as server:
            play = Play(server, tmp_path)
            await play.enter(play.token())
        for _ in range(720):
            play.clock.now += 5
            assert await play.enter(play.token())
            await play.settle()
        assert await play.refusal(play.token(ES)) is KeysUnavailable
        assert play.reads == 1

    run(story())


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    async def story() -> None:
        with key_server(answering(key_set(attacker_key("EdDSA")))) as evil:
            to_evil = answering(b"", "302 Found", f"Location: {evil.url}/api/auth/jwks")
            with key_server(to_evil) as server:
                play = Play(server, tmp_path)
                token = play.token(attacker_key("EdDSA"))
                assert await play.refusal(token) is KeysUnavailable
                assert play.reads == 1
            assert evil.requests == []

    run(story())


def test_ten_thousand_made_up_keys_cost_one_read_per_cool_down(tmp_path: Path) -> None:
    async def story() -> None:
        with key_server(answering(key_set(ED))) as server:
            play = Play(server, tmp_path)
            await play.enter(play.token())
            for number in range(10_000):
                if number % 500 == 0:
                    play.clock.now += 1
                assert await play.refusal(play.made_up(f"made-up-{number}")) in (
                    TokenInvalid,
                    KeysUnavailable,
                )
                if number % 100 == 0:
                    assert await play.enter(play.token(sub=f"valid-{number}"))
            assert play.reads == 1 + 20 / 5

    run(story())


def test_a_known_key_does_not_wait_for_a_slow_issuer(tmp_path: Path) -> None:
    async def story() -> None:
        with key_server(answering(key_set(ED))) as server:
            play = Play(server, tmp_path)
            await play.enter(play.token())
            gate = threading.Event()
            server.behaviour = waiting(gate, answering(key_set(ED, ES)))
            play.clock.now += 301
            newcomers = [asyncio.create_task(play.enter(play.token(ES))) for _ in range(100)]
            for number in range(100):
                assert await play.enter(play.token(sub=f"known-{number}")) == f"known-{number}"
            assert not any(newcomer.done() for newcomer in newcomers)
            gate.set()
            assert len(await asyncio.gather(*newcomers)) == 100
            assert play.reads == 2

    run(story())


def test_closing_does_not_wait_for_a_slow_issuer(tmp_path: Path) -> None:
    async def story() -> None:
        with key_server(silent) as server:
            play = Play(server, tmp_path)
            waiting_one = asyncio.create_task(play.refusal(play.token()))
            await asyncio.sleep(0)
            await play.gate.close()
            assert await waiting_one is KeysUnavailable

    run(story())


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (answering(b"", "301 Moved"), "it answered with a redirect (301), never followed"),
        (answering(b"", "300 Many"), "it answered with a redirect (300), never followed"),
        (answering(b"", "399 Odd"), "it answered with a redirect (399), never followed"),
        (answering(b"", "400 Bad"), "it answered with the status 400"),
        (answering(key_set(ED), "201 Made"), "it answered with the status 201"),
        (answering(b"", "503 Busy"), "it answered with the status 503"),
        (answering(b"{}"), "the key set has no list of keys"),
        (saying(b""), "it broke off in the middle of its answer"),
    ],
)
def test_the_log_is_told_what_was_wrong_with_the_keys(behaviour: Behaviour, reason: str) -> None:
    with key_server(behaviour) as server, pytest.raises(KeySetUnusable) as unusable:
        asyncio.run(PublishedKeySet(server.url).read())
    assert str(unusable.value) == reason


def test_nobody_there_is_told_too() -> None:
    with pytest.raises(KeySetUnusable, match="it is out of reach"):
        asyncio.run(PublishedKeySet(f"http://127.0.0.1:{unused_port()}").read())
