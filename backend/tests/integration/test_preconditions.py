"""If-Match, If-None-Match: in every form that RFC 9110 knows, and in some it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response

from api_user import ApiUser
from expectations import expect_problem, expect_task

Write = Callable[[ApiUser, str, dict[str, str]], Response]

WRITES: dict[str, Write] = {
    "put": lambda user, path, headers: user.put(path, {"text": "Buy tea"}, headers=headers),
    "patch": lambda user, path, headers: user.patch(path, {"order": 7}, headers=headers),
    "delete": lambda user, path, headers: user.delete(path, headers=headers),
    "toggle": lambda user, path, headers: user.patch(f"{path}/toggle", headers=headers),
    "complete": lambda user, path, headers: user.patch(
        f"{path}/complete", {"completed": True}, headers=headers
    ),
    "flip": lambda user, path, headers: user.patch(f"{path}/complete", headers=headers),
}

GARBLED = [
    "",
    "abc",
    '"',
    '"abc',
    'abc"',
    "'abc'",
    '"a" "b"',
    '"a"; "b"',
    '*, "a"',
    '"a", *',
    "**",
    'w/"a"',
    'W/ "a"',
    '"a b"',
    '"a\x7f"',
    ",",
    '"a", b',
]


@pytest.fixture(params=list(WRITES))
def write(request: pytest.FixtureRequest) -> Write:
    return WRITES[request.param]


class Target:
    def __init__(self, user: ApiUser, tasks: str) -> None:
        created = user.post(tasks, {"text": "Buy milk"})
        self.task: dict[str, Any] = created.json()
        self.tag = created.headers["etag"]
        self.path = created.headers["location"]


@pytest.fixture
def target(alice: ApiUser, tasks: str) -> Target:
    return Target(alice, tasks)


class TestIfMatch:
    @pytest.mark.parametrize(
        "form",
        [
            "{tag}",
            "  {tag} ",
            '"other", {tag}',
            '{tag}, "other"',
            '"other",{tag}',
            'W/"other", {tag}',
            ", {tag} ,, ",
            '"", {tag}',
            "W/{tag}, {tag}",
            "*",
            " * ",
        ],
    )
    def test_the_current_tag_in_any_form(
        self, alice: ApiUser, target: Target, write: Write, form: str
    ) -> None:
        answer = write(alice, target.path, {"if-match": form.format(tag=target.tag)})
        assert answer.status_code in (200, 204), answer.text

    @pytest.mark.parametrize(
        "form",
        ['"other"', "W/{tag}", '"other", W/{tag}', '""', "{bare}x", '"{upper}"'],
    )
    def test_any_other_tag_is_refused_with_the_task_as_it_is(
        self, alice: ApiUser, target: Target, write: Write, form: str
    ) -> None:
        bare = target.tag.strip('"')
        value = form.format(tag=target.tag, bare=f'"{bare}', upper=bare.swapcase())
        if form == "{bare}x":
            value += '"'
        refused = write(alice, target.path, {"if-match": value})
        body = expect_problem(refused, 412, "precondition-failed", "current")
        assert body["current"] == target.task
        assert refused.headers["etag"] == target.tag
        assert alice.get(target.path).json() == target.task
        assert alice.create()["rev"] == 2

    def test_a_stale_tag_is_told_the_newest_task(
        self, alice: ApiUser, target: Target, write: Write
    ) -> None:
        newest = alice.patch(target.path, {"text": "Buy oat milk"})
        refused = write(alice, target.path, {"if-match": target.tag})
        body = expect_problem(refused, 412, "precondition-failed", "current")
        assert body["current"] == newest.json()
        assert refused.headers["etag"] == newest.headers["etag"]
        follow_up = write(alice, target.path, {"if-match": refused.headers["etag"]})
        assert follow_up.status_code in (200, 204)

    def test_only_if_there_is_nothing_yet(
        self, alice: ApiUser, target: Target, write: Write
    ) -> None:
        for value in ("*", " * "):
            refused = write(alice, target.path, {"if-none-match": value})
            body = expect_problem(refused, 412, "precondition-failed", "current")
            assert body["current"] == target.task
            absent = write(alice, f"/tasks/{uuid4()}", {"if-none-match": value})
            expect_problem(absent, 404, "task-not-found")
        assert alice.get(target.path).json() == target.task

    def test_what_can_not_be_read(self, alice: ApiUser, target: Target, write: Write) -> None:
        for value in GARBLED:
            refused = write(alice, target.path, {"if-match": value})
            expect_problem(refused, 400, "malformed-header")
        assert alice.get(target.path).json() == target.task

    def test_a_tag_of_somebody_else_s_task_with_the_same_id(
        self, alice: ApiUser, bob: ApiUser, target: Target, write: Write
    ) -> None:
        twin = bob.post("/tasks", {"id": target.task["id"], "text": "Buy milk"})
        refused = write(alice, target.path, {"if-match": twin.headers["etag"]})
        expect_problem(refused, 412, "precondition-failed", "current")

    @pytest.mark.parametrize("task_id", ["01975b3e-0000-7000-8000-000000000000", "nonsense"])
    @pytest.mark.parametrize("value", ["*", '"other"'])
    def test_an_absent_task_is_absent_first(
        self, alice: ApiUser, tasks: str, write: Write, task_id: str, value: str
    ) -> None:
        refused = write(alice, f"{tasks}/{task_id}", {"if-match": value})
        expect_problem(refused, 404, "task-not-found")

    def test_a_write_that_changes_nothing_must_match_too(
        self, alice: ApiUser, target: Target
    ) -> None:
        same = {"text": target.task["text"]}
        refused = alice.patch(target.path, same, headers={"if-match": '"other"'})
        expect_problem(refused, 412, "precondition-failed", "current")
        matched = alice.patch(target.path, same, headers={"if-match": target.tag})
        assert expect_task(matched) == target.task

    def test_several_header_lines_are_one_list(self, alice: ApiUser, target: Target) -> None:
        lines = [
            ("authorization", f"Bearer {alice.token}"),
            ("if-match", '"other"'),
            ("if-match", target.tag),
        ]
        expect_task(alice.client.patch(target.path, json={"order": 7}, headers=lines))

    def test_input_is_looked_at_first(self, alice: ApiUser, target: Target) -> None:
        refused = alice.patch(target.path, {"order": "x"}, headers={"if-match": '"other"'})
        expect_problem(refused, 422, "validation-failed", "errors")

    @pytest.mark.parametrize("value", ["*", '"other"', 'W/"other"'])
    def test_a_create_matches_nothing(self, alice: ApiUser, tasks: str, value: str) -> None:
        refused = alice.post(tasks, {"text": "Buy milk"}, headers={"if-match": value})
        expect_problem(refused, 412, "precondition-failed")
        assert "etag" not in refused.headers
        assert alice.get(tasks).json() == []


class TestIfNoneMatch:
    @pytest.mark.parametrize(
        "form",
        ["{tag}", "W/{tag}", '"other", {tag}', '{tag}, W/"other"', "*", " {tag} ", ",{tag},"],
    )
    def test_what_is_there_already_is_not_sent_again(
        self, alice: ApiUser, tasks: str, form: str
    ) -> None:
        target = Target(alice, tasks)
        for path in (target.path, tasks):
            whole = alice.get(path)
            headers = {"if-none-match": form.format(tag=whole.headers["etag"])}
            same = alice.get(path, headers=headers)
            assert (same.status_code, same.content) == (304, b"")
            for name in ("etag", "cache-control", "vary"):
                assert same.headers[name] == whole.headers[name]
            assert "content-type" not in same.headers
            assert "content-length" not in same.headers

    @pytest.mark.parametrize("value", ['"other"', 'W/"other"', '""', '"*"'])
    def test_anything_else_is_sent(self, alice: ApiUser, tasks: str, value: str) -> None:
        target = Target(alice, tasks)
        read = alice.get(target.path, headers={"if-none-match": value})
        assert expect_task(read) == target.task
        assert alice.get(tasks, headers={"if-none-match": value}).json() == [target.task]

    def test_after_a_change_the_task_is_sent(self, alice: ApiUser, tasks: str) -> None:
        target = Target(alice, tasks)
        alice.patch(f"{target.path}/toggle")
        read = alice.get(target.path, headers={"if-none-match": target.tag})
        assert expect_task(read)["completed"] is True

    @pytest.mark.parametrize("value", GARBLED)
    def test_what_can_not_be_read(self, alice: ApiUser, tasks: str, value: str) -> None:
        target = Target(alice, tasks)
        headers = {"if-none-match": value}
        expect_problem(alice.get(target.path, headers=headers), 400, "malformed-header")
        expect_problem(alice.get(tasks, headers=headers), 400, "malformed-header")
        created = alice.post(tasks, {"text": "a"}, headers=headers)
        expect_problem(created, 400, "malformed-header")

    @pytest.mark.parametrize("value", ["*", '"other"'])
    def test_an_absent_task_is_absent(self, alice: ApiUser, tasks: str, value: str) -> None:
        read = alice.get(f"{tasks}/{uuid4()}", headers={"if-none-match": value})
        expect_problem(read, 404, "task-not-found")


def test_a_tag_is_made_of_the_account_and_the_revision(alice: ApiUser) -> None:
    first, second = alice.post("/tasks", {"text": "a"}), alice.post("/tasks", {"text": "b"})
    epoch, _, rev = first.headers["etag"].strip('"').rpartition(".")
    assert (rev, second.headers["etag"]) == ("1", f'"{epoch}.2"')
