"""Keyset paging: a walk over all pages meets every task once, whatever happens meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from api_user import ApiUser
from second_connection import SecondConnection

SORTS = ["order", "created_at", "updated_at", "completed_at", "text"]
EVERY_SORT = [direction + sort for sort, direction in product(SORTS, ("", "-"))]
# A walk must come to its end by then.
MOST_PAGES = 100

Between = Callable[[int], None]


def walk(
    user: ApiUser, path: str, between: Between = lambda page: None
) -> list[list[dict[str, Any]]]:
    pages = []
    for number in range(MOST_PAGES):
        answer = user.get(path)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        if "link" not in answer.headers:
            return pages
        assert re.fullmatch(r'<[^<>"\s]+>; rel="next"', answer.headers["link"])
        path = answer.links["next"]["url"]
        between(number)
    raise AssertionError("the walk did not end")


def ids(pages: list[list[dict[str, Any]]]) -> list[str]:
    return [task["id"] for page in pages for task in page]


@pytest.fixture
def crowd(alice: ApiUser, sql: SecondConnection) -> list[dict[str, Any]]:
    """Fourteen tasks, with ties in every key, and tasks without a time."""
    contents = [
        ("Milk", 1),
        ("milk", 1),
        ("TEA", 1),
        ("tea", 2),
        ("Äpfel", 2),
        ("milk", -9),
        ("x", 3),
    ]
    for text, order in contents:
        for completed in (False, True):
            alice.create(text, order=order, completed=completed)
    sql.rows(
        """
        UPDATE task SET created_at = date_trunc('day', created_at) + rev % 3 * interval '1 us',
            updated_at = date_trunc('day', updated_at) + rev % 4 * interval '1 us',
            completed_at = date_trunc('day', completed_at) + rev % 3 * interval '1 us'
        WHERE user_id = $1
        """,
        alice.user_id,
    )
    tasks: list[dict[str, Any]] = alice.get("/tasks").json()
    return tasks


def in_order(tasks: list[dict[str, Any]], sort: str) -> list[str]:
    key, descending = sort.removeprefix("-"), sort.startswith("-")

    def rank(task: dict[str, Any]) -> tuple[Any, str]:
        value = task[key]
        return (value.casefold() if key == "text" else value), task["id"]

    timed = [task for task in tasks if task[key] is not None]
    untimed = [task for task in tasks if task[key] is None]
    ordered = sorted(timed, key=rank, reverse=descending)
    ordered += sorted(untimed, key=lambda task: task["id"], reverse=descending)
    return [task["id"] for task in ordered]


@pytest.mark.parametrize("sort", EVERY_SORT)
@pytest.mark.parametrize("status", ["all", "pending", "completed"])
@pytest.mark.parametrize("q", ["", "M"])
def test_every_page_of_every_query(
    alice: ApiUser, crowd: list[dict[str, Any]], sort: str, status: str, q: str
) -> None:
    wanted = [
        task
        for task in crowd
        if (status == "all" or task["completed"] == (status == "completed"))
        and q.lower() in task["text"].lower()
    ]
    expected = in_order(wanted, sort)
    query = f"/tasks?status={status}&q={q}&sort={sort}"
    assert ids([alice.get(query).json()]) == expected
    for limit in (1, 3):
        pages = walk(alice, f"{query}&limit={limit}")
        assert ids(pages) == expected
        assert {len(page) for page in pages[:-1]} <= {limit}
        assert 1 <= len(pages[-1]) <= limit


@pytest.mark.parametrize("sort", EVERY_SORT)
def test_a_last_page_that_is_full_has_no_next(
    alice: ApiUser, crowd: list[dict[str, Any]], sort: str
) -> None:
    assert [len(page) for page in walk(alice, f"/tasks?sort={sort}&limit=7")] == [7, 7]
    assert [len(page) for page in walk(alice, f"/tasks?sort={sort}&limit=14")] == [14]


@pytest.mark.parametrize("sort", EVERY_SORT)
def test_what_stays_is_met_once_while_tasks_come_and_go(
    alice: ApiUser, crowd: list[dict[str, Any]], sort: str
) -> None:
    ordered = in_order(crowd, sort)
    doomed = ordered[2::4]
    # The task that the cursor itself names goes too: the walk goes on from where it stood.
    assert ordered[2] in doomed

    def meddle(page: int) -> None:
        if page < len(doomed):
            alice.delete(f"/tasks/{doomed[page]}")
        alice.create("milk", order=page - 5, completed=page % 2 == 0)

    met = ids(walk(alice, f"/tasks?sort={sort}&limit=3", meddle))
    assert len(met) == len(set(met))
    assert [task_id for task_id in met if task_id in ordered and task_id not in doomed] == [
        task_id for task_id in ordered if task_id not in doomed
    ]


def test_the_link_keeps_the_spelling_and_the_query(alice: ApiUser, tasks: str) -> None:
    for _ in range(2):
        alice.create("Käse & Brot = 100%")
    first = alice.get(
        tasks,
        params={"limit": 1, "q": "käse & brot = 100%", "sort": "-text", "status": "pending"},
    )
    link = urlsplit(first.links["next"]["url"])
    assert (link.scheme, link.netloc, link.path) == ("", "", tasks)
    query = parse_qs(link.query)
    cursor = query.pop("cursor")
    assert query == {
        "limit": ["1"],
        "q": ["käse & brot = 100%"],
        "sort": ["-text"],
        "status": ["pending"],
    }
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor[0])
    second = alice.get(first.links["next"]["url"])
    assert len(second.json()) == 1
    assert second.json() != first.json()


def test_a_link_on_a_later_page_has_one_cursor(alice: ApiUser) -> None:
    for _ in range(3):
        alice.create()
    second = alice.get(alice.get("/tasks?limit=1").links["next"]["url"])
    assert len(parse_qs(urlsplit(second.links["next"]["url"]).query)["cursor"]) == 1


def cursor_of(user: ApiUser, path: str) -> str:
    url: str = user.get(path).links["next"]["url"]
    return parse_qs(urlsplit(url).query)["cursor"][0]


def test_a_walk_may_change_its_step(alice: ApiUser, crowd: list[dict[str, Any]]) -> None:
    cursor = cursor_of(alice, "/tasks?limit=2")
    rest = alice.get(f"/tasks?limit=1000&cursor={cursor}").json()
    assert rest == crowd[2:]


@pytest.mark.parametrize("letter", ["\U0001d160", "\ufb2c", "\x01", "é"])
def test_long_texts_fit_into_a_cursor(alice: ApiUser, letter: str) -> None:
    """Some letters become three, of four bytes each, when they are composed."""
    made = sorted(alice.create("x" + letter * 499)["id"] for _ in range(3))
    assert ids(walk(alice, "/tasks?sort=text&limit=1")) == made
