"""Why a token is refused, check by check, for the one who runs the service.

Every check is the one that a request meets; what is added here is what to do about it. Neither
the token nor a secret is ever part of a finding.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from taskwell.auth import advice
from taskwell.auth.claims import LEEWAY, lifetime, subject
from taskwell.auth.development import has_key
from taskwell.auth.gate import algorithms, expectations, key_source
from taskwell.auth.jwks import KeySetUnusable, PublishedKeySet, read_key_set
from taskwell.auth.keys import KeySet, SharedSecret
from taskwell.auth.sessions import ask_better_auth, may_be_session
from taskwell.auth.tokens import Token, read_token
from taskwell.config import Settings
from taskwell.errors import StartRefused, TokenInvalid, TokenRefused


@dataclass(frozen=True, slots=True)
class Finding:
    """`advice` is empty where the check is passed and there is nothing to add."""

    check: str
    passed: bool
    advice: str = ""


async def explain(
    text: str, settings: Settings, *, clock: Callable[[], float] = time.time
) -> list[Finding]:
    try:
        token = read_token(text, algorithms(settings))
    except TokenInvalid as error:
        advised = advice.on_form(text, error, settings)
        if may_be_session(text, settings):
            advised += " " + await ask_better_auth(text, settings)
        return [Finding("form", False, advised)]
    findings = [Finding("form", True)]
    findings += _of_claims(token, settings, clock())
    keys, finding = await _of_key_set(settings, clock)
    if keys is None:
        # Whatever the reason: without a key no token is good.
        return [*findings, replace(finding, passed=False)]
    findings.append(finding)
    return findings + _of_key(token, keys, settings)


async def examine_keys(settings: Settings, *, clock: Callable[[], float] = time.time) -> Finding:
    """The same look at the key set without a token."""
    return (await _of_key_set(settings, clock))[1]


def _of_claims(token: Token, settings: Settings, now: float) -> list[Finding]:
    expected = expectations(settings)

    def finding(check: str, judge: Callable[[], object], advise: Callable[[str], str]) -> Finding:
        try:
            judge()
        except TokenRefused as error:
            return Finding(check, False, advise(error.reason))
        return Finding(check, True)

    return [
        finding(
            "kind",
            lambda: expected.check_kind(token),
            lambda reason: advice.on_kind(reason, settings),
        ),
        finding(
            "issuer",
            lambda: expected.check_issuer(token),
            lambda reason: advice.on_issuer(
                reason, token.claims, expected.issuer_of(token), settings
            ),
        ),
        finding(
            "audience",
            lambda: expected.check_audience(token),
            lambda reason: advice.on_audience(reason, token.claims, settings),
        ),
        finding("user", lambda: subject(token.claims), advice.on_user),
        finding(
            "time",
            lambda: lifetime(token.claims, now),
            lambda reason: advice.on_time(reason, token.claims, now),
        ),
    ]


async def _of_key_set(
    settings: Settings, clock: Callable[[], float]
) -> tuple[KeySet | None, Finding]:
    if settings.uses_development_issuer and not has_key(settings.data):
        # To look must not make it.
        return None, Finding("key set", True, advice.on_no_key(settings))
    try:
        source = key_source(settings)
    except StartRefused as error:
        return None, Finding("key set", False, str(error))
    try:
        if isinstance(source, SharedSecret):
            return await source.read(), Finding("secret", True)
        if not isinstance(source, PublishedKeySet):
            return await source.read(), Finding("key set", True)
        answer = await source.ask()
        keys = read_key_set(answer.body)
    except KeySetUnusable as error:
        return None, Finding("key set", False, advice.on_key_set(str(error), source.name))
    if answer.sent_at is not None and abs(ahead := clock() - answer.sent_at) > LEEWAY:
        return keys, Finding("key set", False, advice.on_clock(ahead))
    return keys, Finding("key set", True)


def _of_key(token: Token, keys: KeySet, settings: Settings) -> list[Finding]:
    try:
        key = keys.find(token)
    except TokenInvalid as error:
        return [Finding("key", False, advice.on_unfit_key(error.reason))]
    if key is None:
        return [Finding("key", False, advice.on_unknown_key(settings))]
    if not key.signed(token):
        advised = advice.on_signature(has_secret=settings.auth_secret is not None)
        return [Finding("key", True), Finding("signature", False, advised)]
    return [Finding("key", True), Finding("signature", True)]
