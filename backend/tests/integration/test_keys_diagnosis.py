"""What the diagnosis learns from a real issuer."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from pathlib import Path

import pytest

from integration.key_servers import Behaviour, KeyServer, answering, key_server, unused_port
from taskwell.auth.diagnosis import Finding, examine_keys, explain
from taskwell.config import Settings
from taskwell.configuring import load_settings
from unit.auth.workshop import (
    NOW,
    Clock,
    attacker_key,
    claims,
    good,
    header,
    issuer_key,
    key_set,
    signed,
)

SESSION = "u5xK2mQ9vTnR7wYbL3cJ8hF4dS6gA1pE"


def settings(server: KeyServer, folder: Path) -> Settings:
    return load_settings(data=folder, better_auth_url=server.url)


def published(date: float = NOW) -> Behaviour:
    return answering(
        key_set(issuer_key("EdDSA")), "200 OK", f"Date: {formatdate(date, usegmt=True)}"
    )


def failures(token: str, given: Settings) -> dict[str, str]:
    found = asyncio.run(explain(token, given, clock=Clock()))
    return {finding.check: finding.advice for finding in found if not finding.passed}


def test_a_token_of_a_real_issuer_passes(tmp_path: Path) -> None:
    with key_server(published()) as server:
        token = good(iss=server.url, aud=server.url)
        assert failures(token, settings(server, tmp_path)) == {}


@pytest.mark.parametrize(
    ("ahead", "words"),
    [(95, "is 95 seconds behind the issuer's"), (-95, "is 95 seconds ahead of the issuer's")],
)
def test_a_wrong_clock_is_found_by_the_issuers(tmp_path: Path, ahead: int, words: str) -> None:
    with key_server(published(NOW + ahead)) as server:
        token = good(iss=server.url, aud=server.url)
        found = failures(token, settings(server, tmp_path))
        assert set(found) == {"key set"}
        assert words in found["key set"]


@pytest.mark.parametrize("ahead", [-30, 30])
def test_clocks_within_the_leeway_are_right(tmp_path: Path, ahead: int) -> None:
    with key_server(published(NOW + ahead)) as server:
        finding = asyncio.run(examine_keys(settings(server, tmp_path), clock=Clock()))
        assert finding == Finding("key set", True)


def test_an_unknown_key_is_told_from_a_wrong_signature(tmp_path: Path) -> None:
    with key_server(published()) as server:
        given = settings(server, tmp_path)
        right = {"iss": server.url, "aud": server.url}
        maker = attacker_key("EdDSA")
        unknown = signed({"alg": "EdDSA", "kid": maker.key_id}, claims(**right), maker)
        assert "The issuer does not publish the key" in failures(unknown, given)["key"]
        wrong = signed(header(), claims(**right), maker)
        assert "The key that it names did not sign it" in failures(wrong, given)["signature"]


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (answering(b'{"keys":[]}'), "Better Auth makes its first key when somebody first asks"),
        (answering(b"", "308 Moved"), "Set TASKWELL_AUTH_JWKS_URL to the address that it leads"),
        (answering(b"", "404 Not Found"), "See that Better Auth runs there with its jwt() plugin"),
    ],
)
def test_a_key_set_of_no_use_is_explained(tmp_path: Path, behaviour: Behaviour, words: str) -> None:
    with key_server(behaviour) as server:
        finding = asyncio.run(examine_keys(settings(server, tmp_path), clock=Clock()))
        assert not finding.passed
        assert words in finding.advice
        assert f"{server.url}/api/auth/jwks" in finding.advice
        token = good(iss=server.url, aud=server.url)
        assert failures(token, settings(server, tmp_path)) == {"key set": finding.advice}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("200 OK", "let the front end fetch that (authClient.token())"),
        ("401 Unauthorized", "Better Auth knows no such session: sign in again"),
        ("404 Not Found", "switch on its jwt() plugin"),
        ("500 Internal Server Error", "if BETTER_AUTH_SECRET was changed"),
        ("302 Found", "answered with the status 302 at /api/auth/token"),
    ],
)
def test_an_opaque_session_token_is_shown_to_its_issuer(
    tmp_path: Path, status: str, words: str
) -> None:
    with key_server(answering(b"{}", status)) as server:
        found = failures(SESSION, settings(server, tmp_path))
        assert set(found) == {"form"}
        assert words in found["form"]
        assert SESSION not in found["form"]
        [request] = server.requests
        assert request.startswith(b"GET /api/auth/token HTTP/1.1\r\n")
        assert f"\r\nAuthorization: Bearer {SESSION}\r\n".encode() in request


def test_a_signed_session_token_is_shown_too(tmp_path: Path) -> None:
    with key_server(answering(b"{}", "401 Unauthorized")) as server:
        given = load_settings(data=tmp_path, better_auth_url=server.url + "/")
        found = failures(f"{SESSION}.Vb0Qx9mJ2sT4kL8nR6wY1zC3hF5dG7aE%3D", given)
        assert found["form"].startswith("This is no JWT; it looks like the opaque token")
        assert " send that. Better Auth knows no such session" in found["form"]
        assert server.requests[0].startswith(b"GET /api/auth/token HTTP/1.1\r\n")


@pytest.mark.parametrize("text", ["a.b.c", "a.b.c.d.e", "two words", "\u00e9", "x" * 256])
def test_nothing_else_is_sent_to_the_issuer(tmp_path: Path, text: str) -> None:
    with key_server(answering(b"{}")) as server:
        assert set(failures(text, settings(server, tmp_path))) == {"form"}
        assert server.requests == []


def test_an_issuer_that_can_not_be_asked_is_told(tmp_path: Path) -> None:
    given = load_settings(data=tmp_path, better_auth_url=f"http://127.0.0.1:{unused_port()}")
    assert "asked for a JWT at /api/auth/token, is out of reach" in failures(SESSION, given)["form"]
