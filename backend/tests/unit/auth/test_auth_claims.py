"""What the claims must say, and what the log is told when they don't."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from taskwell.auth.claims import Expectations, is_user_id
from taskwell.auth.identity import Identity
from taskwell.auth.tokens import Token
from taskwell.errors import TokenExpired, TokenInvalid, TokenRefused
from unit.auth.workshop import ACCESS_ISSUER, AUDIENCES, ISSUER, NOW, SCOPE, USER, claims

EXPECTED = Expectations(ISSUER, frozenset(AUDIENCES))
WITH_ACCESS = replace(EXPECTED, access_token_issuer=ACCESS_ISSUER, scopes=frozenset({SCOPE}))


def token(**changes: Any) -> Token:
    return Token("EdDSA", "k1", False, claims(**changes), b"", b"")


def access_token(**changes: Any) -> Token:
    return replace(token(**{"iss": ACCESS_ISSUER, **changes}), is_access_token=True)


def judged(given: Token, expected: Expectations = EXPECTED, now: float = NOW) -> Identity:
    return expected.judge(given, "k1", now)


def refusal(given: Token, expected: Expectations = EXPECTED, now: float = NOW) -> TokenRefused:
    with pytest.raises(TokenRefused) as refused:
        judged(given, expected, now)
    return refused.value


def test_the_identity_says_all_that_later_checks_need() -> None:
    assert judged(token()) == Identity(USER, NOW + 930, NOW, "k1")


@pytest.mark.parametrize("exp", [NOW + 900, NOW + 900.9])
def test_a_token_holds_until_its_expiry_and_the_leeway(exp: float) -> None:
    assert judged(token(exp=exp), now=NOW + 929.9).expires_at == NOW + 930
    assert isinstance(refusal(token(exp=exp), now=NOW + 930), TokenExpired)


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_a_token_from_the_future_has_the_same_leeway(name: str) -> None:
    judged(token(**{name: NOW + 30}))
    refused = refusal(token(**{name: NOW + 31}))
    assert isinstance(refused, TokenInvalid)
    assert refused.reason == f"the {name} lies in the future"


@pytest.mark.parametrize(
    ("iat", "issued_at"),
    [(..., 0), (-5, 0), (-1.5, 0), (0, 0), (NOW - 0.5, NOW - 1), (NOW, NOW)],
)
def test_a_token_that_does_not_say_when_it_was_issued_is_as_old_as_can_be(
    iat: Any, issued_at: int
) -> None:
    assert judged(token(iat=iat)).issued_at == issued_at


def test_times_beyond_the_year_2106_are_cut() -> None:
    assert judged(token(exp=10**300)).expires_at == 2**32 - 1
    far = 2**33
    assert judged(token(exp=0, iat=...), now=-40).expires_at == 30
    with pytest.raises(TokenExpired):
        judged(token(iat=far, exp=far + 900), now=far)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": ...}, "the iss is missing or not a string"),
        ({"iss": [ISSUER]}, "the iss is missing or not a string"),
        ({"iss": "x\n"}, r"the iss is 'x\n' instead of 'https://app.example.com'"),
        ({"aud": ...}, "the aud is missing or not a string or a list of strings"),
        ({"aud": []}, "the aud is missing or not a string or a list of strings"),
        ({"aud": [ISSUER, 1]}, "the aud is missing or not a string or a list of strings"),
        ({"aud": {}}, "the aud is missing or not a string or a list of strings"),
        (
            {"aud": "x"},
            "the aud 'x' does not contain 'https://app.example.com' or 'https://tasks.example.com'",
        ),
        ({"sub": ...}, "the sub is missing or not a string"),
        ({"sub": 7}, "the sub is missing or not a string"),
        ({"sub": ""}, "the sub is not 1 to 255 characters without control characters"),
        ({"cnf": None}, "the token is bound to a key of its sender and no bearer token"),
        ({"nonce": "x"}, "the token is an id token: it has the claim nonce"),
        ({"exp": ...}, "the exp is missing"),
        ({"exp": None}, "the exp is not a finite number"),
        ({"exp": True}, "the exp is not a finite number"),
        ({"exp": float("inf")}, "the exp is not a finite number"),
        ({"nbf": "1"}, "the nbf is not a finite number"),
        ({"iat": float("nan")}, "the iat is not a finite number"),
    ],
)
def test_the_log_is_told_which_claim_is_wrong(changes: dict[str, Any], reason: str) -> None:
    refused = refusal(token(**changes))
    assert isinstance(refused, TokenInvalid)
    assert refused.reason == reason


@pytest.mark.parametrize("changes", [{"iss": "x"}, {"aud": "x"}, {"sub": ""}, {"nbf": NOW + 99}])
def test_a_token_that_is_wrong_in_two_ways_is_not_called_expired(changes: dict[str, Any]) -> None:
    assert isinstance(refusal(token(exp=NOW - 31)), TokenExpired)
    assert isinstance(refusal(token(exp=NOW - 31, **changes)), TokenInvalid)


def test_access_tokens_have_to_be_switched_on() -> None:
    given = access_token(scope=SCOPE)
    assert refusal(given).reason == "OAuth access tokens (at+jwt) are not switched on"
    assert judged(given, WITH_ACCESS).user_id == USER


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"scope": ...}, "the scope 'tasks:write' is missing"),
        ({"scope": "tasks:writer"}, "the scope 'tasks:write' is missing"),
        ({"scope": ["tasks:write"]}, "the scope is not a string"),
        ({"iss": ISSUER}, f"the iss is '{ISSUER}' instead of '{ACCESS_ISSUER}'"),
    ],
)
def test_an_access_token_has_an_issuer_and_scopes_of_its_own(
    changes: dict[str, Any], reason: str
) -> None:
    given = access_token(**{"scope": f"openid {SCOPE} email", **changes})
    assert refusal(given, WITH_ACCESS).reason == reason


def test_scopes_are_required_only_where_some_are_set() -> None:
    without = replace(WITH_ACCESS, scopes=frozenset())
    assert judged(access_token(), without).user_id == USER


def test_a_plain_token_keeps_its_issuer_where_access_tokens_are_on() -> None:
    assert judged(token(), WITH_ACCESS).user_id == USER
    assert refusal(token(iss=ACCESS_ISSUER), WITH_ACCESS).reason.startswith("the iss is")


@pytest.mark.parametrize(
    "user_id",
    ["a", "a" * 255, "\u4e2d" * 255, " ", "a b", "\u00a0", "e\u0301", "\U0001f468\u200d\U0001f469"],
)
def test_a_user_id_may_be_any_text(user_id: str) -> None:
    assert is_user_id(user_id)


@pytest.mark.parametrize(
    "user_id",
    [
        "",
        "a" * 256,
        "\u4e2d" * 256,
        "a\x00",
        "\x1f",
        "\x7f",
        "\u00e9\x00",
        "\u0085",
        "\x9f",
        "\ud800",
    ],
)
def test_a_user_id_has_bounds_and_no_control_characters(user_id: str) -> None:
    assert not is_user_id(user_id)
