"""What the one who runs the service is told about a token that is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import jwt
import pytest

from taskwell.auth.diagnosis import Finding, examine_keys, explain
from taskwell.auth.gate import build_gate, development_issuer
from taskwell.config import Settings
from taskwell.configuring import load_settings
from taskwell.errors import KeysUnavailable, TokenRefused
from unit.auth.families import Attempt
from unit.auth.forgeries import FAMILIES
from unit.auth.workshop import (
    ISSUER,
    NOW,
    SECRET,
    Clock,
    attacker_key,
    claims,
    good,
    header,
    issuer_key,
    sealed,
    signed,
    with_secret,
)

HEAD = {"alg": "HS256"}


@pytest.fixture
def shared(tmp_path: Path) -> Settings:
    return load_settings(data=tmp_path, auth_secret=SECRET, better_auth_url=ISSUER)


@pytest.fixture
def local(tmp_path: Path) -> Settings:
    given = load_settings(data=tmp_path)
    development_issuer(given)
    return given


def diagnosis(token: str, settings: Settings, now: float = NOW) -> list[Finding]:
    return asyncio.run(explain(token, settings, clock=Clock(now)))


def failures(token: str, settings: Settings, now: float = NOW) -> dict[str, str]:
    found = diagnosis(token, settings, now)
    assert all(finding.passed is (finding.advice == "") for finding in found)
    return {finding.check: finding.advice for finding in found if not finding.passed}


def made(head: Any = None, **changes: Any) -> str:
    return with_secret(head or HEAD, claims(**changes), SECRET.encode())


def test_a_good_token_passes_every_check_in_order(local: Settings, shared: Settings) -> None:
    for token, settings, keys in (
        (development_issuer(local, Clock()).token("ada"), local, "key set"),
        (made(), shared, "secret"),
    ):
        found = diagnosis(token, settings)
        assert [finding.check for finding in found] == [
            "form", "kind", "issuer", "audience", "user", "time", keys, "key", "signature",
        ]  # fmt: skip
        assert all(finding.passed and finding.advice == "" for finding in found)


@pytest.mark.parametrize(
    ("changes", "check", "words"),
    [
        ({"iss": ISSUER + "/"}, "issuer", "Only the slash at the end differs: set"),
        ({"iss": ISSUER + "/api/auth"}, "issuer", "Only the path differs: set TASKWELL_AUTH"),
        ({"iss": "http://app.example.com"}, "issuer", "Only http and https differ: set"),
        ({"iss": "https://other.example"}, "issuer", "They are two different addresses: set"),
        (
            {"iss": "https://other.example"},
            "issuer",
            "The token says that 'https://other.example' made it, and Taskwell expects 'https://app",
        ),
        (
            {"iss": ...},
            "issuer",
            "because the iss is missing or not a string: the issuer must put its address into iss",
        ),
        ({"aud": "https://other.example"}, "audience", "set TASKWELL_AUTH_AUDIENCE to what the"),
        ({"aud": ...}, "audience", "the aud is missing or not a string or a list of strings"),
        ({"aud": "better-auth:session-cache"}, "audience", "the cache of a session cookie"),
        ({"sub": ""}, "user", "the issuer must put the user's id into sub"),
        ({"exp": NOW - 40}, "time", "It expired 40 seconds ago: fetch a new one."),
        ({"exp": NOW - 300}, "time", "It expired 5 minutes ago"),
        ({"exp": NOW - 86_400}, "time", "It expired 24 hours ago"),
        ({"exp": -(10**400)}, "time", "It expired 500000 hours ago"),
        ({"exp": "tomorrow"}, "time", "the exp is not a finite number: the issuer must put"),
        ({"exp": ...}, "time", "the exp is missing: the issuer must put seconds"),
        ({"iat": NOW + 95}, "time", "Its iat lies 95 seconds in the future: the clock of this"),
        ({"nbf": NOW + 600}, "time", "Its nbf lies 10 minutes in the future: the clock of this"),
        ({"nbf": 10**400}, "time", "hours in the future: the clock of this"),
        ({"nonce": "x"}, "kind", "This is an id token, which tells a client who signed in."),
        ({"cnf": {}}, "kind", "bound to a key of its sender and no bearer token. Ask Better Auth"),
    ],
)
def test_a_wrong_claim_is_named_with_what_to_change(
    shared: Settings, changes: dict[str, Any], check: str, words: str
) -> None:
    found = failures(made(**changes), shared)
    assert set(found) == {check}
    assert words in found[check]


def test_every_wrong_claim_is_named_at_once(shared: Settings) -> None:
    token = made(iss="x", aud="x", sub="", exp=NOW - 60)
    assert set(failures(token, shared)) == {"issuer", "audience", "user", "time"}


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("u5xK2mQ9vTnR7wYbL3cJ8hF4dS6gA1pE\n", "There is something around the token"),
        ("Bearer a.b.c", "There is something around the token"),
        ('"a.b.c"', "There is something around the token"),
        ("'a.b.c'", "There is something around the token"),
        ("a.b.c.d.e", "This token is encrypted, as a session cookie may be. Ask Better Auth"),
        ("opaque\x00token", "it looks like the opaque token of a session. Ask Better Auth for a"),
        ("a.b.c.d", "It is no token that Better Auth made: the token has 4 parts instead of 3."),
        (f"a.{'b' * 9000}.c", "It is longer than 8192 bytes: put less into it"),
        ("a.b.c", "It is no token that Better Auth made: the header is not canonical base64url."),
        (sealed("[]", "{}", b"x"), "It is no token that Better Auth made: the header is not a"),
        (
            sealed(header(typ="better-auth.session-cache+jwt"), "{}", b"x"),
            "This is the cache of a session cookie, signed with the same key.",
        ),
        (sealed(header(crit=[]), "{}", b"x"), "the header has the member crit, which is never"),
    ],
    ids=lambda value: value[:30] if " " in value else "token",
)
def test_what_is_no_token_is_told_apart(tmp_path: Path, token: str, words: str) -> None:
    # Not of https, where Better Auth would be asked about it.
    found = failures(token, load_settings(data=tmp_path, better_auth_url="http://better-auth"))
    assert set(found) == {"form"}
    assert words in found["form"]


@pytest.mark.parametrize(
    "token", ["a.b.c", "a.b.c.d.e", "opaque", good(), good("EdDSA", header("EdDSA", typ="at+jwt"))]
)
def test_where_tokens_are_made_by_the_command_it_is_what_is_advised(
    local: Settings, token: str
) -> None:
    advised = " ".join(failures(token, local).values())
    assert "`taskwell token" in advised
    assert "Better Auth" not in advised


def test_a_path_that_is_added_to_the_address_is_not_part_of_it(tmp_path: Path) -> None:
    given = load_settings(data=tmp_path, better_auth_url="http://127.0.0.1:9/api/auth/")
    assert "Drop /api/auth from the end" in asyncio.run(examine_keys(given)).advice


def test_the_wrong_kind_of_signature_is_told_apart(local: Settings, shared: Settings) -> None:
    assert "set TASKWELL_AUTH_SECRET to that secret" in failures(made(), local)["form"]
    assert "TASKWELL_AUTH_SECRET is set, so that only HS256" in failures(good(), shared)["form"]
    other = sealed({"alg": "ES384"}, claims(), b"x")
    assert "let the issuer sign with EdDSA, ES256" in failures(other, local)["form"]


def test_access_tokens_are_told_how_to_be_let_in(tmp_path: Path, shared: Settings) -> None:
    token = made({"alg": "HS256", "typ": "at+jwt"})
    assert "set TASKWELL_ACCESS_TOKENS=true" in failures(token, shared)["kind"]
    given = load_settings(
        data=tmp_path,
        better_auth_url="http://127.0.0.1:9",
        access_tokens=True,
        auth_scopes=("tasks:write",),
    )
    found = failures(good(head=header(typ="at+jwt"), scope="openid"), given)
    assert "the scope 'tasks:write' is missing: let the client ask for every" in found["kind"]
    assert "expects 'http://127.0.0.1:9/api/auth'" in found["issuer"]


def test_a_foreign_key_and_a_foreign_signature_are_told_apart(
    local: Settings, shared: Settings
) -> None:
    wrong = with_secret(HEAD, claims(), b"another secret of the same length, or so")
    found = failures(wrong, shared)
    assert [finding.check for finding in diagnosis(wrong, shared)][-2:] == ["key", "signature"]
    assert set(found) == {"signature"}
    assert "signed with another secret than TASKWELL_AUTH_SECRET" in found["signature"]

    right = {"iss": local.issuer, "aud": local.issuer}
    found = failures(good(**right), local)
    assert set(found) == {"key"}
    assert "print a new token with 'taskwell token'" in found["key"]

    token = development_issuer(local, Clock()).token("ada")
    found = failures(token[:-6] + "AAAAAA", local)
    assert set(found) == {"signature"}
    assert "The key that it names did not sign it" in found["signature"]

    head = {"alg": "ES256", "kid": signed_key_id(token)}
    found = failures(signed(head, claims(**right), issuer_key("ES256")), local)
    assert set(found) == {"key"}
    assert "the key of this kid is not one for ES256" in found["key"]


def signed_key_id(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def test_keys_out_of_reach_are_a_finding_of_their_own(tmp_path: Path) -> None:
    given = load_settings(data=tmp_path, better_auth_url="http://127.0.0.1:9")
    right = {"iss": "http://127.0.0.1:9", "aud": "http://127.0.0.1:9"}
    found = failures(good(**right), given)
    assert set(found) == {"key set"}
    assert "The key set at http://127.0.0.1:9/api/auth/jwks is of no use: it is" in found["key set"]
    assert not asyncio.run(examine_keys(given)).passed


def test_keys_at_hand_are_a_finding_without_a_token(local: Settings) -> None:
    assert asyncio.run(examine_keys(local)) == Finding("key set", True)


def test_to_look_for_the_development_issuers_key_makes_none(tmp_path: Path) -> None:
    given = load_settings(data=tmp_path / "data")
    finding = asyncio.run(examine_keys(given))
    assert finding.passed
    assert finding.advice.startswith(f"none in {tmp_path / 'data'} yet")
    assert "key set" in failures(good(), given)
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_can_not_be_read_is_a_finding(local: Settings) -> None:
    (local.data / "issuer.pem").write_text("no key")
    finding = asyncio.run(examine_keys(local))
    assert not finding.passed
    assert "is not the development issuer's key" in finding.advice


def test_a_session_token_is_not_sent_where_others_can_listen(tmp_path: Path) -> None:
    given = load_settings(data=tmp_path, better_auth_url="http://better-auth")
    found = failures("u5xK2mQ9vTnR7wYbL3cJ8hF4dS6gA1pE", given)
    assert found["form"].endswith("Ask Better Auth for a JWT at /api/auth/token and send that.")


def test_the_diagnosis_and_the_gate_agree_on_the_whole_corpus(local: Settings) -> None:
    """What the gate lets in passes every check, and what it refuses fails at least one."""
    token = development_issuer(local, Clock()).token("ada")
    gate = build_gate(local, clock=Clock())

    async def agree(attempt: Attempt) -> None:
        text = attempt.authorization[0].removeprefix("Bearer ")
        try:
            await gate.user([f"Bearer {text}"])
        except (TokenRefused, KeysUnavailable):
            comes_in = False
        else:
            comes_in = True
        found = await explain(text, local, clock=Clock())
        assert comes_in == all(finding.passed for finding in found), attempt.name
        for finding in found:
            assert len(text) < 8 or text not in finding.advice
            for part in text.split("."):
                assert len(part) < 16 or part not in finding.advice, attempt.name

    async def story() -> None:
        await agree(Attempt("good", (f"Bearer {token}",), is_good=True))
        for family in FAMILIES:
            for attempt in family.attempts():
                if len(attempt.authorization) == 1:
                    await agree(attempt)

    asyncio.run(story())


def test_no_finding_tells_a_secret(shared: Settings) -> None:
    for token in (
        made(exp=1),
        with_secret(HEAD, claims(), b"x"),
        good(),
        signed(header(), claims(), attacker_key("EdDSA")),
    ):
        for finding in diagnosis(token, shared):
            assert SECRET not in finding.advice
