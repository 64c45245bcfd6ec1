"""The gate as a whole: which keys it takes for which settings, and what it remembers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from taskwell.auth.gate import Gate, build_gate, development_issuer
from taskwell.auth.identity import Identity
from taskwell.auth.jwks import PublishedKeySet
from taskwell.auth.keys import Key
from taskwell.config import Settings
from taskwell.configuring import load_settings
from taskwell.errors import (
    KeysUnavailable,
    SettingsInvalid,
    TokenExpired,
    TokenInvalid,
    TokenMissing,
)
from unit.auth.workshop import (
    GATES,
    ISSUER,
    NOW,
    PUBLIC,
    SECRET,
    USER,
    Clock,
    Published,
    admitted,
    attacker_key,
    b64,
    claims,
    gate,
    good,
    header,
    issuer_key,
    key_set,
    signed,
    with_secret,
)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "BETTER_AUTH_URL",
        "TASKWELL_AUTH_ISSUER",
        "TASKWELL_AUTH_AUDIENCE",
        "TASKWELL_AUTH_JWKS_URL",
        "TASKWELL_AUTH_SECRET",
        "TASKWELL_ACCESS_TOKENS",
        "TASKWELL_AUTH_SCOPES",
        "TASKWELL_HOST",
    ):
        monkeypatch.delenv(name, raising=False)


def settings(tmp_path: Path, **flags: Any) -> Settings:
    return load_settings(data=tmp_path, **flags)


@pytest.mark.parametrize("algorithm", PUBLIC)
def test_the_user_of_a_good_token_comes_in(algorithm: str) -> None:
    identity = admitted(GATES["keys"](), [f"Bearer {good(algorithm)}"])
    assert identity == Identity(USER, NOW + 930, NOW, issuer_key(algorithm).key_id)


def test_with_a_shared_secret_there_is_no_key_to_name() -> None:
    token = with_secret({"alg": "HS256", "kid": "whatever"}, claims(), SECRET.encode())
    assert admitted(GATES["secret"](), [f"Bearer {token}"]) == Identity(USER, NOW + 930, NOW, None)


def test_a_token_is_verified_once_and_then_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    verified = 0
    really_signed = Key.signed

    def counted(self: Key, token: Any) -> bool:
        nonlocal verified
        verified += 1
        return really_signed(self, token)

    monkeypatch.setattr(Key, "signed", counted)

    async def story() -> None:
        at, token = GATES["keys"](), good()
        assert at.remembered(token) is None
        first = await at.user([f"Bearer {token}"])
        assert await at.user([f"bearer {token}"]) == first
        assert at.remembered(token) == first
        assert at.remembered(good(sub="somebody-else")) is None
        assert verified == 1

    asyncio.run(story())


def test_a_remembered_token_expires_like_any_other() -> None:
    async def story() -> None:
        clock = Clock()
        at = gate(Published(key_set(issuer_key("EdDSA"))), clock)
        authorization = [f"Bearer {good()}"]
        await at.user(authorization)
        clock.now = NOW + 929
        await at.user(authorization)
        clock.now = NOW + 930
        for _ in range(2):
            with pytest.raises(TokenExpired):
                await at.user(authorization)

    asyncio.run(story())


def test_a_remembered_token_dies_with_its_key() -> None:
    async def story() -> None:
        clock, source = Clock(), Published(key_set(issuer_key("EdDSA"), issuer_key("ES256")))
        at = gate(source, clock)
        dying, living = good(exp=NOW + 9000), good("ES256", exp=NOW + 9000)
        for token in (dying, living):
            await at.user([f"Bearer {token}"])
        source.data = key_set(issuer_key("ES256"))
        clock.now += 300
        at.warm_up()
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
        assert at.remembered(living) is not None
        assert at.remembered(dying) is None
        with pytest.raises(TokenInvalid, match="no key of this kid"):
            await at.user([f"Bearer {dying}"])

    asyncio.run(story())


def test_another_key_of_the_same_name_takes_over() -> None:
    """A database that was wiped, with ids that count from 1: the issuer says `1` again."""

    async def story() -> None:
        old, new = issuer_key("EdDSA").jwk(), attacker_key("EdDSA")
        head = {"alg": "EdDSA", "kid": old["kid"]}
        before, after = good(), signed(head, claims(), new)
        clock, source = Clock(), Published(key_set(issuer_key("EdDSA")))
        at = gate(source, clock)
        await at.user([f"Bearer {before}"])
        source.data = key_set(new).replace(b"attacker-eddsa", b"issuer-eddsa")
        clock.now += 5
        with pytest.raises(TokenInvalid, match="the signature does not fit the key"):
            await at.user([f"Bearer {after}"])
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
        assert (await at.user([f"Bearer {after}"])).user_id == USER
        assert at.remembered(before) is None
        with pytest.raises(TokenInvalid, match="the signature does not fit the key"):
            await at.user([f"Bearer {before}"])

    asyncio.run(story())


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"iss": "https://evil.example"}, TokenInvalid),
        ({"aud": "https://evil.example"}, TokenInvalid),
        ({"sub": ""}, TokenInvalid),
        ({"exp": NOW - 31}, TokenExpired),
        ({"nbf": NOW + 131}, TokenInvalid),
    ],
)
def test_the_issuer_is_asked_nothing_for_a_token_that_no_key_could_help(
    changes: dict[str, Any], refusal: type[Exception]
) -> None:
    async def story() -> None:
        clock, source = Clock(), Published(key_set(issuer_key("EdDSA")))
        at = gate(source, clock)
        await at.user([f"Bearer {good()}"])
        clock.now += 100
        made_up = signed(header() | {"kid": "made-up"}, claims(**changes), attacker_key("EdDSA"))
        with pytest.raises(refusal):
            await at.user([f"Bearer {made_up}"])
        await asyncio.sleep(0)
        assert source.reads == 1
        honest = signed(header() | {"kid": "made-up"}, claims(), attacker_key("EdDSA"))
        with pytest.raises(TokenInvalid):
            await at.user([f"Bearer {honest}"])
        assert source.reads == 2

    asyncio.run(story())


def test_before_it_waits_for_the_issuer_it_says_so() -> None:
    """So that nobody else has to wait behind a request that does."""

    async def story() -> None:
        clock, source, told = Clock(), Published(key_set(issuer_key("EdDSA"))), []
        at = gate(source, clock)
        await at.user([f"Bearer {good()}"])
        clock.now += 100
        assert (await at.user([f"Bearer {good()}"], lambda: told.append(source.reads))).user_id
        assert told == []
        made_up = signed(header() | {"kid": "made-up"}, claims(), attacker_key("EdDSA"))
        with pytest.raises(TokenInvalid):
            await at.user([f"Bearer {made_up}"], lambda: told.append(source.reads))
        assert told == [1]
        assert source.reads == 2

    asyncio.run(story())


def test_a_forged_signature_is_never_called_expired() -> None:
    at = GATES["keys"]()
    assert admitted(at, [f"Bearer {good()}"]).user_id == USER
    forged = signed(header(), claims(exp=NOW - 31), attacker_key("EdDSA"))
    with pytest.raises(TokenInvalid):
        admitted(at, [f"Bearer {forged}"])


def test_a_request_without_a_token_is_told_so() -> None:
    with pytest.raises(TokenMissing):
        admitted(GATES["keys"](), [])


def test_the_keys_can_be_read_before_the_first_request() -> None:
    async def story() -> None:
        source = Published(key_set(issuer_key("EdDSA")))
        at = gate(source, Clock())
        at.warm_up()
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
        assert source.reads == 1
        await at.close()

    asyncio.run(story())


def test_the_other_spelling_of_an_ecdsa_signature_is_the_same_token() -> None:
    """(r, n - s) is as good a signature as (r, s): Better Auth sends either. It grants nothing
    that the token did not, and nobody without the token can make it."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    message = good("ES256").rpartition(".")[0]
    pair = issuer_key("ES256").sign(message.encode())
    mirrored = pair[:32] + (order - int.from_bytes(pair[32:])).to_bytes(32)
    at = GATES["keys"]()
    assert admitted(at, [f"Bearer {message}.{b64(mirrored)}"]) == admitted(
        at, [f"Bearer {message}.{b64(pair)}"]
    )


def test_with_nothing_set_the_gate_takes_the_development_issuers_tokens(tmp_path: Path) -> None:
    given = settings(tmp_path)
    token = development_issuer(given, Clock()).token("ada")
    at = build_gate(given, clock=Clock())
    assert admitted(at, [f"Bearer {token}"]).user_id == "ada"
    for algorithm in PUBLIC:
        with pytest.raises((TokenInvalid, KeysUnavailable)):
            admitted(at, [f"Bearer {good(algorithm)}"])


def test_a_key_that_the_development_issuer_does_not_have_is_refused_at_once(tmp_path: Path) -> None:
    """Its keys are at hand, so nobody is told to come again."""
    clock = Clock()
    at = build_gate(settings(tmp_path / "one"), clock=clock, monotonic=clock)
    other = development_issuer(settings(tmp_path / "other"), clock)

    async def story() -> None:
        for _ in range(3):
            with pytest.raises(TokenInvalid, match="no key of this kid"):
                await at.user([f"Bearer {other.token('ada')}"])
            clock.now += 1

    asyncio.run(story())


def test_the_development_issuer_makes_tokens_for_the_audiences_that_are_set(
    tmp_path: Path,
) -> None:
    given = settings(tmp_path, auth_audience="one,two")
    token = development_issuer(given, Clock()).token("ada")
    assert admitted(build_gate(given, clock=Clock()), [f"Bearer {token}"]).user_id == "ada"
    plain = settings(tmp_path)
    with pytest.raises(TokenInvalid, match="the aud"):
        admitted(build_gate(plain, clock=Clock()), [f"Bearer {token}"])


def test_with_a_secret_the_gate_takes_tokens_of_that_secret_only(tmp_path: Path) -> None:
    given = settings(tmp_path, auth_secret=SECRET, better_auth_url=ISSUER + "/")
    at = build_gate(given, clock=Clock())
    token = with_secret({"alg": "HS256"}, claims(), SECRET.encode())
    assert admitted(at, [f"Bearer {token}"]).user_id == USER
    for refused in (
        good(),
        with_secret({"alg": "HS256"}, claims(iss=ISSUER + "/"), SECRET.encode()),
        with_secret({"alg": "HS256"}, claims(), SECRET[:-1].encode()),
    ):
        with pytest.raises(TokenInvalid):
            admitted(at, [f"Bearer {refused}"])
    assert not list(tmp_path.iterdir())


def test_with_better_auth_the_gate_reads_its_published_keys(tmp_path: Path) -> None:
    given = settings(tmp_path, better_auth_url="http://127.0.0.1:9")
    at = build_gate(given, clock=Clock())
    made = {"iss": "http://127.0.0.1:9", "aud": "http://127.0.0.1:9"}
    with pytest.raises(KeysUnavailable):
        admitted(at, [f"Bearer {good(**made)}"])
    with pytest.raises(TokenInvalid):
        admitted(at, [f"Bearer {good()}"])
    assert not list(tmp_path.iterdir())


def test_the_gate_takes_what_the_settings_say_of_issuer_audience_and_scopes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def from_memory(_: PublishedKeySet) -> Any:
        return await Published(key_set(issuer_key("EdDSA"))).read()

    monkeypatch.setattr(PublishedKeySet, "read", from_memory)
    monkeypatch.setenv("BETTER_AUTH_URL", ISSUER)
    monkeypatch.setenv("TASKWELL_AUTH_AUDIENCE", "one, two")
    monkeypatch.setenv("TASKWELL_ACCESS_TOKENS", "true")
    monkeypatch.setenv("TASKWELL_AUTH_SCOPES", "read,write")
    at = build_gate(load_settings(), clock=Clock())
    access = header(typ="at+jwt")
    right = {"iss": ISSUER + "/api/auth", "aud": "two", "scope": "write read"}
    assert admitted(at, [f"Bearer {good(aud='one')}"]).user_id == USER
    assert admitted(at, [f"Bearer {good(head=access, **right)}"]).user_id == USER
    for refused in (
        good(),
        good(aud="three"),
        good(head=access, **right | {"scope": "read"}),
        good(head=access, **right | {"iss": ISSUER}),
    ):
        with pytest.raises(TokenInvalid):
            admitted(at, [f"Bearer {refused}"])


def test_a_custom_issuer_is_taken_verbatim_for_both_kinds_of_token(tmp_path: Path) -> None:
    given = settings(tmp_path, better_auth_url=ISSUER, auth_issuer="urn:app/", access_tokens=True)
    assert given.issuer == given.access_token_issuer == "urn:app/"
    plain = settings(tmp_path, better_auth_url=ISSUER)
    assert plain.access_token_issuer is None


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ({"auth_secret": "s" * 31, "better_auth_url": ISSUER}, "TASKWELL_AUTH_SECRET"),
        ({"auth_secret": SECRET}, "BETTER_AUTH_URL"),
        ({"auth_secret": SECRET, "auth_jwks_url": ISSUER}, "TASKWELL_AUTH_JWKS_URL"),
        ({"access_tokens": True}, "TASKWELL_ACCESS_TOKENS"),
        (
            {"access_tokens": True, "auth_secret": SECRET, "better_auth_url": ISSUER},
            "TASKWELL_ACCESS_TOKENS",
        ),
        ({"auth_scopes": ("read",), "better_auth_url": ISSUER}, "TASKWELL_AUTH_SCOPES"),
    ],
)
def test_settings_that_contradict_each_other_stop_the_start(
    tmp_path: Path, flags: dict[str, Any], names: str
) -> None:
    with pytest.raises(SettingsInvalid, match=names) as refused:
        settings(tmp_path, **flags)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("name", ["better_auth_url", "auth_jwks_url"])
@pytest.mark.parametrize(
    "url",
    [
        "app.example.com",
        "ftp://app.example.com",
        "https://",
        "https://app.example.com:port",
        "https://app.example.com:99999",
        "https://[::1",
        "https://app example.com",
        "https://app.example.com/\n",
    ],
)
def test_an_address_that_can_not_be_asked_stops_the_start(
    tmp_path: Path, name: str, url: str
) -> None:
    with pytest.raises(SettingsInvalid, match="must be a URL such as"):
        settings(tmp_path, **{name: url})


def test_a_secret_that_is_a_public_key_stops_the_start(tmp_path: Path) -> None:
    given = settings(tmp_path, auth_secret=f"ssh-ed25519 {'A' * 68}", better_auth_url=ISSUER)
    with pytest.raises(SettingsInvalid, match="TASKWELL_AUTH_SECRET"):
        build_gate(given)


def test_gates_of_a_thousand_users_do_not_mix_them_up() -> None:
    async def story(at: Gate) -> None:
        users = [f"user-{number}" for number in range(1000)]
        head = {"alg": "HS256"}
        tokens = {user: with_secret(head, claims(sub=user), SECRET.encode()) for user in users}
        for _ in range(2):
            for user, token in tokens.items():
                assert (await at.user([f"Bearer {token}"])).user_id == user

    asyncio.run(story(GATES["secret"]()))
