"""An issuer's workshop: keys of every kind, tokens built byte by byte, and gates to try them at."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from taskwell.auth.algorithms import HMAC, PUBLIC_KEY_ALGORITHMS
from taskwell.auth.claims import Expectations
from taskwell.auth.gate import Gate
from taskwell.auth.identity import Identity
from taskwell.auth.jwks import read_key_set
from taskwell.auth.keyring import Keyring, Source
from taskwell.auth.keys import KeySet, SharedSecret

NOW = 1_800_000_000
ISSUER = "https://app.example.com"
ACCESS_ISSUER = ISSUER + "/api/auth"
AUDIENCES = (ISSUER, "https://tasks.example.com")
SECRET = "the secret that both sides know, and nobody else does"
SCOPE = "tasks:write"
USER = "u5xK2mQ9vTnR7wYbL3cJ8hF4dS6gA1pE"

PUBLIC = ("EdDSA", "ES256", "ES512", "RS256", "PS256")
HASHES: dict[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}


class Maker:
    """One private key, and the signatures it can make: right ones and near misses."""

    def __init__(self, algorithm: str, key_id: str) -> None:
        self.algorithm = algorithm
        self.key_id = key_id
        self.private: Any = _new_key(algorithm)

    @property
    def public(self) -> Any:
        return self.private.public_key()

    def jwk(self) -> dict[str, Any]:
        if self.algorithm == "EdDSA":
            members = OKPAlgorithm.to_jwk(self.public, as_dict=True)
        elif self.algorithm.startswith("ES"):
            members = ECAlgorithm.to_jwk(self.public, as_dict=True)
        else:
            members = RSAAlgorithm.to_jwk(self.public, as_dict=True)
        members.pop("key_ops", None)
        return {"alg": self.algorithm, **members, "kid": self.key_id}

    def sign(self, message: bytes, algorithm: str | None = None) -> bytes:
        algorithm = algorithm or self.algorithm
        if algorithm == "EdDSA":
            return bytes(self.private.sign(message))
        digest = HASHES[algorithm[2:]]
        if algorithm.startswith("ES"):
            width = (self.private.curve.key_size + 7) // 8
            pair = decode_dss_signature(self.private.sign(message, ec.ECDSA(digest)))
            return b"".join(number.to_bytes(width) for number in pair)
        if algorithm.startswith("RS"):
            return bytes(self.private.sign(message, padding.PKCS1v15(), digest))
        salted = padding.PSS(padding.MGF1(digest), digest.digest_size)
        return bytes(self.private.sign(message, salted, digest))


def _new_key(algorithm: str) -> Any:
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "ES512":
        return ec.generate_private_key(ec.SECP521R1())
    return rsa.generate_private_key(65537, 2048)


@cache
def issuer_key(algorithm: str) -> Maker:
    return Maker(algorithm, f"issuer-{algorithm.lower()}")


@cache
def attacker_key(algorithm: str) -> Maker:
    return Maker(algorithm, f"attacker-{algorithm.lower()}")


def hmac_of(message: bytes, secret: bytes, algorithm: str = "HS256") -> bytes:
    return hmac.digest(secret, message, getattr(hashlib, f"sha{algorithm[2:]}"))


def b64(data: bytes | str) -> str:
    return urlsafe_b64encode(data.encode() if isinstance(data, str) else data).rstrip(b"=").decode()


def raw(part: Any) -> bytes:
    """A dict becomes JSON; bytes and text stay what they are."""
    if isinstance(part, bytes):
        return part
    return part.encode() if isinstance(part, str) else json.dumps(part).encode()


def header(algorithm: str = "EdDSA", **members: Any) -> dict[str, Any]:
    return {"alg": algorithm, "kid": issuer_key(algorithm).key_id, **members}


def claims(**changes: Any) -> dict[str, Any]:
    """What Better Auth puts in. A change to `...` leaves the claim out."""
    whole = {
        "iat": NOW,
        "name": "Ada",
        "email": "ada@example.com",
        "id": USER,
        "sub": USER,
        "exp": NOW + 900,
        "iss": ISSUER,
        "aud": ISSUER,
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not ...}


def sealed(head: Any, body: Any, signature: bytes) -> str:
    return f"{b64(raw(head))}.{b64(raw(body))}.{b64(signature)}"


def signed(head: Any, body: Any, maker: Maker, algorithm: str | None = None) -> str:
    message = f"{b64(raw(head))}.{b64(raw(body))}".encode()
    return sealed(head, body, maker.sign(message, algorithm))


def good(algorithm: str = "EdDSA", /, head: Any = None, **changes: Any) -> str:
    """Signed with the issuer's own key, whatever it says."""
    return signed(head or header(algorithm), claims(**changes), issuer_key(algorithm))


def with_secret(head: Any, body: Any, secret: bytes, algorithm: str = "HS256") -> str:
    message = f"{b64(raw(head))}.{b64(raw(body))}".encode()
    return sealed(head, body, hmac_of(message, secret, algorithm))


def key_set(*makers: Maker) -> bytes:
    return json.dumps({"keys": [maker.jwk() for maker in makers]}).encode()


class Clock:
    """Time that stands still until it is told to go on: both clocks of a gate."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Published:
    """A key set in memory, read as if it had come from afar."""

    name = "the workshop"
    is_near = False

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.reads = 0

    async def read(self) -> KeySet:
        self.reads += 1
        return read_key_set(self.data)


def gate(source: Source, clock: Clock, **expected: Any) -> Gate:
    algorithms = frozenset({HMAC}) if isinstance(source, SharedSecret) else PUBLIC_KEY_ALGORITHMS
    keyring = Keyring(source, clock=clock, monotonic=clock)
    expectations = Expectations(ISSUER, frozenset(AUDIENCES), **expected)
    return Gate(keyring, expectations, algorithms, clock=clock)


def gate_with_keys(clock: Clock | None = None) -> Gate:
    return gate(Published(key_set(*(issuer_key(each) for each in PUBLIC))), clock or Clock())


def gate_with_secret() -> Gate:
    return gate(SharedSecret(SECRET), Clock())


def gate_with_access_tokens() -> Gate:
    source = Published(key_set(*(issuer_key(each) for each in PUBLIC)))
    return gate(
        source, Clock(), access_token_issuer=ACCESS_ISSUER, scopes=frozenset({SCOPE, "openid"})
    )


GATES = {
    "keys": gate_with_keys,
    "secret": gate_with_secret,
    "access tokens": gate_with_access_tokens,
}


def admitted(at: Gate, authorization: Sequence[str]) -> Identity:
    return asyncio.run(at.user(authorization))
