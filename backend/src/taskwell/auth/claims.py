"""What the claims of a token must say before it is anybody's."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

from taskwell.auth.identity import Identity
from taskwell.auth.tokens import Token, shown
from taskwell.errors import TokenExpired, TokenInvalid

LEEWAY = 30
LATEST = 2**32 - 1
LONGEST_USER_ID = 255

# An id token tells a client who signed in; it is no key to an API. These mark one.
ID_TOKEN_CLAIMS = ("nonce", "at_hash", "c_hash", "s_hash")


@dataclass(frozen=True, slots=True)
class Expectations:
    """`access_token_issuer` is None where OAuth access tokens (`at+jwt`) are not accepted."""

    issuer: str
    audiences: frozenset[str]
    access_token_issuer: str | None = None
    scopes: frozenset[str] = frozenset()

    def judge(self, token: Token, key_id: str | None, now: float) -> Identity:
        """TokenExpired only where everything else about the claims is right."""
        self.check_kind(token)
        self.check_issuer(token)
        self.check_audience(token)
        user_id = subject(token.claims)
        issued_at, expires_at = lifetime(token.claims, now)
        return Identity(user_id, expires_at, issued_at, key_id)

    def check_kind(self, token: Token) -> None:
        """It must be a key to an API, and of the kind that is accepted here."""
        if "cnf" in token.claims:
            raise TokenInvalid("the token is bound to a key of its sender and no bearer token")
        for name in ID_TOKEN_CLAIMS:
            if name in token.claims:
                raise TokenInvalid(f"the token is an id token: it has the claim {name}")
        if token.is_access_token:
            self._check_scope(token)

    def _check_scope(self, token: Token) -> None:
        if self.access_token_issuer is None:
            raise TokenInvalid("OAuth access tokens (at+jwt) are not switched on")
        scope = token.claims.get("scope", "")
        if not isinstance(scope, str):
            raise TokenInvalid("the scope is not a string")
        missing = self.scopes.difference(scope.split(" "))
        if missing:
            raise TokenInvalid(f"the scope {shown(min(missing))} is missing")

    def issuer_of(self, token: Token) -> str:
        if token.is_access_token and self.access_token_issuer is not None:
            return self.access_token_issuer
        return self.issuer

    def check_issuer(self, token: Token) -> None:
        issuer, expected = token.claims.get("iss"), self.issuer_of(token)
        if not isinstance(issuer, str):
            raise TokenInvalid("the iss is missing or not a string")
        if issuer != expected:
            raise TokenInvalid(f"the iss is {shown(issuer)} instead of {shown(expected)}")

    def check_audience(self, token: Token) -> None:
        audience = token.claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if not audiences or not all(isinstance(each, str) for each in audiences):
            raise TokenInvalid("the aud is missing or not a string or a list of strings")
        if self.audiences.isdisjoint(audiences):
            expected = " or ".join(shown(each) for each in sorted(self.audiences))
            raise TokenInvalid(f"the aud {shown(audience)} does not contain {expected}")


def subject(claims: dict[str, object]) -> str:
    user_id = claims.get("sub")
    if not isinstance(user_id, str):
        raise TokenInvalid("the sub is missing or not a string")
    if not is_user_id(user_id):
        raise TokenInvalid(
            f"the sub is not 1 to {LONGEST_USER_ID} characters without control characters"
        )
    return user_id


def is_user_id(value: str) -> bool:
    """Lone surrogates are refused with the control characters: neither can be stored."""
    if not 1 <= len(value) <= LONGEST_USER_ID:
        return False
    if value.isascii():
        return value.isprintable()
    return all(unicodedata.category(character) not in ("Cc", "Cs") for character in value)


def lifetime(claims: dict[str, object], now: float) -> tuple[int, int]:
    """When it was issued and from when on it is refused, in whole seconds."""
    expiry = _moment(claims, "exp")
    if expiry is None:
        raise TokenInvalid("the exp is missing")
    not_before = _moment(claims, "nbf")
    if not_before is not None and not_before > now + LEEWAY:
        raise TokenInvalid("the nbf lies in the future")
    issued_at = _moment(claims, "iat")
    if issued_at is not None and issued_at > now + LEEWAY:
        raise TokenInvalid("the iat lies in the future")
    expires_at = min(expiry + LEEWAY, LATEST)
    if now >= expires_at:
        raise TokenExpired("the exp lies in the past")
    return min(max(issued_at or 0, 0), LATEST), expires_at


def _moment(claims: dict[str, object], name: str) -> int | None:
    if name not in claims:
        return None
    value = claims[name]
    if type(value) is int:
        return value
    if type(value) is float and math.isfinite(value):
        return math.floor(value)
    raise TokenInvalid(f"the {name} is not a finite number")
