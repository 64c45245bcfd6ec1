from __future__ import annotations

import inspect
from typing import Any

import pytest

from taskwell import errors
from taskwell.api import catalogue
from taskwell.errors import (
    Flaw,
    InputInvalid,
    KeysUnavailable,
    PreconditionFailed,
    RequestRefused,
    TaskwellError,
    TokenRefused,
    Unavailable,
)

ALL = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, TaskwellError)
]


def descendants(kind: type[Any]) -> set[type[Any]]:
    return {kind}.union(*(descendants(child) for child in kind.__subclasses__()))


def test_the_tree_is_drawn_in_full() -> None:
    assert errors.__doc__ is not None
    for kind in ALL:
        lines = [line for line in errors.__doc__.splitlines() if kind.__name__ in line.split()]
        assert lines, kind.__name__


def test_every_refusal_of_a_request_has_a_problem() -> None:
    """The branches of the tree as well as its leaves, but for the root."""
    ours = {kind for kind in ALL if issubclass(kind, RequestRefused) and kind in errors_leaves()}
    assert ours == {kind for kind in catalogue.CODES if kind in ours}
    assert set(catalogue.CODES.values()) <= set(catalogue.CATALOGUE)


def errors_leaves() -> set[type[Any]]:
    return {kind for kind in ALL if not set(kind.__subclasses__()) & set(ALL)}


@pytest.mark.parametrize("code", sorted(catalogue.CATALOGUE))
def test_problems_speak_in_sentences(code: str) -> None:
    kind = catalogue.CATALOGUE[code]
    assert 400 <= kind.status <= 599
    assert kind.title
    assert not kind.title.endswith(".")
    assert kind.detail.endswith(".")


def test_what_the_operator_should_know_is_carried_along() -> None:
    assert TokenRefused("expired yesterday").reason == "expired yesterday"
    assert Unavailable("connection refused").reason == "connection refused"
    assert (Unavailable("x").retry_after, KeysUnavailable("x").retry_after) == (1, 5)


def test_flaws_are_told_without_their_messages() -> None:
    refused = InputInvalid(Flaw("/text", "blank", "SECRET"), Flaw("", "too-deep", "SECRET"))
    assert str(refused) == "/text: blank; : too-deep"
    assert len(refused.flaws) == 2


def test_a_failed_precondition_may_know_the_task() -> None:
    assert (PreconditionFailed().current, PreconditionFailed().tag) == (None, None)
    known = PreconditionFailed('{"rev": 1}', "epoch.1")
    assert (known.current, known.tag) == ('{"rev": 1}', "epoch.1")
