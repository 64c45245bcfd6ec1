"""The gate: from the Authorization headers of a request to the user it speaks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from taskwell.auth.algorithms import HMAC, PUBLIC_KEY_ALGORITHMS
from taskwell.auth.claims import Expectations
from taskwell.auth.development import DevelopmentIssuer
from taskwell.auth.identity import Identity
from taskwell.auth.jwks import PublishedKeySet
from taskwell.auth.keyring import Keyring, Source
from taskwell.auth.keys import SharedSecret
from taskwell.auth.remembered import RememberedTokens
from taskwell.auth.tokens import bearer, read_token
from taskwell.config import Settings
from taskwell.errors import TokenInvalid


class Gate:
    def __init__(
        self,
        keyring: Keyring,
        expectations: Expectations,
        algorithms: frozenset[str],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.keyring = keyring
        self._expectations = expectations
        self._algorithms = algorithms
        self._clock = clock
        self._remembered = RememberedTokens()

    async def user(
        self, authorization: Sequence[str], before_waiting: Callable[[], None] = lambda: None
    ) -> Identity:
        """TokenMissing, TokenExpired, TokenInvalid or KeysUnavailable for everybody else."""
        text = bearer(authorization)
        return self.remembered(text) or await self._verified(text, before_waiting)

    def remembered(self, text: str) -> Identity | None:
        """Without waiting: None only says that this token has to be verified (again)."""
        keys = self.keyring.current()
        return self._remembered.find(text, keys.by_serial, self._clock())

    def warm_up(self) -> None:
        """Begin to read the keys, so that the first request need not wait for them."""
        self.keyring.current()

    async def close(self) -> None:
        await self.keyring.close()

    async def _verified(self, text: str, before_waiting: Callable[[], None]) -> Identity:
        token = read_token(text, self._algorithms)
        key = self.keyring.current().find(token)
        if key is None:
            # Nothing is asked of the issuer for a token that no key could help.
            claimed = self._expectations.judge(token, None, self._clock())
            before_waiting()
            key = await self.keyring.seek(token, claimed.issued_at)
        if not key.signed(token):
            self.keyring.doubt()
            raise TokenInvalid("the signature does not fit the key")
        identity = self._expectations.judge(token, key.key_id, self._clock())
        self._remembered.add(text, identity, key)
        return identity


def expectations(settings: Settings) -> Expectations:
    return Expectations(
        issuer=settings.issuer,
        audiences=frozenset(settings.audiences),
        access_token_issuer=settings.access_token_issuer,
        scopes=frozenset(settings.auth_scopes),
    )


def algorithms(settings: Settings) -> frozenset[str]:
    return PUBLIC_KEY_ALGORITHMS if settings.auth_secret is None else frozenset({HMAC})


def key_source(settings: Settings) -> Source:
    if settings.auth_secret is not None:
        return SharedSecret(settings.auth_secret.get_secret_value())
    if settings.jwks_url is not None:
        return PublishedKeySet(settings.jwks_url)
    return development_issuer(settings)


def development_issuer(
    settings: Settings, clock: Callable[[], float] = time.time
) -> DevelopmentIssuer:
    return DevelopmentIssuer(
        settings.data, issuer=settings.issuer, audiences=settings.audiences, clock=clock
    )


def build_gate(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> Gate:
    keyring = Keyring(key_source(settings), clock=clock, monotonic=monotonic)
    return Gate(keyring, expectations(settings), algorithms(settings), clock=clock)
