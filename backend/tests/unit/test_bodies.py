from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskwell.api.bodies import parse
from taskwell.api.problems import HttpRefused
from taskwell.errors import InputInvalid
from taskwell.schemas.tasks import TaskCreate, TaskPatch, TaskReplace

SIMPLE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
ANYTHING = SIMPLE | st.lists(SIMPLE, max_size=3)
MEMBERS = st.dictionaries(
    st.sampled_from(["id", "text", "completed", "order", "rev", "user_id", "x"]),
    ANYTHING,
    max_size=4,
)


def members(many: int) -> bytes:
    return b",".join(b'"m%d":1' % number for number in range(many))


def flaws(raw: bytes) -> list[tuple[str, str]]:
    with pytest.raises(InputInvalid) as refused:
        parse(raw, TaskCreate)
    return [(flaw.pointer, flaw.code) for flaw in refused.value.flaws]


def test_only_some_flaws_are_told() -> None:
    told = flaws(b"{%s}" % members(64))
    assert len(told) == 20
    # What is missing is among them.
    assert ("/text", "required") in told


def test_whole_numbers_in_any_form() -> None:
    for digits in (b"5", b"5.0", b"5e0", b"0.5e1", b"50e-1", b"5.000"):
        assert parse(b'{"text": "a", "order": %s}' % digits, TaskCreate).order == 5


def test_what_fits() -> None:
    task = parse(b' {"text": "a", "order": -5}\n', TaskCreate)
    assert (task.text, task.completed, task.order) == ("a", False, -5)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff", b"\xef\xbb\xbf{}", b'{"text": "a"}{}', b"{a: 1}", b"\x00"]
)
def test_no_json(raw: bytes) -> None:
    with pytest.raises(HttpRefused) as refused:
        parse(raw, TaskCreate)
    assert refused.value.code == "malformed-json"


@pytest.mark.parametrize(
    ("raw", "flaw"),
    [
        (b'{"text": "a", "text": "a"}', ("", "duplicate-member")),
        (b'{"text": {"a": 1, "a": 2}}', ("", "duplicate-member")),
        (b"[" * 100_000, ("", "too-deep")),
        (b'{"text":' * 100_000, ("", "too-deep")),
        (b'{"order": ' + b"9" * 5000 + b"}", ("", "out-of-range")),
        (b"[]", ("", "wrong-type")),
        (rb'{"text": "\udfff"}', ("/text", "lone-surrogate")),
        (rb'{"text": "a", "\udfff": 1}', ("", "lone-surrogate")),
        (b'{"text": "a", "x": 1}', ("", "unknown-member")),
        (b'{"text": "a", "rev": 1}', ("/rev", "read-only")),
        # Floats round these to whole numbers.
        (b'{"text": "a", "order": 4503599627370497.5}', ("/order", "wrong-type")),
        (b'{"text": "a", "order": -1e-400}', ("/order", "wrong-type")),
        (b'{"text": "a", "order": 1e17}', ("/order", "out-of-range")),
        (b'{"text": "a", "order": -1e308}', ("/order", "out-of-range")),
        (b'{"text": "a", "order": 0e99999999999999999999}', ("", "out-of-range")),
        (b'{"text": "a", "order": 1e-99999999999999999999}', ("", "out-of-range")),
        (b'{"text": {%s}}' % members(65), ("", "too-many")),
        (b"[%s1]" % (b"[]," * 1_000_000), ("", "too-many")),
        (b"[%s1]" % (b"1," * 2_000_000), ("", "too-many")),
    ],
)
def test_json_that_can_not_be_meant(raw: bytes, flaw: tuple[str, str]) -> None:
    assert flaws(raw) == [flaw]


def test_what_a_replacement_ignores() -> None:
    raw = json.dumps({"text": "a", "rev": "x", "user_id": None, "created_at": []}).encode()
    assert parse(raw, TaskReplace).text == "a"


@given(MEMBERS)
def test_any_members_are_taken_or_refused(members: dict[str, object]) -> None:
    raw = json.dumps(members).encode()
    for model in (TaskCreate, TaskReplace, TaskPatch):
        try:
            parse(raw, model)
        except InputInvalid as refused:
            assert refused.flaws  # noqa: PT017  # one of two outcomes, both checked


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with pytest.raises((InputInvalid, HttpRefused)):
        parse(raw, TaskCreate)
