"""The strict reading of one token: what it must look like before anything in it is believed."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from dataclasses import dataclass

from taskwell.auth.strict_json import read_object
from taskwell.errors import TokenInvalid, TokenMissing

LONGEST_TOKEN = 8192

PLAIN_TYPES = frozenset({"jwt"})
ACCESS_TYPES = frozenset({"at+jwt", "application/at+jwt"})

# Members that let a token choose its key, change what is signed, or hide something else inside.
REFUSED_MEMBERS = ("crit", "b64", "jwk", "jku", "x5u", "x5c", "enc", "zip", "cty")

# Unpadded base64url whose unused last bits are zero, so that no two strings mean the same bytes:
# by how many characters are left over when they are taken four at a time.
_CANONICAL = {
    0: re.compile(r"[A-Za-z0-9_-]*"),
    2: re.compile(r"[A-Za-z0-9_-]*[AQgw]"),
    3: re.compile(r"[A-Za-z0-9_-]*[AEIMQUYcgkosw048]"),
}
_KEY_ID = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the right shape. Nothing in it is proven yet."""

    algorithm: str
    key_id: str | None
    is_access_token: bool
    claims: dict[str, object]
    signed: bytes
    signature: bytes


def bearer(authorization: Sequence[str]) -> str:
    """The token out of the values of all Authorization headers of one request."""
    if len(authorization) != 1:
        if not authorization:
            raise TokenMissing("there is no Authorization header")
        raise TokenInvalid("there is more than one Authorization header")
    value = authorization[0]
    if len(value) > LONGEST_TOKEN + len("Bearer "):
        raise TokenInvalid(f"the token is longer than {LONGEST_TOKEN} bytes")
    scheme, _, text = value.partition(" ")
    if scheme.lower() != "bearer":
        if not scheme:
            raise TokenMissing("the Authorization header is empty")
        raise TokenInvalid("the Authorization header has another scheme than Bearer")
    if not text:
        raise TokenMissing("the Authorization header carries no token")
    return text


def read_token(text: str, algorithms: frozenset[str]) -> Token:
    if len(text) > LONGEST_TOKEN:
        raise TokenInvalid(f"the token is longer than {LONGEST_TOKEN} bytes")
    parts = text.split(".")
    if len(parts) != 3:
        raise TokenInvalid(f"the token has {len(parts)} parts instead of 3")
    header = _object(parts[0], "header")
    algorithm = _algorithm(header, algorithms)
    signature = decode(parts[2], "signature")
    if not signature:
        raise TokenInvalid("the signature is empty")
    return Token(
        algorithm=algorithm,
        key_id=_key_id(header),
        is_access_token=_is_access_token(header),
        claims=_object(parts[1], "payload"),
        signed=text[: text.rindex(".")].encode("ascii"),
        signature=signature,
    )


def decode(part: str, name: str) -> bytes:
    canonical = _CANONICAL.get(len(part) % 4)
    if canonical is None or canonical.fullmatch(part) is None:
        raise TokenInvalid(f"the {name} is not canonical base64url")
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def shown(value: object) -> str:
    """A value from a token as it may stand in a log line: escaped, and short."""
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def is_key_id(value: str) -> bool:
    return _KEY_ID.fullmatch(value) is not None


def _object(part: str, name: str) -> dict[str, object]:
    try:
        return read_object(decode(part, name))
    except ValueError as error:
        raise TokenInvalid(f"the {name} {error}") from None


def _algorithm(header: dict[str, object], algorithms: frozenset[str]) -> str:
    for member in REFUSED_MEMBERS:
        if member in header:
            raise TokenInvalid(f"the header has the member {member}, which is never accepted")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise TokenInvalid(f"the algorithm {shown(algorithm)} is not accepted here")
    return algorithm


def _key_id(header: dict[str, object]) -> str | None:
    if "kid" not in header:
        return None
    key_id = header["kid"]
    if not isinstance(key_id, str) or not is_key_id(key_id):
        raise TokenInvalid("the kid is not a string of 1 to 255 visible ASCII characters")
    return key_id


def _is_access_token(header: dict[str, object]) -> bool:
    if "typ" not in header:
        return False
    kind = header["typ"]
    if isinstance(kind, str):
        if kind.lower() in PLAIN_TYPES:
            return False
        if kind.lower() in ACCESS_TYPES:
            return True
    raise TokenInvalid(f"the typ {shown(kind)} is not accepted")
