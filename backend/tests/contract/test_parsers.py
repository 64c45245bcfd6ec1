"""Whatever is sent, what reads it ends in a value or in a documented refusal."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel
from starlette.datastructures import Headers

from taskwell.api import trace
from taskwell.api.bodies import parse
from taskwell.api.preconditions import (
    has_if_match,
    if_match,
    if_none_match,
    wants_exact_count,
)
from taskwell.api.problems import HttpRefused
from taskwell.errors import CursorInvalid, InputInvalid
from taskwell.models.limits import GREATEST_ORDER, LONGEST_TEXT
from taskwell.schemas.tasks import TaskCompletion, TaskCreate, TaskPatch, TaskReplace
from taskwell.services.lists import ListQuery, SortKey, Status

MODELS = (TaskCreate, TaskReplace, TaskPatch, TaskCompletion)

any_text = st.text(st.characters(exclude_categories=()))
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)
members = st.sampled_from(["id", "text", "completed", "order", "user_id", "rev", "created_at"])
bodies = st.one_of(
    st.binary(max_size=200),
    any_json.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(members, any_json).map(lambda value: json.dumps(value).encode()),
)


@pytest.mark.parametrize("model", MODELS)
@given(raw=bodies)
def test_a_body_is_read_or_refused(model: type[BaseModel], raw: bytes) -> None:
    try:
        found = parse(raw, model)
    except (HttpRefused, InputInvalid):
        return
    text = getattr(found, "text", None)
    if isinstance(text, str):
        assert 1 <= len(text) <= LONGEST_TEXT
        assert "\0" not in text
        text.encode()


@pytest.mark.parametrize("digits", ["1000.0", "1e3", "1E+3", "10000e-1"])
def test_a_whole_number_may_be_written_in_many_ways(digits: str) -> None:
    assert parse(b'{"order": %b}' % digits.encode(), TaskPatch).order == 1000


def as_sent(header: bytes) -> Headers:
    return Headers(raw=[(name, header) for name in (b"if-match", b"if-none-match", b"prefer")])


header_values = st.one_of(
    st.binary(max_size=200),
    st.text(st.sampled_from('*,"W/ \tabc=;'), max_size=60).map(str.encode),
)


@given(value=header_values)
@example(b'"' * 30_000)
@example(b'W/"a" ' * 5_000)
@example(b'"a",' * 7_000 + b"x")
@example(b", \t" * 10_000 + b"x")
@example(b"count" + b" " * 30_000)
def test_a_header_is_read_or_refused(value: bytes) -> None:
    headers = as_sent(value)
    assert wants_exact_count(headers) in (True, False)
    try:
        matching, seen = if_match(headers), if_none_match(headers)
    except HttpRefused:
        return
    assert has_if_match(headers)
    assert matching is None or all(isinstance(tag, str) for tag in matching)
    assert seen is not None


@given(values=st.lists(st.binary(max_size=200), max_size=3), parent=st.binary(max_size=80))
def test_every_request_gets_an_id_that_forges_nothing(values: list[bytes], parent: bytes) -> None:
    headers = [(b"x-request-id", value) for value in values] + [(b"traceparent", parent)]
    note = trace.begin({"headers": headers})
    assert 1 <= len(note.request_id) <= 128
    assert set(note.request_id) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
    )
    assert note.trace_id is None or len(note.trace_id) == 32


ID = "01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f"

queries = st.builds(
    ListQuery,
    status=st.sampled_from(Status),
    search=st.none() | st.text(max_size=5),
    sort=st.sampled_from(SortKey),
    descending=st.booleans(),
)


def tampered(query: ListQuery, place: int, value: Any) -> str:
    cursor = query.continued("1", ID)
    content = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    content[place] = value
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def start(query: ListQuery, cursor: str) -> None:
    try:
        position = ListQuery(
            query.status, query.search, query.sort, query.descending, query.limit, cursor
        ).start()
    except CursorInvalid:
        return
    assert position.task_id is not None
    if isinstance(position.key, int):
        assert abs(position.key) <= max(GREATEST_ORDER, 3 * 10**17)
    elif position.key is not None:
        assert query.sort is SortKey.TEXT
        assert b"\0" not in position.key.encode()


@given(query=queries, cursor=any_text)
@example(ListQuery(), "=" * 4)
@example(ListQuery(), base64.urlsafe_b64encode(b"[" * 6000).decode())
def test_a_cursor_is_read_or_refused(query: ListQuery, cursor: str) -> None:
    start(query, cursor)


@given(query=queries, place=st.integers(0, 2), value=any_json | st.integers().map(str))
def test_a_tampered_cursor_is_read_or_refused(query: ListQuery, place: int, value: Any) -> None:
    start(query, tampered(query, place, value))


@given(query=queries, other=queries, key=st.integers(-(2**53) + 1, 2**53 - 1).map(str))
def test_a_cursor_fits_its_own_query_only(query: ListQuery, other: ListQuery, key: str) -> None:
    cursor = query.continued(key, ID)
    same = (query.status, query.search, query.sort, query.descending) == (
        other.status,
        other.search,
        other.sort,
        other.descending,
    )
    asked = ListQuery(other.status, other.search, other.sort, other.descending, cursor=cursor)
    if same:
        assert asked.start().task_id == ID
    else:
        with pytest.raises(CursorInvalid):
            asked.start()
