"""How the corpus is written: a family is a generator of controls and forgeries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Attempt:
    """`authorization` is what all Authorization headers of a request say."""

    name: str
    authorization: tuple[str, ...]
    is_good: bool


@dataclass(frozen=True)
class Family:
    name: str
    gate: str
    attempts: Callable[[], Iterator[Attempt]]


FAMILIES: list[Family] = []


def family(
    gate: str = "keys",
) -> Callable[[Callable[[], Iterator[Attempt]]], Callable[[], Iterator[Attempt]]]:
    def register(attempts: Callable[[], Iterator[Attempt]]) -> Callable[[], Iterator[Attempt]]:
        FAMILIES.append(Family(attempts.__name__.replace("_", " "), gate, attempts))
        return attempts

    return register


def control(name: str, token: str) -> Attempt:
    return Attempt(name, (f"Bearer {token}",), is_good=True)


def forgery(name: str, token: str) -> Attempt:
    return Attempt(name, (f"Bearer {token}",), is_good=False)


def headers(name: str, *values: str, is_good: bool = False) -> Attempt:
    return Attempt(name, values, is_good)
