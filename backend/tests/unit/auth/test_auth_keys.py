"""Key sets: what is taken from an issuer's answer, and which key a token gets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from taskwell.auth.algorithms import PUBLIC_KEY_ALGORITHMS
from taskwell.auth.jwks import KeySetUnusable, PublishedKeySet, read_key_set
from taskwell.auth.keys import Key, KeySet, SharedSecret
from taskwell.auth.tokens import Token, read_token
from taskwell.errors import SettingsInvalid, TokenInvalid
from unit.auth.workshop import PUBLIC, b64, good, header, issuer_key, key_set, raw

ED = issuer_key("EdDSA").jwk()
RSA = issuer_key("RS256").jwk()


def read(*entries: Any) -> KeySet:
    return read_key_set(json.dumps({"keys": entries}).encode())


def names(keys: KeySet) -> set[tuple[str | None, str]]:
    return {(key.key_id, key.algorithm) for key in keys.by_serial.values()}


def without(jwk: dict[str, Any], *members: str) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name not in members}


def token(algorithm: str = "EdDSA", **members: Any) -> Token:
    return read_token(good(algorithm, header(algorithm, **members)), PUBLIC_KEY_ALGORITHMS)


def unnamed(algorithm: str) -> Token:
    return read_token(good(algorithm, {"alg": algorithm}), PUBLIC_KEY_ALGORITHMS)


def test_a_key_of_each_kind_is_bound_to_its_algorithm() -> None:
    keys = read_key_set(key_set(*(issuer_key(each) for each in PUBLIC)))
    assert names(keys) == {(issuer_key(each).key_id, each) for each in PUBLIC}
    for each in PUBLIC:
        key = keys.find(token(each))
        assert key is not None
        assert key.signed(token(each))


@pytest.mark.parametrize(
    ("algorithm", "bound"),
    [
        ("EdDSA", {"EdDSA"}),
        ("ES256", {"ES256"}),
        ("ES512", {"ES512"}),
        ("RS256", {"RS256", "PS256"}),
    ],
)
def test_a_key_that_does_not_name_its_algorithm_is_bound_by_its_kind(
    algorithm: str, bound: set[str]
) -> None:
    keys = read(without(issuer_key(algorithm).jwk(), "alg"))
    assert names(keys) == {(issuer_key(algorithm).key_id, each) for each in bound}
    key = keys.find(token(algorithm))
    assert key is not None
    assert key.signed(token(algorithm))


def small_rsa() -> dict[str, Any]:
    public = rsa.generate_private_key(65537, 1024).public_key()
    return {**RSAAlgorithm.to_jwk(public, as_dict=True), "kid": "small", "alg": "RS256"}


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8))


MODULUS = issuer_key("RS256").public.public_numbers().n


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "key",
        [],
        {},
        {"kty": ["OKP"]},
        {"kty": "oct", "k": b64("a shared secret of 32 bytes, or more"), "kid": "o"},
        {"kty": "oct", "k": b64("a shared secret of 32 bytes, or more"), "alg": "HS256"},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA"},
        ED | {"use": "enc"},
        ED | {"use": None},
        ED | {"key_ops": ["encrypt"]},
        ED | {"key_ops": []},
        ED | {"key_ops": "verify"},
        ED | {"d": ED["x"]},
        RSA | {"d": RSA["n"]},
        *(RSA | {member: "AAAA"} for member in ("d", "p", "q", "dp", "dq", "qi", "oth", "k")),
        ED | {"alg": "ES256"},
        ED | {"alg": "Ed448"},
        ED | {"alg": "HS256"},
        ED | {"alg": "none"},
        ED | {"alg": None},
        ED | {"crv": "X25519"},
        ED | {"crv": "Ed448"},
        ED | {"crv": ["Ed25519"]},
        without(ED, "crv"),
        without(ED, "x"),
        ED | {"x": ED["x"] + "="},
        ED | {"x": ED["x"][:-2]},
        ED | {"x": ""},
        ED | {"x": 7},
        ED | {"kid": ""},
        ED | {"kid": 7},
        ED | {"kid": "a b"},
        ED | {"kid": "a" * 256},
        issuer_key("ES256").jwk() | {"crv": "P-521", "alg": "ES512"},
        issuer_key("ES256").jwk() | {"crv": "P-384"},
        issuer_key("ES256").jwk() | {"crv": "secp256k1"},
        issuer_key("ES256").jwk() | {"x": b64(b"\x01" * 32)},
        issuer_key("ES256").jwk() | {"y": b64(b"\x00" * 31)},
        without(issuer_key("ES512").jwk(), "y"),
        RSA | {"crv": "P-256"},
        RSA | {"alg": "RS384"},
        RSA | {"alg": "RSA-OAEP"},
        RSA | {"e": b64(b"\x01")},
        RSA | {"e": b64(b"\x02")},
        RSA | {"e": number(65536)},
        RSA | {"e": number(2**32 + 1)},
        RSA | {"n": number(MODULUS - 1)},
        RSA | {"n": number(MODULUS >> 1 | 1)},
        RSA | {"n": number(2**8192 + 1)},
        RSA | {"n": b64(b"\x00" * 300)},
        small_rsa(),
    ],
)
def test_an_entry_of_no_use_is_passed_over(entry: Any) -> None:
    assert names(read(entry, issuer_key("ES512").jwk())) == {("issuer-es512", "ES512")}


@pytest.mark.parametrize(
    "entry",
    [
        ED | {"use": "sig"},
        ED | {"key_ops": ["sign", "verify"]},
        ED | {"x5c": ["AAAA"], "ext": True, "iat": 7, "unknown": {}},
        RSA | {"e": number(3)},
        RSA | {"e": number(2**32 - 1)},
        RSA | {"n": number(2**2047 + 1)},
        RSA | {"n": number(2**8191 + 1)},
        ED | {"kid": "~" * 255},
        without(ED, "kid"),
        ED | {"kid": None},
    ],
)
def test_an_entry_within_the_bounds_is_taken(entry: Any) -> None:
    assert len(read(entry)) == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the key set is not JSON"),
        (b"<html>", "the key set is not JSON"),
        (b"\xff", "the key set is not UTF-8"),
        (b"[]", "the key set is not a JSON object"),
        (b"[" * 100_000, "the key set is nested too deeply"),
        (b'{"keys":[],"keys":[]}', "the key set has a member twice"),
        (b"{}", "the key set has no list of keys"),
        (b'{"keys":{}}', "the key set has no list of keys"),
        (b'{"keys":null}', "the key set has no list of keys"),
        (b'{"keys":[]}', "the key set has no key that can be used here"),
        (b'{"keys":[{}]}', "the key set has no key that can be used here"),
        (json.dumps({"keys": [ED] * 501}).encode(), "the key set has more than 500 keys"),
    ],
)
def test_a_set_without_use_is_no_set(data: bytes, reason: str) -> None:
    with pytest.raises(KeySetUnusable) as refused:
        read_key_set(data)
    assert str(refused.value) == reason


def test_a_key_that_is_listed_often_is_one_key() -> None:
    assert len(read(*[ED] * 500)) == 1


def test_the_same_key_under_two_names_is_two_keys() -> None:
    assert names(read(ED, ED | {"kid": "other"})) == {("issuer-eddsa", "EdDSA"), ("other", "EdDSA")}


def test_an_unknown_name_may_be_known_to_the_issuer_by_now() -> None:
    keys = read(ED)
    assert keys.find(token(kid="new")) is None
    assert keys.find(unnamed("ES256")) is None
    assert KeySet().find(token()) is None


def test_a_known_name_with_another_algorithm_is_refused_at_once() -> None:
    with pytest.raises(TokenInvalid, match="the key of this kid is not one for RS256"):
        read(ED, RSA).find(token("RS256", kid="issuer-eddsa"))


def test_a_token_without_a_name_gets_the_only_key_that_fits() -> None:
    keys = read(ED, RSA)
    found = keys.find(unnamed("EdDSA"))
    assert found is not None
    assert found.key_id == "issuer-eddsa"
    with pytest.raises(TokenInvalid, match="several keys for EdDSA fit and no kid tells which"):
        read(ED, ED | {"kid": "other"}).find(unnamed("EdDSA"))


def test_a_key_without_a_name_is_for_every_token_that_names_no_other() -> None:
    keys = read(without(ED, "kid"), RSA)
    for given in (unnamed("EdDSA"), token(kid="whatever")):
        found = keys.find(given)
        assert found is not None
        assert found.key_id is None
    two = read(without(ED, "kid"), without(issuer_key("ES256").jwk(), "kid"), ED)
    named = two.find(token())
    assert named is not None
    assert named.key_id == "issuer-eddsa"
    with pytest.raises(TokenInvalid, match="several keys"):
        two.find(unnamed("EdDSA"))


def test_two_different_keys_of_one_name_fit_nobody() -> None:
    keys = read(RSA, issuer_key("PS256").jwk() | {"alg": "RS256", "kid": RSA["kid"]})
    with pytest.raises(TokenInvalid, match="several keys for RS256 fit"):
        keys.find(token("RS256"))


def test_a_key_stays_itself_when_its_set_is_read_again() -> None:
    first, second = read(ED, RSA), read(RSA, ED, issuer_key("ES256").jwk())
    kept = second.keeping(first)
    assert set(first.by_serial) <= set(kept.by_serial)
    assert len(kept) == 3
    for key in first.by_serial.values():
        assert kept.by_serial[key.serial] is key


@pytest.mark.parametrize("change", [{"kid": "other"}, {"x": b64(b"\x07" * 32)}])
def test_a_key_with_another_name_or_other_bytes_is_another_key(change: dict[str, str]) -> None:
    first = read(ED)
    assert set(read(ED | change).keeping(first).by_serial).isdisjoint(first.by_serial)


def test_a_key_does_not_show_what_it_is_made_of() -> None:
    key = Key("k1", "HS256", b"the secret", ("the secret",))
    assert "the secret" not in repr(key)


def test_a_shared_secret_is_a_set_of_one_key_without_a_name() -> None:
    keys = asyncio.run(SharedSecret("a secret that is long enough for this").read())
    assert names(keys) == {(None, "HS256")}


@pytest.mark.parametrize(
    "secret",
    [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ",
        raw(ED).decode(),
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
    ],
    ids=["SSH", "JWK", "PEM"],
)
def test_a_key_or_certificate_is_no_shared_secret(secret: str) -> None:
    with pytest.raises(SettingsInvalid, match="TASKWELL_AUTH_SECRET looks like a key"):
        SharedSecret(secret)


def test_a_published_set_is_named_without_what_may_be_secret() -> None:
    source = PublishedKeySet("https://user:pass@app.example.com:8443/api/auth/jwks?key=secret")
    assert source.name == "https://app.example.com:8443/api/auth/jwks"
