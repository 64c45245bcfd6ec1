"""Endless forgeries: good tokens, changed at random in every way that somebody might try."""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from taskwell.auth.gate import Gate
from taskwell.errors import KeysUnavailable, TokenRefused
from unit.auth.workshop import (
    GATES,
    ISSUER,
    NOW,
    PUBLIC,
    SECRET,
    b64,
    claims,
    good,
    header,
    issuer_key,
    key_set,
    with_secret,
)

TRIED_AT_ONCE = 500

CHARACTERS = "ABCxyz019-_" * 3 + ".=+/ \n\x00%\xe9"
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, NOW, NOW + 10**6, 10**30, 0.5, "", "none", "HS256", "EdDSA",
    "RS256", "JWT", "at+jwt", ISSUER, "admin", "../x", "\x00", "\ud800", [], {}, [ISSUER], ["exp"],
]  # fmt: skip
NAMES = (
    "alg", "kid", "typ", "crit", "b64", "jwk", "jku", "x5c", "zip", "enc", "sub", "iss", "aud",
    "exp", "nbf", "iat", "jti", "id", "scope", "cnf", "nonce", "x",
)  # fmt: skip


def of_text(random: Random, token: str, _: list[str]) -> str:
    place = random.randrange(len(token))
    other = random.randrange(len(token))
    start, end = min(place, other), max(place, other)
    character = random.choice(CHARACTERS)
    return random.choice(
        (
            token[:place] + character + token[place + 1 :],
            token[:place] + character + token[place:],
            token[:place] + token[place + 1 :],
            token[:place] + token[place].swapcase() + token[place + 1 :],
            token[:place] + token[place : place + 2][::-1] + token[place + 2 :],
            token[:start] + token[end:],
            token[:end] + token[start:],
            token[:start] + token[start:end][::-1] + token[end:],
            token[:place],
            token[place:],
            token + character,
            character + token,
        )
    )


def of_parts(random: Random, token: str, tokens: list[str]) -> str:
    parts = token.split(".")
    others = random.choice(tokens).split(".")
    place = random.randrange(len(parts))
    change = random.randrange(5)
    if change == 0:
        parts[place] = random.choice(others)
    elif change == 1:
        parts[place] = ""
    elif change == 2:
        parts.insert(place, random.choice(others))
    elif change == 3:
        random.shuffle(parts)
    else:
        parts[place] += random.choice(("=", "==", "A", "AA", "AAAA", "_"))
    return ".".join(parts)


def of_bytes(random: Random, token: str, _: list[str]) -> str:
    parts = token.split(".")
    place = random.randrange(len(parts))
    data = bytearray(decoded(parts[place]))
    at = random.randrange(len(data) + 1)
    change = random.randrange(4)
    if change == 0 or not data:
        data.insert(at, random.randrange(256))
    elif change == 1:
        data[at % len(data)] ^= 1 << random.randrange(8)
    elif change == 2:
        del data[at % len(data)]
    else:
        data[at:] = random.randbytes(random.randrange(4))
    parts[place] = b64(bytes(data))
    return ".".join(parts)


def of_members(random: Random, token: str, _: list[str]) -> str:
    parts = token.split(".")
    place = random.randrange(min(2, len(parts)))
    try:
        members = json.loads(decoded(parts[place]))
    except ValueError:
        members = None
    if not isinstance(members, dict):
        members = random.choice((header(), claims()))
    name = random.choice([*members, *NAMES])
    change = random.randrange(5)
    if change == 0:
        members.pop(name, None)
    elif change == 1:
        members[name] = random.choice(VALUES)
    elif change == 2:
        members = dict(random.sample(list(members.items()), len(members)))
    text = json.dumps(members, separators=random.choice(((",", ":"), (", ", ": "), (" ,", " :"))))
    if change == 3:
        text = f"{text[:-1]}, {json.dumps({name: random.choice(VALUES)})[1:-1]}}}"
    parts[place] = b64(text)
    return ".".join(parts)


def of_signature(random: Random, token: str, _: list[str]) -> str:
    """Another number, or the same one with more or fewer zeros around it."""
    head, dot, last = token.rpartition(".")
    signature = decoded(last)
    size = len(signature)
    number = int.from_bytes(signature) + random.choice((-1, 1)) * (1 << random.randrange(2048))
    changed = (number % (1 << 8 * size)).to_bytes(size) if size else b""
    zeros = bytes(random.randrange(1, 3))
    return (
        head
        + dot
        + b64(
            random.choice(
                (
                    changed,
                    changed.lstrip(b"\x00"),
                    signature.lstrip(b"\x00"),
                    signature.rstrip(b"\x00"),
                    zeros + signature,
                    signature + zeros,
                )
            )
        )
    )


MUTATIONS: tuple[Callable[[Random, str, list[str]], str], ...] = (
    of_text,
    of_parts,
    of_bytes,
    of_members,
    of_signature,
)


def decoded(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part.encode("ascii", "ignore") + b"==")
    except ValueError:
        return b""


@dataclass(frozen=True)
class Attack:
    """Good tokens of one gate, and the gate that must take them and nothing else."""

    name: str
    tokens: list[str]
    gate: Gate


def attacks(random: Random) -> list[Attack]:
    """With other users each time, so that every kind of signature comes up sooner or later."""
    users = [f"user-{random.getrandbits(64)}" for _ in range(2)]
    by_key = [
        good(name, head, sub=sub)
        for name in PUBLIC
        for head in (header(name), header(name, typ="JWT"))
        for sub in users
    ]
    by_secret = [with_secret({"alg": "HS256"}, claims(sub=sub), SECRET.encode()) for sub in users]
    return [
        Attack("keys", by_key, GATES["keys"]()),
        Attack("secret", by_secret, GATES["secret"]()),
        Attack("access tokens", by_key, GATES["access tokens"]()),
    ]


def mutated(random: Random, tokens: list[str]) -> str:
    """One to three changes, and never one of the good tokens again."""
    while True:
        token = random.choice(tokens)
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            token = random.choice(MUTATIONS)(random, token, tokens) or "."
        if token not in tokens:
            return token


async def accepted(
    seed: int, number: int, tell: Callable[[int], None] = lambda _: None
) -> list[str]:
    """Every mutation that came in. The good tokens must come in before and after."""
    random = Random(seed)
    came_in: list[str] = []
    for start in range(0, number, TRIED_AT_ONCE):
        share = min(TRIED_AT_ONCE, number - start)
        came_in += await _tried(random, attacks(random), share)
        tell(share)
    return came_in


async def _tried(random: Random, at: list[Attack], number: int) -> list[str]:
    came_in = []
    for attack in at:
        await _all_come_in(attack)
    for _ in range(number):
        attack = random.choice(at)
        token = mutated(random, attack.tokens)
        if await comes_in(attack.gate, token):
            came_in.append(f"{attack.name}: {token} under {key_set(*map(issuer_key, PUBLIC))!r}")
    for attack in at:
        await _all_come_in(attack)
    return came_in


async def _all_come_in(attack: Attack) -> None:
    for token in attack.tokens:
        if not await comes_in(attack.gate, token):
            raise AssertionError(f"a good token was refused at the gate {attack.name}")


async def comes_in(gate: Gate, token: str) -> bool:
    try:
        await gate.user([f"Bearer {token}"])
    except (TokenRefused, KeysUnavailable):
        return False
    return True


def accepted_of(seed: int, number: int) -> list[str]:
    return asyncio.run(accepted(seed, number))
