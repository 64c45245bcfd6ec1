"""Cursors: opaque, and bound to their query."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs, urlsplit

import pytest

from api_user import ApiUser
from expectations import expect_flaws, expect_problem


def cursor_of(user: ApiUser, path: str) -> str:
    url: str = user.get(path).links["next"]["url"]
    return parse_qs(urlsplit(url).query)["cursor"][0]


def forged(content: object) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class TestCursor:
    @pytest.fixture(autouse=True)
    def _tasks(self, alice: ApiUser) -> None:
        for completed in (True, True, False, False):
            alice.create("milk", completed=completed)

    @pytest.mark.parametrize(
        "other",
        [
            "sort=-order",
            "sort=text",
            "sort=created_at",
            "sort=completed_at",
            "status=pending",
            "status=completed",
            "q=milk",
        ],
    )
    def test_another_query(self, alice: ApiUser, tasks: str, other: str) -> None:
        cursor = cursor_of(alice, f"{tasks}?limit=1")
        refused = alice.get(f"{tasks}?limit=1&{other}&cursor={cursor}")
        expect_problem(refused, 400, "cursor-invalid")
        back = cursor_of(alice, f"{tasks}?limit=1&{other}")
        expect_problem(alice.get(f"{tasks}?limit=1&cursor={back}"), 400, "cursor-invalid")

    @pytest.mark.parametrize(
        "cursor",
        [
            "",
            "x",
            "nonsense",
            "%00",
            "%ff",
            "€",
            "====",
            "a b",
            "new.0",
            forged([]),
            forged(["", None]),
            forged(["", None, ""]),
            forged(5),
            forged("abc"),
            forged({"a": 1, "b": 2, "c": 3}),
            forged(b"\xff\xfe"),
            forged(b"1" * 5000),
            forged(b"[" * 6000),
        ],
    )
    def test_nonsense(self, alice: ApiUser, tasks: str, cursor: str) -> None:
        expect_problem(alice.get(f"{tasks}?cursor={cursor}"), 400, "cursor-invalid")

    def test_too_long(self, alice: ApiUser, tasks: str) -> None:
        refused = alice.get(f"{tasks}?cursor={'x' * 8193}")
        expect_flaws(refused, ("/cursor", "too-long"))

    @pytest.mark.parametrize(
        ("sort", "key"),
        [
            ("order", None),
            ("order", 5),
            ("order", "x"),
            ("order", ""),
            ("order", "1.5"),
            ("order", str(2**53)),
            ("order", "9" * 5000),
            ("created_at", None),
            ("created_at", "infinity"),
            ("updated_at", "9" * 19),
            ("updated_at", "-" + "9" * 18),
            ("completed_at", "2026-01-01"),
            ("completed_at", []),
            ("text", None),
            ("text", 5),
            ("text", "\0"),
            ("text", "\ud800"),
        ],
    )
    def test_a_key_that_no_task_can_have(
        self, alice: ApiUser, tasks: str, sort: str, key: object
    ) -> None:
        genuine = cursor_of(alice, f"{tasks}?sort={sort}&limit=1")
        binding, _, task_id = json.loads(base64.urlsafe_b64decode(genuine + "=="))
        cursor = forged([binding, key, task_id])
        refused = alice.get(f"{tasks}?sort={sort}&cursor={cursor}")
        expect_problem(refused, 400, "cursor-invalid")

    @pytest.mark.parametrize("task_id", [None, 5, "nonsense", ""])
    def test_an_id_that_no_task_can_have(self, alice: ApiUser, task_id: object) -> None:
        genuine = cursor_of(alice, "/tasks?limit=1")
        binding, key, _ = json.loads(base64.urlsafe_b64decode(genuine + "=="))
        refused = alice.get(f"/tasks?cursor={forged([binding, key, task_id])}")
        expect_problem(refused, 400, "cursor-invalid")

    def test_somebody_elses_cursor_shows_nothing_of_theirs(
        self, alice: ApiUser, bob: ApiUser
    ) -> None:
        mine = [bob.create(order=order) for order in (1, 10**6)]
        cursor = cursor_of(alice, "/tasks?limit=1")
        assert bob.get(f"/tasks?cursor={cursor}").json() == mine[1:]
