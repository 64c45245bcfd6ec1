"""The reading of a token, and what the log is told about one that is refused."""

from __future__ import annotations

import json

import pytest

from taskwell.auth.algorithms import PUBLIC_KEY_ALGORITHMS
from taskwell.auth.strict_json import read_object
from taskwell.auth.tokens import bearer, is_key_id, read_token, shown
from taskwell.errors import TokenInvalid, TokenMissing, TokenRefused
from unit.auth.workshop import b64, claims, good, header, issuer_key, raw, sealed, signed


def reason_of(token: str) -> str:
    with pytest.raises(TokenInvalid) as refused:
        read_token(token, PUBLIC_KEY_ALGORITHMS)
    return refused.value.reason


def test_a_token_is_taken_apart() -> None:
    text = good("ES256", header("ES256", typ="JWT"))
    token = read_token(text, PUBLIC_KEY_ALGORITHMS)
    head, body, signature = text.split(".")
    assert token.algorithm == "ES256"
    assert token.key_id == "issuer-es256"
    assert not token.is_access_token
    assert token.claims == claims()
    assert token.signed == f"{head}.{body}".encode()
    assert b64(token.signature) == signature


@pytest.mark.parametrize(
    ("typ", "is_access_token"),
    [
        ({}, False),
        ({"typ": "JWT"}, False),
        ({"typ": "jWt"}, False),
        ({"typ": "at+jwt"}, True),
        ({"typ": "AT+JWT"}, True),
        ({"typ": "application/at+jwt"}, True),
    ],
)
def test_the_typ_tells_an_access_token(typ: dict[str, str], is_access_token: bool) -> None:
    token = read_token(good(head=header(**typ)), PUBLIC_KEY_ALGORITHMS)
    assert token.is_access_token is is_access_token


def test_a_token_need_not_name_a_key() -> None:
    assert read_token(good(head={"alg": "EdDSA"}), PUBLIC_KEY_ALGORITHMS).key_id is None


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("a" * 8193, "the token is longer than 8192 bytes"),
        ("opaque", "the token has 1 parts instead of 3"),
        ("a.b.c.d", "the token has 4 parts instead of 3"),
        ("e30=.e30.AA", "the header is not canonical base64url"),
        (sealed([], claims(), b"x"), "the header is not a JSON object"),
        (sealed(b"\xff", claims(), b"x"), "the header is not UTF-8"),
        (sealed("{", claims(), b"x"), "the header is not JSON"),
        (sealed(header() | {"alg": "none"}, claims(), b"x"), "the algorithm 'none' is not"),
        (sealed({}, claims(), b"x"), "the algorithm None is not accepted here"),
        (sealed(header(crit=[]), claims(), b"x"), "the header has the member crit, which is"),
        (sealed(header(kid=""), claims(), b"x"), "the kid is not a string of 1 to 255 visible"),
        (sealed(header(kid=7), claims(), b"x"), "the kid is not a string of 1 to 255 visible"),
        (sealed(header(typ="JWE"), claims(), b"x"), "the typ 'JWE' is not accepted"),
        (sealed(header(typ=1), claims(), b"x"), "the typ 1 is not accepted"),
        (sealed(header(), claims(), b""), "the signature is empty"),
        (f"{b64(raw(header()))}.{b64('{}')}.A", "the signature is not canonical base64url"),
        (f"{b64(raw(header()))}.e31.AA", "the payload is not canonical base64url"),
        (sealed(header(), "[" * 5000, b"x"), "the payload is nested too deeply"),
        (sealed(header(), '{"a":1,"a":1}', b"x"), "the payload has a member twice"),
        (sealed(header(), '{"a":-Infinity}', b"x"), "the payload has a number that JSON does"),
        (sealed(header(), f'{{"a":{"9" * 1001}}}', b"x"), "the payload has a number of more"),
    ],
    ids=lambda value: value if " " in value else "token",
)
def test_the_log_is_told_what_is_wrong(token: str, reason: str) -> None:
    assert reason_of(token).startswith(reason)


def test_numbers_of_a_thousand_digits_are_read() -> None:
    assert read_object(f'{{"a":{"9" * 1000}}}'.encode()) == {"a": int("9" * 1000)}


@pytest.mark.parametrize(
    "text",
    [
        f'{{"a":{"[" * 49}{"]" * 49}}}',
        f'{{"a":{"[[]," * 48}1{"]" * 48}}}',
        f'{{"a":"{"[" * 1000}"}}',
        f'{{"a":"\\"{"{" * 1000}","b":[[]]}}',
        f'{{"a":[{",".join(["{}"] * 1000)}]}}',
    ],
    ids=["as deep as can be", "many", "inside a string", "behind an escaped quote", "side by side"],
)
def test_brackets_that_are_not_deep_are_read(text: str) -> None:
    assert next(iter(read_object(text.encode()))) == "a"


@pytest.mark.parametrize(
    "text",
    [
        f'{{"a":{"[" * 50}{"]" * 50}}}',
        f'{{"a":{"[" * 50}',
        f'{{"a":"\\\\",{"[" * 50}',
        f'{{"a":"\n","b":{"[" * 50}',
        f'{{"a":"{"[" * 60}',
        '{"a":' * 51,
        f'{{"b":[{",".join(["[]"] * 60)}],"a":{"[" * 50}',
    ],
)
def test_what_is_deep_is_refused_before_it_is_read(text: str) -> None:
    with pytest.raises(ValueError, match="is nested too deeply"):
        read_object(text.encode())


def test_what_the_log_is_told_is_escaped_and_short() -> None:
    assert reason_of(sealed(header(typ="\n\x1b[31m\u202e"), claims(), b"x")) == (
        r"the typ '\n\x1b[31m\u202e' is not accepted"
    )
    assert shown("a" * 78) == f"'{'a' * 78}'"
    assert shown("a" * 79) == f"'{'a' * 76}..."


@pytest.mark.parametrize(
    ("authorization", "refusal", "reason"),
    [
        ([], TokenMissing, "there is no Authorization header"),
        ([""], TokenMissing, "the Authorization header is empty"),
        (["Bearer"], TokenMissing, "the Authorization header carries no token"),
        (["bearer "], TokenMissing, "the Authorization header carries no token"),
        (["Basic dTpw"], TokenInvalid, "the Authorization header has another scheme than Bearer"),
        (["Bearer a", "Bearer a"], TokenInvalid, "there is more than one Authorization header"),
        (["Bearer " + "a" * 8193], TokenInvalid, "the token is longer than 8192 bytes"),
    ],
)
def test_a_request_without_one_token_is_told_apart(
    authorization: list[str], refusal: type[TokenRefused], reason: str
) -> None:
    with pytest.raises(refusal) as refused:
        bearer(authorization)
    assert refused.value.reason == reason


def test_the_token_is_what_follows_the_scheme() -> None:
    assert bearer(["Bearer a.b.c"]) == "a.b.c"
    assert bearer(["bEARER a b"]) == "a b"
    assert bearer(["Bearer " + "a" * 8192]) == "a" * 8192


def test_a_key_id_is_visible_ascii() -> None:
    assert is_key_id("!")
    assert is_key_id("~" * 255)
    for refused in ("", "~" * 256, " ", "a b", "a\n", "\x7f", "\u00e9"):
        assert not is_key_id(refused)


def test_every_character_of_base64url_can_end_a_part() -> None:
    """For each length of the last group, exactly the endings without stray bits are canonical."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for group, expected in (("", 0), ("A", 4), ("AA", 16), ("AAA", 64)):
        fitting = [last for last in alphabet if is_read(group + last)]
        assert len(fitting) == expected


def is_read(signature: str) -> bool:
    try:
        read_token(f"{b64(raw(header()))}.{b64('{}')}.{signature}", PUBLIC_KEY_ALGORITHMS)
    except TokenInvalid:
        return False
    return True


def test_white_space_in_the_json_is_no_matter() -> None:
    spaced = f"\r\n\t {json.dumps(header(), indent=1)} "
    token = signed(spaced, claims(), issuer_key("EdDSA"))
    assert read_token(token, PUBLIC_KEY_ALGORITHMS).algorithm == "EdDSA"
