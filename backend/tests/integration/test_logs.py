"""One line for each request, which nobody can forge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from api_user import ApiUser
from expectations import TIME
from log_lines import LogLines, logging_as
from newcomers import Newcomer
from running import running
from taskwell.config import Settings

NASTY = 'a\r\n{"forged": true}\x1b[31m\u2028\u0085"'


@pytest.fixture
def log() -> Iterator[LogLines]:
    with logging_as("json") as lines:
        yield lines


class TestMembers:
    def test_of_a_success(self, alice: ApiUser, log: LogLines) -> None:
        answer = alice.post("/tasks", {"text": "Buy milk"})
        (line,) = log.members()
        assert TIME.fullmatch(line.pop("time"))
        assert line.pop("duration_ms") > 0
        assert line == {
            "level": "info",
            "message": "request",
            "request_id": answer.headers["x-request-id"],
            "method": "POST",
            "route": "/tasks",
            "status": 201,
            "bytes": len(answer.content),
            "user": alice.user_id,
        }

    @pytest.mark.parametrize(
        ("method", "path", "route", "status"),
        [
            ("GET", "/tasks?q=SECRET", "/tasks", 200),
            ("HEAD", "/tasks", "/tasks", 200),
            ("GET", "/tasks/SECRET", "/tasks/{task_id}", 404),
            ("PATCH", "/tasks/SECRET/toggle", "/tasks/{task_id}/toggle", 404),
            (
                "PATCH",
                "/api/SECRET/tasks/SECRET/toggle",
                "/api/{user_id}/tasks/{task_id}/toggle",
                404,
            ),
            ("DELETE", "/tasks", "/tasks", 400),
        ],
    )
    def test_the_route_is_a_template(
        self, alice: ApiUser, log: LogLines, method: str, path: str, route: str, status: int
    ) -> None:
        alice.request(method, path)
        (raw,) = log.lines()
        assert "SECRET" not in raw
        alice.request(method, path)
        (line,) = log.members()
        assert (line["method"], line["route"], line["status"]) == (method, route, status)
        assert line["user"] == alice.user_id

    @pytest.mark.parametrize("path", ["/nowhere", "/tasks/nowhere/nowhere"])
    def test_nowhere_has_no_route(self, client: TestClient, log: LogLines, path: str) -> None:
        client.get(path)
        (line,) = log.members()
        assert (line["route"], line["status"], line["user"]) == (None, 404, None)

    def test_a_method_that_is_not_taken(self, client: TestClient, log: LogLines) -> None:
        client.request("BREW", "/tasks")
        (line,) = log.members()
        assert (line["method"], line["status"]) == ("BREW", 405)

    def test_an_answer_without_a_body_has_no_bytes(self, alice: ApiUser, log: LogLines) -> None:
        alice.request("HEAD", "/tasks")
        alice.get("/tasks", headers={"if-none-match": "*"})
        alice.client.options("/tasks")
        assert [line["bytes"] for line in log.members()] == [0, 0, 0]

    def test_why_a_token_was_refused_is_for_the_log_only(
        self, client: TestClient, log: LogLines
    ) -> None:
        refused = client.get("/tasks", headers={"authorization": "Bearer nonsense"})
        (line,) = log.members()
        assert line["status"] == 401
        assert line["reason"]
        assert line["reason"] not in refused.text
        assert "nonsense" not in line["reason"]

    def test_why_the_database_was_away_is_for_the_log_only(
        self, settings: Settings, log: LogLines
    ) -> None:
        url = SecretStr("postgresql://secret-user:secret-word@127.0.0.1:1/secret-name")
        with running(settings, database_url=url) as client:
            log.lines()
            refused = client.get("/health")
        line = log.members()[0]
        assert (line["status"], line["reason"]) == (503, "ConnectionRefusedError")
        assert line["reason"] not in refused.text

    TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

    @pytest.mark.parametrize(
        ("parent", "trace_id"),
        [
            (f"00-{TRACE}-00f067aa0ba902b7-01", TRACE),
            (f"cc-{TRACE}-00f067aa0ba902b7-00", TRACE),
            (f"ff-{TRACE}-00f067aa0ba902b7-01", None),
            (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
            (f"00-{TRACE}-{'0' * 16}-01", None),
            (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", None),
            ("nonsense", None),
            ("", None),
        ],
    )
    def test_a_trace_is_continued(
        self, client: TestClient, log: LogLines, parent: str, trace_id: str | None
    ) -> None:
        client.get("/health/live", headers={"traceparent": parent})
        (line,) = log.members()
        assert line.get("trace_id") == trace_id

    def test_no_token_is_ever_logged(self, alice: ApiUser, log: LogLines) -> None:
        alice.get("/tasks")
        alice.get("/tasks/nonsense")
        assert alice.token not in "".join(log.lines())


class TestNothingForgesALine:
    @pytest.mark.parametrize("form", ["json", "text"])
    def test_whatever_is_sent_makes_one_line(self, alice: ApiUser, form: str) -> None:
        with logging_as("json" if form == "json" else "text") as log:
            raw = NASTY.encode()
            latin = NASTY.encode("latin-1", "replace")
            token = f"Bearer {alice.token}".encode()
            for name, value in (
                (b"x-request-id", latin),
                (b"traceparent", latin),
                (b"if-match", latin),
                (b"origin", latin),
                (b"authorization", b"Bearer " + latin),
            ):
                headers = {b"authorization": token, name: value}
                alice.client.patch("/tasks/nonsense/toggle", headers=headers)
                (line,) = log.lines()
                assert "forged" not in line
            for path in ("/tasks?q=", "/tasks?cursor=", "/tasks/", "/api/", "/"):
                alice.get(path + "%0d%0a%7b%22forged%22%3a true%7d")
                (line,) = log.lines()
                assert "forged" not in line
            alice.request(
                "POST", "/tasks", content=raw, headers={"content-type": "application/json"}
            )
            (line,) = log.lines()
            assert "forged" not in line

    @pytest.mark.parametrize("form", ["json", "text"])
    def test_a_method_and_a_user_are_escaped(
        self, client: TestClient, newcomer: Newcomer, form: str
    ) -> None:
        user_id = 'x" {forged} \u2028 é'
        with logging_as("json" if form == "json" else "text") as log:
            newcomer(client, user_id).request('B"\n\u2028', "/tasks")
            (line,) = log.lines()
            assert line.isascii()
            assert line.isprintable()


def test_at_a_higher_level_requests_are_not_logged(client: TestClient) -> None:
    with logging_as("json", "warning") as log:
        client.get("/tasks")
        assert log.lines() == []


def test_text_is_for_people(alice: ApiUser) -> None:
    with logging_as("text") as log:
        alice.get("/tasks", headers={"x-request-id": "mine"})
        (line,) = log.lines()
    time, level, message, *pairs = line.split()
    assert TIME.fullmatch(time)
    assert (level, message) == ("info", "request")
    assert 'request_id="mine"' in pairs
    assert 'route="/tasks"' in pairs
    assert "status=200" in pairs
