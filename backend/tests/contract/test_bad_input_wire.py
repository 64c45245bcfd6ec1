"""What is no HTTP, or is ambiguous about where it ends: one answer, and the connection closes."""

from __future__ import annotations

import json
import secrets
import socket

import pytest

from api_user import ApiUser
from contract.rows import Rows
from contract.running import Running
from contract.wire import Answer, chunked, exchange

TASK = b'{"text": "canary"}'
# What a smuggler would like to be read as the next request.
NEXT = b"DELETE /tasks?status=completed HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n"

_HEAD = b"Host: taskwell.test\r\nAuthorization: {token}\r\nX-Request-ID: {id}\r\n"
_POST = b"POST /tasks HTTP/1.1\r\n" + _HEAD + b"Content-Type: application/json\r\n"
_GET = b"GET /tasks HTTP/1.1\r\n" + _HEAD


def _post(headers: bytes, body: bytes = TASK) -> bytes:
    return _POST + headers + b"\r\n\r\n" + body


def _get(headers: bytes) -> bytes:
    return _GET + headers + b"\r\n\r\n"


MALFORMED = {
    "an unknown method": b"CANARY /tasks HTTP/1.1\r\n" + _HEAD + b"\r\n",
    "a method in small letters": b"get /tasks HTTP/1.1\r\n" + _HEAD + b"\r\n",
    "a method of 8 KB": b"A" * 8192 + b" /tasks HTTP/1.1\r\n" + _HEAD + b"\r\n",
    "CONNECT": b"CONNECT example.com:443 HTTP/1.1\r\n" + _HEAD + b"\r\n",
    "no version": b"GET /tasks\r\n" + _HEAD + b"\r\n",
    "HTTP/0.9": b"GET /tasks\r\n\r\n",
    "HTTP/1.2": b"GET /tasks HTTP/1.2\r\n" + _HEAD + b"\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64,
    "noise": bytes(range(256)),
    "no host": b"GET /tasks HTTP/1.1\r\nAuthorization: {token}\r\nX-Request-ID: {id}\r\n\r\n",
    "a host that is none": b"GET /tasks HTTP/1.1\r\nHost: canary b/<>\r\n\r\n",
    "two hosts": _get(b"Host: evil.example"),
    "a space in the target": b"GET /tasks a HTTP/1.1\r\n" + _HEAD + b"\r\n",
    "a fragment in the target": b"GET /tasks#canary HTTP/1.1\r\n" + _HEAD + b"\r\n",
    "NUL in the target": b"GET /tasks\0 HTTP/1.1\r\n" + _HEAD + b"\r\n",
    "bytes beyond ASCII in the target": b"GET /tasks/\xff\xfe HTTP/1.1\r\n" + _HEAD + b"\r\n",
    "a control character in a header": _get(b'If-None-Match: "can\x01ary"'),
    "NUL in a header": _get(b"X-Canary: a\0b"),
    "a carriage return in the request id": _get(b"X-Request-ID: canary\rX-Evil: 1"),
    "a line end in the request id": _get(b"X-Request-ID: canary\n X-Evil: 1"),
    "a folded header": _get(b"X-Canary: a\r\n b"),
    "a space before a colon": _get(b"X-Canary : a"),
    "a header without a name": _get(b": canary"),
    "a header without a colon": _get(b"canary"),
    "a header name beyond ASCII": _get(b"X-Can\xe4ry: 1"),
    "a length of no number": _post(b"Content-Length: canary"),
    "a length below zero": _post(b"Content-Length: -1"),
    "a length with a sign": _post(b"Content-Length: +18"),
    "a length in hexadecimal": _post(b"Content-Length: 0x12"),
    "a length past all bounds": _post(b"Content-Length: " + b"9" * 40),
    "two lengths": _post(b"Content-Length: 18\r\nContent-Length: 0"),
    "two lengths in one": _post(b"Content-Length: 18, 0"),
    "an empty length": _post(b"Content-Length:"),
    "a length and chunks": _post(
        b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"0\r\n\r\n" + NEXT
    ),
    "chunks and a length": _post(
        b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"0\r\n\r\n" + NEXT
    ),
    "a coding nobody knows": _post(b"Transfer-Encoding: canary", NEXT),
    "chunks that are not last": _post(b"Transfer-Encoding: chunked, gzip", chunked(TASK)),
    "chunks of something packed": _post(b"Transfer-Encoding: gzip, chunked", chunked(TASK)),
    "packed, and then chunks": _post(
        b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", chunked(TASK) + NEXT
    ),
    "chunks before there were any": b"POST /tasks HTTP/1.0\r\n"
    + _HEAD
    + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    + chunked(TASK),
    "chunked and then nothing known": _post(
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: canary", chunked(TASK) + NEXT
    ),
    "a vertical tab after chunked": _post(b"Transfer-Encoding: chunked\x0b", chunked(TASK) + NEXT),
    "chunks of no size": _post(b"Transfer-Encoding: chunked", b"canary\r\n"),
    "chunks of a size below zero": _post(b"Transfer-Encoding: chunked", b"-1\r\n" + TASK),
    "chunks past all bounds": _post(b"Transfer-Encoding: chunked", b"F" * 17 + b"\r\n" + TASK),
    "chunks with more than they say": _post(
        b"Transfer-Encoding: chunked", b"3\r\n" + TASK + b"\r\n0\r\n\r\n"
    ),
    "chunks in bare line feeds": _post(
        b"Transfer-Encoding: chunked", b"12\n" + TASK + b"\n0\n\n" + NEXT
    ),
}

TOO_LARGE = {
    "a header of 33 KB": _get(b"X-Canary: " + b"a" * 33 * 1024),
    "many headers of 1 KB": _get(b"\r\n".join([b"X-Canary: " + b"a" * 1024] * 40)),
    "101 headers": _get(b"\r\n".join([b"X-Canary: a"] * 101)),
    "a header name of 33 KB": _get(b"X" * 33 * 1024 + b": canary"),
}

TOO_LONG = {
    "a path of 17 KB": b"GET /tasks/" + b"a" * 17 * 1024 + b" HTTP/1.1\r\n" + _HEAD + b"\r\n",
    "a query of 17 KB": b"GET /tasks?q=" + b"a" * 17 * 1024 + b" HTTP/1.1\r\n" + _HEAD + b"\r\n",
    "a path of 1 MB": b"GET /tasks/" + b"a" * 1024 * 1024 + b" HTTP/1.1\r\n" + _HEAD + b"\r\n",
}


def _cases() -> list[object]:
    return [
        pytest.param(request, spelling, status, code, id=f"{name} {spelling.decode()}")
        for status, code, requests in (
            (400, "malformed-request", MALFORMED),
            (431, "headers-too-large", TOO_LARGE),
            (414, "target-too-long", TOO_LONG),
        )
        for name, request in requests.items()
        for spelling in (b"/tasks", b"/api/{user_id}/tasks")
        if spelling == b"/tasks" or b" /tasks" in request
    ]


def send(server: Running, user: ApiUser, request: bytes, spelling: bytes) -> list[Answer]:
    filled = request.replace(b" /tasks", b" " + spelling, 1)
    for name, value in (
        (b"{token}", f"Bearer {user.token}"),
        (b"{id}", f"wire-{secrets.token_hex(8)}"),
        (b"{user_id}", user.user_id),
    ):
        filled = filled.replace(name, value.encode())
    return exchange(server.address, filled)


@pytest.mark.parametrize(("request_", "spelling", "status", "code"), _cases())
def test_what_is_refused_before_it_is_a_request(
    request_: bytes,
    spelling: bytes,
    status: int,
    code: str,
    server: Running,
    alice: ApiUser,
    rows: Rows,
) -> None:
    alice.create("Mine", completed=True)
    before, log = rows.of(alice.user_id), server.log_length

    (answer,) = send(server, alice, request_, spelling)

    assert (answer.status, answer.json()["code"]) == (status, code)
    assert answer.header("content-type") == "application/problem+json"
    assert answer.header("connection") == "close"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.json()["request_id"] == answer.header("x-request-id")
    assert b"canary" not in answer.body.lower()
    assert rows.of(alice.user_id) == before
    (line,) = server.lines_since(log)
    assert (line["message"], line["status"]) == ("request", status)
    assert line["request_id"] == answer.header("x-request-id")
    assert "canary" not in json.dumps(line).lower()


CLOSE = b"Connection: close\r\n"


def _whole(line: bytes, more: bytes = CLOSE) -> bytes:
    return line + b" HTTP/1.1\r\n" + _HEAD + more + b"\r\n"


ODD_BUT_RIGHT = {
    "an absolute target": (_whole(b"GET http://taskwell.test/tasks"), 200),
    "an absolute target of another host": (_whole(b"GET http://evil.example/tasks"), 200),
    "an absolute target of another scheme": (_whole(b"GET https://evil.example:1/tasks"), 200),
    "an absolute target with a foreign user": (_whole(b"GET http://x/api/nobody/tasks"), 404),
    "an absolute target without a path": (_whole(b"GET http://taskwell.test"), 404),
    "an absolute target of a query alone": (_whole(b"GET http://taskwell.test?a=b"), 404),
    "what an absolute target takes": (_whole(b"OPTIONS http://taskwell.test/tasks"), 204),
    "two slashes": (_whole(b"GET //tasks"), 404),
    "dots": (_whole(b"GET /x/../tasks"), 404),
    "the server as a whole": (_whole(b"OPTIONS *"), 404),
    "HTTP/1.0": (b"GET /tasks HTTP/1.0\r\nAuthorization: {token}\r\n\r\n", 200),
    "an expectation": (
        _POST
        + CLOSE
        + b"Expect: 100-continue\r\nContent-Length: 18\r\n\r\n"
        + b'{"text":"Expect"} ',
        201,
    ),
    "chunks with extensions and trailers": (
        _POST
        + CLOSE
        + b"Transfer-Encoding: chunked\r\n\r\n12;canary=1\r\n"
        + TASK
        + b"\r\n0\r\nAuthorization: Bearer canary\r\nX-Request-ID: canary\r\n\r\n",
        201,
    ),
    "a body that nobody reads": (
        _whole(b"DELETE /tasks?status=completed", CLOSE + b"Content-Length: 18\r\n") + TASK,
        200,
    ),
    "an offer to speak HTTP/2": (
        _whole(b"GET /tasks", b"Upgrade: h2c\r\nConnection: Upgrade, close\r\n"),
        200,
    ),
}


@pytest.mark.parametrize(("request_", "status"), ODD_BUT_RIGHT.values(), ids=ODD_BUT_RIGHT.keys())
def test_what_is_odd_but_right(
    request_: bytes, status: int, server: Running, alice: ApiUser
) -> None:
    log = server.log_length
    *interim, answer = send(server, alice, request_, b"/tasks")
    assert [each.status for each in interim if each.status != 100] == []
    assert answer.status == status
    (line,) = server.lines_since(log)
    assert line["status"] == status
    assert line["request_id"] == answer.header("x-request-id") != "canary"


def test_a_client_that_hangs_up_is_no_defect(server: Running, alice: ApiUser, rows: Rows) -> None:
    before, log = rows.of(alice.user_id), server.log_length
    head = f"POST /tasks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
    more = "Content-Type: application/json\r\nContent-Length: 18\r\n\r\n{"
    with socket.create_connection(server.address) as connection:
        connection.sendall((head + more).encode())
    server.wait_for("the connection ended before the body did")
    (line,) = server.lines_since(log)
    assert (line["level"], line["message"], line["status"]) == ("info", "request", None)
    assert line["reason"] == "the connection ended before the body did"
    assert rows.of(alice.user_id) == before


def test_a_pipelined_request_is_a_request_of_its_own(server: Running, alice: ApiUser) -> None:
    """Each carries its own token: the second one does not inherit the first one's."""
    first = _get(b"X-First: 1")
    second = b"GET /tasks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answers = send(server, alice, first + second, b"/tasks")
    assert [answer.status for answer in answers] == [200, 401]
