"""Users go in and out while their issuer is slow, down, wrong, or takes new keys into use."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import cycle, islice
from threading import Lock

import pytest

from end_to_end.processes import await_that
from end_to_end.service import caller, running_service
from faults.crowd import crowd
from faults.proof import Proof
from integration.key_servers import (
    Behaviour,
    KeyServer,
    answering,
    dripping,
    endless,
    key_server,
    saying,
)
from taskwell.auth.keyring import COOL_DOWN
from unit.auth.workshop import Maker, attacker_key, claims, issuer_key, key_set, signed

pytestmark = pytest.mark.fault("issuer")

USERS = 4
PAUSE = 0.02
REFUSALS = {(401, "token-invalid"), (503, "keys-unavailable")}
KNOWN = issuer_key("EdDSA")


class Issuer:
    """Publishes its keys at one address, whatever happens to the server that does it."""

    def __init__(self) -> None:
        self.keys = key_set(KNOWN)
        self._lock = Lock()
        self._fetched_before = 0
        self._at_once = self.most_at_once = 0
        self._server = KeyServer(self._watched(answering(self.keys)))
        self.url = self._server.url

    @property
    def fetches(self) -> int:
        return self._fetched_before + len(self._server.requests)

    def token(self, maker: Maker, user_id: str) -> str:
        now = int(time.time())
        head = {"alg": maker.algorithm, "kid": maker.key_id}
        said = {"iss": self.url, "aud": self.url, "iat": now, "exp": now + 7200, "sub": user_id}
        return signed(head, claims(**said), maker)

    @contextmanager
    def behaving(self, behaviour: Behaviour) -> Iterator[None]:
        self._server.behaviour = self._watched(behaviour)
        try:
            yield
        finally:
            self._server.behaviour = self._watched(answering(self.keys))

    @contextmanager
    def down(self) -> Iterator[None]:
        self.end()
        try:
            yield
        finally:
            self._fetched_before += len(self._server.requests)
            behaviour = self._watched(answering(self.keys))
            self._server = KeyServer(behaviour, port=self._server.port)

    def end(self) -> None:
        self._server.end()

    @property
    def is_down(self) -> bool:
        return self._server.ended.is_set()

    def _watched(self, behaviour: Behaviour) -> Behaviour:
        def behave(connection: socket.socket, server: KeyServer) -> None:
            with self._lock:
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
            try:
                behaviour(connection, server)
            finally:
                with self._lock:
                    self._at_once -= 1

        return behave


@contextmanager
def down(issuer: Issuer) -> Iterator[None]:
    with issuer.down():
        yield


@contextmanager
def redirecting(issuer: Issuer) -> Iterator[None]:
    """To somebody who would gladly say whose tokens are good."""
    with key_server(answering(key_set(attacker_key("EdDSA")))) as evil:
        to_evil = answering(b"", "302 Found", f"Location: {evil.url}/api/auth/jwks")
        with issuer.behaving(to_evil):
            yield
        assert evil.requests == []


def behaving(behaviour: Behaviour) -> Trouble:
    return lambda issuer: issuer.behaving(behaviour)


Trouble = Callable[[Issuer], AbstractContextManager[None]]
TROUBLES: dict[str, Trouble] = {
    "redirecting": redirecting,
    "slow": behaving(dripping),
    "down": down,
    "garbage": behaving(saying(b"220 mail.example.com ESMTP\r\n")),
    "huge": behaving(endless),
    "no key of use": behaving(answering(b'{"keys":[{"kty":"oct","k":"AAAA"}]}')),
}


def test_known_users_feel_nothing_of_their_issuer(database_url: str, proof: Proof) -> None:
    issuer = Issuer()
    try:
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_URL": issuer.url}
        # In the full number they write more than the usual limit.
        with running_service(**settings, TASKWELL_MAX_TASKS="1000000") as url:
            run = secrets.token_hex(4)
            tokens = [issuer.token(KNOWN, f"known-{run}-{number}") for number in range(USERS)]
            began = time.monotonic()
            with crowd(url, tokens, PAUSE) as users:
                times = proof.times(1, full=10 * len(TROUBLES))
                for trouble in islice(cycle(TROUBLES), times):
                    with TROUBLES[trouble](issuer):
                        expect_nobody_let_in(issuer, url)
                    expect_new_key_taken(issuer, url, proof)
                    proof.count(times_in_trouble=1)
            assert {told.status for told in users.told} <= {200, 201}
            proof.count(requests_of_known_users=len(users.told))
            # One at the start, and one after each cool-down.
            assert issuer.fetches <= 2 + (time.monotonic() - began) / COOL_DOWN
            assert issuer.most_at_once == 1
            proof.count(fetches=issuer.fetches)
    finally:
        issuer.end()


def expect_nobody_let_in(issuer: Issuer, url: str) -> None:
    """Until the issuer has been asked once more; one that is down can't tell."""
    stranger = Maker("EdDSA", f"made-up-{secrets.token_hex(4)}")
    before, until = issuer.fetches, time.monotonic() + COOL_DOWN + 1
    with caller(url, issuer.token(stranger, "stranger")) as http:
        while issuer.fetches == before and time.monotonic() < until:
            answer = http.get("/tasks")
            assert (answer.status_code, answer.json()["code"]) in REFUSALS
            if answer.status_code == 503:
                assert answer.headers["retry-after"] == "5"
            time.sleep(PAUSE)
    assert issuer.fetches > before or issuer.is_down


def expect_new_key_taken(issuer: Issuer, url: str, proof: Proof) -> None:
    """The issuer is well again, and signs with a key that nobody has seen yet."""
    fresh = Maker("EdDSA", f"fresh-{secrets.token_hex(4)}")
    issuer.keys = key_set(fresh, KNOWN)
    with issuer.behaving(answering(issuer.keys)), caller(url, issuer.token(fresh, "new")) as http:
        began = time.monotonic()
        await_that(lambda: http.get("/tasks").status_code == 200)
        proof.most(seconds_until_new_key=time.monotonic() - began)
