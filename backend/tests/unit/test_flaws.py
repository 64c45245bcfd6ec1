from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from taskwell.schemas.tasks import TaskCreate
from taskwell.services.flaws import flaws_of

STABLE = re.compile(r"[a-z]+(-[a-z]+)*")


def report(kind: str, *place: object, message: str = "says the validator") -> dict[str, Any]:
    return {"type": kind, "loc": place, "msg": message}


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("missing", "required"),
        ("string_too_long", "too-long"),
        ("string_too_short", "too-short"),
        ("string_type", "wrong-type"),
        ("bool_type", "wrong-type"),
        ("int_type", "wrong-type"),
        ("int_parsing", "wrong-type"),
        ("int_parsing_size", "out-of-range"),
        ("greater_than_equal", "out-of-range"),
        ("less_than_equal", "out-of-range"),
        ("enum", "not-a-choice"),
        ("literal_error", "not-a-choice"),
        ("blank", "blank"),
    ],
)
def test_codes_are_ours(kind: str, code: str) -> None:
    (flaw,) = flaws_of([report(kind, "text")])
    assert (flaw.pointer, flaw.code, flaw.message) == ("/text", code, "says the validator")


def test_places_are_json_pointers() -> None:
    found = flaws_of([report("missing"), report("missing", "a", 3, "b")])
    assert [flaw.pointer for flaw in found] == ["", "/a/3/b"]
    assert flaws_of([report("missing", "query", "q")], skip=1)[0].pointer == "/q"


def test_an_unknown_member_is_reported_at_its_parent() -> None:
    (flaw,) = flaws_of([report("extra_forbidden", "a", "SECRET", message="SECRET")])
    assert (flaw.pointer, flaw.code) == ("/a", "unknown-member")
    assert "SECRET" not in flaw.message


@pytest.mark.parametrize(
    "content",
    [
        {"text": 1, "id": 1, "completed": 1, "order": "1"},
        {"text": "", "id": "SECRET", "order": 2**60},
        {"text": "\ud800"},
        {"text": "SECRET" * 200, "SECRET": 1},
        {"text": "a", "rev": 1},
        [],
        "SECRET",
    ],
)
def test_nothing_that_was_sent_is_told(content: object) -> None:
    with pytest.raises(ValidationError) as refused:
        TaskCreate.model_validate(content)
    for flaw in flaws_of(refused.value.errors(include_url=False)):
        assert STABLE.fullmatch(flaw.code), flaw.code
        assert "SECRET" not in flaw.pointer + flaw.message
        assert "TaskCreate" not in flaw.message
