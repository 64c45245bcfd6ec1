from __future__ import annotations

import base64
import json
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskwell.errors import CursorInvalid
from taskwell.models.limits import GREATEST_ORDER
from taskwell.services.lists import ListQuery, SortKey, Status
from taskwell.statements.listing import Start

ID = "01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f"
QUERIES = [
    ListQuery(),
    ListQuery(status=Status.PENDING),
    ListQuery(status=Status.COMPLETED),
    ListQuery(search="a"),
    ListQuery(search="b"),
    ListQuery(search="None"),
    ListQuery(descending=True),
    *(ListQuery(sort=sort) for sort in SortKey if sort is not SortKey.ORDER),
]


def following(query: ListQuery, cursor: str) -> ListQuery:
    return ListQuery(
        status=query.status,
        search=query.search,
        sort=query.sort,
        descending=query.descending,
        cursor=cursor,
    )


@pytest.mark.parametrize(
    ("sort", "key", "start", "carried"),
    [
        (SortKey.ORDER, "-7", Start.AFTER_KEY, -7),
        (SortKey.ORDER, str(GREATEST_ORDER), Start.AFTER_KEY, GREATEST_ORDER),
        (SortKey.ORDER, str(-GREATEST_ORDER), Start.AFTER_KEY, -GREATEST_ORDER),
        (SortKey.CREATED_AT, "1795246200000000", Start.AFTER_KEY, 1795246200000000),
        (SortKey.UPDATED_AT, "-1", Start.AFTER_KEY, -1),
        (SortKey.COMPLETED_AT, "5", Start.AFTER_KEY, 5),
        (SortKey.COMPLETED_AT, None, Start.AFTER_NULL, None),
        (SortKey.TEXT, "buy milk", Start.AFTER_KEY, "buy milk"),
        (SortKey.TEXT, "", Start.AFTER_KEY, ""),
    ],
)
def test_a_cursor_leads_to_where_the_page_ended(
    sort: SortKey, key: str | None, start: Start, carried: object
) -> None:
    query = ListQuery(sort=sort)
    position = following(query, query.continued(key, ID)).start()
    assert (position.start, position.key, position.task_id) == (start, carried, ID)


def test_without_a_cursor_a_list_begins_at_its_beginning() -> None:
    position = ListQuery().start()
    assert (position.start, position.key, position.task_id) == (Start.FIRST, None, None)


@pytest.mark.parametrize(("one", "other"), list(combinations(QUERIES, 2)))
def test_a_cursor_fits_its_own_query_only(one: ListQuery, other: ListQuery) -> None:
    assert one.digest != other.digest
    with pytest.raises(CursorInvalid):
        following(other, one.continued("5", ID)).start()


def test_the_step_may_change_but_is_part_of_the_tag() -> None:
    cursor = ListQuery(limit=1).continued("5", ID)
    assert ListQuery(limit=2, cursor=cursor).start().key == 5
    assert ListQuery(limit=1).digest != ListQuery(limit=2).digest
    assert ListQuery(cursor=cursor).digest != ListQuery().digest


@given(
    st.text(
        alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=500
    )
)
def test_any_text_is_carried_unharmed(key: str) -> None:
    query = ListQuery(sort=SortKey.TEXT)
    cursor = query.continued(key, ID)
    assert following(query, cursor).start().key == key
    assert cursor.isascii()
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=60))
def test_nonsense_is_refused(cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        ListQuery(cursor=cursor).start()


@given(st.none() | st.integers() | st.text() | st.lists(st.none() | st.integers() | st.text()))
def test_other_json_is_refused(content: object) -> None:
    raw = json.dumps(content).encode()
    with pytest.raises(CursorInvalid):
        ListQuery(cursor=base64.urlsafe_b64encode(raw).decode()).start()
