"""The key set that an issuer publishes (RFC 7517), read within bounds."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from taskwell.auth.algorithms import ALGORITHMS_OF_KEY, OF_PUBLIC_KEYS
from taskwell.auth.fetching import Answer, FetchFailed, fetch
from taskwell.auth.keys import Key, KeySet
from taskwell.auth.strict_json import read_object
from taskwell.auth.tokens import decode, is_key_id
from taskwell.errors import TaskwellError, TokenInvalid

MOST_KEYS = 500
SMALLEST_RSA_BITS = 2048
LARGEST_RSA_BITS = 8192
LARGEST_RSA_EXPONENT = 2**32

PUBLIC_MEMBERS = {"OKP": ("x",), "EC": ("x", "y"), "RSA": ("n", "e")}
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class KeySetUnusable(TaskwellError):
    """The issuer's key set could not be had or has no key that can be used."""


class PublishedKeySet:
    is_near = False

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        self._url = url

    async def read(self) -> KeySet:
        return read_key_set((await self.ask()).body)

    async def ask(self) -> Answer:
        try:
            answer = await fetch(self._url)
        except FetchFailed as error:
            raise KeySetUnusable(f"it {error}") from None
        if 300 <= answer.status < 400:
            raise KeySetUnusable(f"it answered with a redirect ({answer.status}), never followed")
        if answer.status != 200:
            raise KeySetUnusable(f"it answered with the status {answer.status}")
        return answer


def read_key_set(data: bytes) -> KeySet:
    """Keys that are of no use here are passed over; a set without any other is unusable."""
    try:
        entries = read_object(data).get("keys")
    except ValueError as error:
        raise KeySetUnusable(f"the key set {error}") from None
    if not isinstance(entries, list):
        raise KeySetUnusable("the key set has no list of keys")
    if len(entries) > MOST_KEYS:
        raise KeySetUnusable(f"the key set has more than {MOST_KEYS} keys")
    keys: dict[tuple[str, ...], Key] = {}
    for entry in entries:
        for key in _read_keys(entry):
            keys.setdefault(key.print, key)
    if not keys:
        raise KeySetUnusable("the key set has no key that can be used here")
    return KeySet(keys.values())


def _read_keys(entry: object) -> list[Key]:
    """One key for each algorithm that the entry serves; none if it is of no use here."""
    if not isinstance(entry, dict) or not _is_for_verifying(entry):
        return []
    key_id = entry.get("kid")
    if key_id is not None and not (isinstance(key_id, str) and is_key_id(key_id)):
        return []
    jwk = _public_part(entry)
    if jwk is None:
        return []
    algorithms = _algorithms(entry)
    if not algorithms:
        return []
    material = _material(jwk, algorithms[0])
    if material is None:
        return []
    values = tuple(jwk.values())
    return [
        Key(key_id, algorithm, material, (key_id or "", algorithm, *values))
        for algorithm in algorithms
    ]


def _is_for_verifying(entry: dict[str, Any]) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return (
        entry.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        # A private key that was published signs for everybody.
        and PRIVATE_MEMBERS.isdisjoint(entry)
    )


def _algorithms(entry: dict[str, Any]) -> tuple[str, ...]:
    kind, curve = entry["kty"], entry.get("crv")
    if curve is not None and not isinstance(curve, str):
        return ()
    possible = ALGORITHMS_OF_KEY.get((kind, curve), ())
    if "alg" not in entry:
        return possible
    return tuple(name for name in possible if name == entry["alg"])


def _public_part(entry: dict[str, Any]) -> dict[str, str] | None:
    """The members that make the key, in canonical base64url, and nothing else of the entry."""
    kind = entry.get("kty")
    if not isinstance(kind, str) or kind not in PUBLIC_MEMBERS:
        return None
    jwk = {"kty": kind}
    if kind != "RSA":
        jwk["crv"] = entry.get("crv", "")
    for member in PUBLIC_MEMBERS[kind]:
        value = entry.get(member)
        if not isinstance(value, str) or not _is_canonical(value):
            return None
        jwk[member] = value
    return jwk


def _is_canonical(value: str) -> bool:
    try:
        decode(value, "key")
    except TokenInvalid:
        return False
    return True


def _material(jwk: dict[str, str], algorithm: str) -> Any:
    if jwk["kty"] == "RSA" and not _is_strong(jwk):
        return None
    members = {name: decode(jwk[name], "key") for name in PUBLIC_MEMBERS[jwk["kty"]]}
    try:
        return OF_PUBLIC_KEYS[algorithm].read(members)
    except ValueError:
        # Of the wrong length, or a point that is not on its curve.
        return None


def _is_strong(jwk: dict[str, str]) -> bool:
    modulus = int.from_bytes(decode(jwk["n"], "key"))
    exponent = int.from_bytes(decode(jwk["e"], "key"))
    return (
        SMALLEST_RSA_BITS <= modulus.bit_length() <= LARGEST_RSA_BITS
        and modulus % 2 == 1
        and exponent % 2 == 1
        and 3 <= exponent < LARGEST_RSA_EXPONENT
    )
