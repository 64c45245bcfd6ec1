"""What nobody thought of, and requests that never end: one line each all the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.responses import Response, StreamingResponse
from starlette.testclient import TestClient
from starlette.types import Message

from api_user import ApiUser
from expectations import TIME, expect_problem
from log_lines import LogLines, logging_as
from running import running
from taskwell.api import trace
from taskwell.config import Settings

NASTY = 'a\r\n{"forged": true}\x1b[31m\u2028\u0085"'


@pytest.fixture
def log() -> Iterator[LogLines]:
    with logging_as("json") as lines:
        yield lines


class TestTheEndOfTheProcess:
    """Which waits for what runs, but not for ever."""

    def test_who_is_cut_off_is_told(self, alice: ApiUser, log: LogLines) -> None:
        sent = cut_off(alice)
        assert [message["type"] for message in sent] == [
            "http.response.start",
            "http.response.body",
        ]
        headers = dict(sent[0]["headers"])
        assert sent[0]["status"] == 503
        assert headers[b"retry-after"] == b"1"
        assert json.loads(sent[1]["body"])["code"] == "database-unavailable"
        (line,) = log.members()
        assert (line["status"], line["reason"]) == (503, "cut off at the end of the process")


def cut_off(user: ApiUser) -> list[Message]:
    """What was sent to one whose request was cut off while its body was on its way."""
    client = user.client
    headers = {"authorization": f"Bearer {user.token}", "content-type": "application/json"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/tasks",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }

    async def begin_and_cut_off() -> list[Message]:
        sent: list[Message] = []
        is_reading = asyncio.Event()

        async def receive() -> Message:
            is_reading.set()
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message)

        task = asyncio.ensure_future(client.app(scope, receive, send))
        await is_reading.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return sent

    assert client.portal is not None
    return client.portal.call(begin_and_cut_off)


class TestDefects:
    """What nobody thought of: told as our fault, logged in full, shown to nobody."""

    @pytest.fixture
    def broken(self, settings: Settings) -> Iterator[TestClient]:
        with running(settings) as client:
            assert isinstance(client.app, FastAPI)

            @client.app.get("/broken")
            async def fail() -> None:
                raise LookupError(NASTY + "SELECT secret FROM /etc/passwd")

            @client.app.get("/broken-off")
            async def stop_halfway() -> Response:
                async def chunks() -> AsyncIterator[bytes]:
                    yield b"half"
                    raise LookupError("a defect")

                return StreamingResponse(chunks())

            yield client

    def test_the_answer_tells_nothing(self, broken: TestClient) -> None:
        refused = broken.get("/broken", headers={"x-request-id": "mine"})
        expect_problem(refused, 500, "internal-error")
        for secret in ("SELECT", "Lookup", "passwd", "Traceback", ".py", "forged"):
            assert secret not in refused.text

    def test_the_log_tells_all(self, broken: TestClient, log: LogLines) -> None:
        broken.get("/broken", headers={"x-request-id": "mine"})
        defect, request = log.members()
        assert (defect["level"], defect["message"]) == ("error", "unexpected")
        assert defect["request_id"] == request["request_id"] == "mine"
        assert "LookupError" in defect["exception"]
        assert NASTY in defect["exception"]
        assert (request["route"], request["status"]) == ("/broken", 500)

    def test_as_text_no_line_of_it_looks_like_one_of_ours(self, broken: TestClient) -> None:
        with logging_as("text") as log:
            broken.get("/broken")
            lines = log.lines()
        starts = [line for line in lines if not line.startswith("    ")]
        assert len(starts) == 2
        assert all(TIME.match(line) for line in starts)
        assert any("LookupError" in line for line in lines)
        assert all(line.isascii() and line.isprintable() for line in lines)

    def test_an_answer_that_has_begun_is_broken_off(
        self, broken: TestClient, log: LogLines
    ) -> None:
        with pytest.raises(LookupError):
            broken.get("/broken-off")
        defect, request = log.members()
        assert (defect["message"], request["status"], request["bytes"]) == ("unexpected", 200, 4)


class TestClientsThatLeave:
    def ask(self, client: TestClient, scope: dict[str, Any], *received: Message) -> list[Message]:
        """Past any client, so that it can leave in the middle."""
        sent: list[Message] = []
        rest = list(received)

        async def receive() -> Message:
            return rest.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        assert client.portal is not None
        client.portal.call(client.app, scope, receive, send)
        return sent

    def scope(self, user: ApiUser) -> dict[str, Any]:
        headers = {
            "authorization": f"Bearer {user.token}",
            "content-type": "application/json",
            "x-request-id": "mine",
        }
        return {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/tasks",
            "raw_path": b"/tasks",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 50000),
            "server": ("taskwell.test", 80),
        }

    def test_before_the_end_of_the_body_are_told_of_in_the_log(
        self, alice: ApiUser, log: LogLines
    ) -> None:
        half: Message = {"type": "http.request", "body": b'{"text"', "more_body": True}
        assert self.ask(alice.client, self.scope(alice), half, {"type": "http.disconnect"}) == []
        (line,) = log.members()
        assert (line["request_id"], line["status"], line["user"]) == ("mine", None, alice.user_id)
        assert line["reason"] == "the connection ended before the body did"
        assert alice.get("/tasks").json() == []

    def test_a_request_that_the_server_has_begun_keeps_its_id(
        self, alice: ApiUser, log: LogLines
    ) -> None:
        scope = self.scope(alice)
        begun = trace.begin(scope)
        begun.request_id = "begun"
        whole: Message = {"type": "http.request", "body": b'{"text": "a"}', "more_body": False}
        start, _ = self.ask(alice.client, scope, whole)
        assert (b"x-request-id", b"begun") in start["headers"]
        (line,) = log.members()
        assert (line["request_id"], line["status"]) == ("begun", 201)
