"""The algorithms that a signature may have, and the kind of key that each one is bound to.

PyJWT has them too, and with them certificates, SSH keys and an HTTP client, which would stay in
the memory of every process.
"""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    SECP521R1,
    EllipticCurve,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, AsymmetricPadding, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA512, HashAlgorithm

HMAC = "HS256"

# What a JWK says of itself, as (kty, crv), and the algorithms that such a key can serve.
# An RSA key that does not name its algorithm fits both paddings; every other key fits one.
ALGORITHMS_OF_KEY: dict[tuple[str, str | None], tuple[str, ...]] = {
    ("OKP", "Ed25519"): ("EdDSA",),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-521"): ("ES512",),
    ("RSA", None): ("RS256", "PS256"),
}

PUBLIC_KEY_ALGORITHMS = frozenset(name for names in ALGORITHMS_OF_KEY.values() for name in names)


class Algorithm(ABC):
    """Each signature has exactly one form: what means the same in another form is refused."""

    def is_valid(self, signed: bytes, signature: bytes, material: Any) -> bool:
        try:
            self.verify(signed, signature, material)
        except InvalidSignature:
            return False
        return True

    @abstractmethod
    def verify(self, signed: bytes, signature: bytes, material: Any) -> None:
        """InvalidSignature unless it is one."""


class PublicKeyAlgorithm(Algorithm):
    @abstractmethod
    def read(self, members: Mapping[str, bytes]) -> Any:
        """The key that a JWK has; ValueError where it has none."""


class EdDSA(PublicKeyAlgorithm):
    def read(self, members: Mapping[str, bytes]) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(members["x"])

    def verify(self, signed: bytes, signature: bytes, material: Ed25519PublicKey) -> None:
        material.verify(signature, signed)


class Ecdsa(PublicKeyAlgorithm):
    def __init__(self, curve: EllipticCurve, digest: HashAlgorithm) -> None:
        self._curve = curve
        # Of each of the two numbers of a point and of a signature.
        self._size = (curve.key_size + 7) // 8
        self._scheme = ECDSA(digest)

    def read(self, members: Mapping[str, bytes]) -> EllipticCurvePublicKey:
        x, y = members["x"], members["y"]
        if not len(x) == len(y) == self._size:
            raise ValueError(f"a point of this curve has {self._size} bytes in each direction")
        numbers = EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), self._curve)
        return numbers.public_key()

    def verify(self, signed: bytes, signature: bytes, material: EllipticCurvePublicKey) -> None:
        if len(signature) != 2 * self._size:
            raise InvalidSignature
        numbers = signature[: self._size], signature[self._size :]
        r, s = map(int.from_bytes, numbers)
        material.verify(encode_dss_signature(r, s), signed, self._scheme)


class Rsa(PublicKeyAlgorithm):
    def __init__(self, padding: AsymmetricPadding, digest: HashAlgorithm) -> None:
        self._padding = padding
        self._digest = digest

    def read(self, members: Mapping[str, bytes]) -> RSAPublicKey:
        exponent, modulus = int.from_bytes(members["e"]), int.from_bytes(members["n"])
        return RSAPublicNumbers(exponent, modulus).public_key()

    def verify(self, signed: bytes, signature: bytes, material: RSAPublicKey) -> None:
        # Without its leading zeros a signature would be accepted too.
        if len(signature) != (material.key_size + 7) // 8:
            raise InvalidSignature
        material.verify(signature, signed, self._padding, self._digest)


class Hmac(Algorithm):
    def verify(self, signed: bytes, signature: bytes, material: bytes) -> None:
        if not hmac.compare_digest(hmac.digest(material, signed, "sha256"), signature):
            raise InvalidSignature


OF_PUBLIC_KEYS: dict[str, PublicKeyAlgorithm] = {
    "EdDSA": EdDSA(),
    "ES256": Ecdsa(SECP256R1(), SHA256()),
    "ES512": Ecdsa(SECP521R1(), SHA512()),
    "RS256": Rsa(PKCS1v15(), SHA256()),
    "PS256": Rsa(PSS(MGF1(SHA256()), SHA256.digest_size), SHA256()),
}
IMPLEMENTATIONS: dict[str, Algorithm] = {**OF_PUBLIC_KEYS, HMAC: Hmac()}
