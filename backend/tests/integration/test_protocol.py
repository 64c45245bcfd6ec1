"""What the protocol refuses by itself, and what it must not refuse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from end_to_end.program import Program
from integration.wire import HEAD, Answer, Wire
from integration.wire_server import FRONT_END
from integration.wire_servers import port_of, release, wire_server

CLOSE = "Connection: close\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Program]:
    with wire_server() as program:
        yield program


@pytest.fixture(scope="module")
def port(server: Program) -> int:
    return port_of(server)


def ask(port: int, text: str) -> Answer:
    with Wire(port) as wire:
        return wire.send(text).answer()


MALFORMED = {
    "no HTTP": "hello\r\n\r\n",
    "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "x" * 200,
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a later version": "GET /headers HTTP/2.0\r\nHost: a\r\n\r\n",
    "an earlier version": "GET /headers HTTP/0.9\r\n\r\n",
    "an unknown method": "BREW /headers HTTP/1.1\r\nHost: a\r\n\r\n",
    "a tunnel": "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "no host": "GET /headers HTTP/1.1\r\n\r\n",
    "two hosts": "GET /headers HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a fragment": f"GET /headers#a{HEAD}\r\n",
    "a fragment of nothing": f"GET /headers?a=b#{HEAD}\r\n",
    "an address without a host": f"GET http:///headers{HEAD}\r\n",
    "an address of nothing": f"GET http://{HEAD}\r\n",
    "a bare line feed": "GET /headers HTTP/1.1\nHost: a\n\n",
    "a folded header": f"GET /headers{HEAD}A: b\r\n c\r\n\r\n",
    "NUL in a header": f"GET /headers{HEAD}A: b\x00c\r\n\r\n",
    "space before the colon": f"GET /headers{HEAD}A : b\r\n\r\n",
    "bytes in the path": f"GET /\xe9{HEAD}\r\n",
    "length and chunks": f"POST /length{HEAD}Content-Length: 3\r\n{CHUNKED}0\r\n\r\n",
    "chunks and length": f"POST /length{HEAD}{CHUNKED[:-2]}Content-Length: 3\r\n\r\n",
    "two lengths": f"POST /length{HEAD}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": f"POST /length{HEAD}Content-Length: 3, 3\r\n\r\nabc",
    "a length with a sign": f"POST /length{HEAD}Content-Length: +3\r\n\r\nabc",
    "an endless length": f"POST /length{HEAD}Content-Length: {'9' * 30}\r\n\r\n",
    "chunks not last": f"POST /length{HEAD}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunks in disguise": f"POST /length{HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "packed chunks": f"POST /length{HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "packed, and then chunks": f"POST /length{HEAD}Transfer-Encoding: gzip\r\n{CHUNKED}0\r\n\r\n",
    "chunks before there were any": f"POST /length HTTP/1.0\r\n{CHUNKED}3\r\nabc\r\n0\r\n\r\n",
    "chunks twice": f"POST /length{HEAD}Transfer-Encoding: chunked\r\n{CHUNKED}0\r\n\r\n",
    "a chunk without a size": f"POST /length{HEAD}{CHUNKED}zz\r\n",
}


NO_HOSTS = [
    *(
        "a b",
        "a/",
        "a<b>",
        "<>",
        "a b/<>",
        "a@b",
        "a?b",
        "a#b",
        'a"',
        "a\\b",
        "a|b",
        "^",
        "{}",
        "\xe4",
    ),
    *("a:b", "a:80:80", ":80:", "a,b c", "%", "%4", "%zz", "a%", "http://a", "::1", "a\tb"),
    *("[", "]", "[]", "[::1", "::1]", "[a]", "[1]", "[:::1]", "[1.2.3.4]", "[::1]a", "[::1]:x"),
    *("[fe80::1%eth0]", "[v1]", "[v1.]", "[v.a]", "a[::1]", "[::1][::1]"),
]
HOSTS = [
    *(
        "",
        "a",
        "a.b",
        "A-b_c.example",
        "a.",
        "127.0.0.1",
        "localhost:8000",
        "a:",
        ":80",
        " a ",
        "a\t",
    ),
    *(
        "[::1]",
        "[::1]:80",
        "[::ffff:1.2.3.4]",
        "[v1.a:b]",
        "%C3%A4",
        "a~!$&'()*+,;=b",
        "a" * 20_000,
    ),
]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("host", NO_HOSTS)
def test_a_host_that_is_none_is_refused(port: int, host: str, version: str) -> None:
    answer = ask(port, f"GET /headers HTTP/{version}\r\nHost: {host}\r\n{CLOSE}")
    assert (answer.status, answer.problem) == (400, "malformed-request")


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_may_have_any_form_that_there_is(port: int, host: str) -> None:
    assert ask(port, f"GET /headers HTTP/1.1\r\nHost: {host}\r\n{CLOSE}").status == 200


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_http_or_leaves_open_where_it_ends_is_refused(
    server: Program, port: int, text: str
) -> None:
    seen = server.lines_so_far
    with Wire(port) as wire:
        answer = wire.send(text).answer()
        assert (answer.status, answer.problem) == (400, "malformed-request")
        assert answer.headers["connection"] == "close"
        assert answer.headers["date"].endswith(" GMT")
        assert wire.is_closed()
    request_id = answer.headers["x-request-id"]
    logged = server.wait_for(f'"request_id": "{request_id}".*', after=seen)[0]
    assert '"status": 400' in logged


def test_the_request_id_is_the_clients_where_it_is_known(port: int) -> None:
    answer = ask(port, "GET /headers HTTP/1.1\r\nX-Request-ID: mine-1\r\n\r\n")
    assert (answer.problem, answer.headers["x-request-id"]) == ("malformed-request", "mine-1")


@pytest.mark.parametrize(
    ("target", "more", "status"),
    [("/headers?" + "a" * 17_000, "", 414), ("/headers", "a" * 33_000, 431), ("/", "\x00", 400)],
    ids=["address", "headers", "malformed"],
)
@pytest.mark.parametrize("origin", [FRONT_END, "https://evil.example.com"])
def test_a_listed_page_may_read_what_was_refused(
    port: int, target: str, more: str, status: int, origin: str
) -> None:
    answer = ask(port, f"GET {target}{HEAD}Origin: {origin}\r\nX-More: {more}\r\n\r\n")
    assert (answer.status, answer.headers["vary"]) == (status, "Origin")
    if origin == FRONT_END:
        assert answer.headers["access-control-allow-origin"] == FRONT_END
        assert "X-Request-ID" in answer.headers["access-control-expose-headers"]
    else:
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("length", [16_384, 16_385])
def test_an_address_has_a_limit(port: int, length: int) -> None:
    target = "/headers?".ljust(length, "a")
    answer = ask(port, f"GET {target}{HEAD}{CLOSE}")
    if length <= 16_384:
        assert answer.status == 200
    else:
        assert (answer.status, answer.problem) == (414, "target-too-long")


def test_an_address_without_end_is_refused(port: int) -> None:
    with Wire(port) as wire:
        wire.send("GET /")
        for _ in range(5):
            wire.send("a" * 16_384)
        assert wire.answer().problem == "target-too-long"


@pytest.mark.parametrize(
    "headers",
    [
        f"X-Large: {'a' * 32_768}\r\n",
        "".join(f"X-{number}: {'a' * 1000}\r\n" for number in range(33)),
        "".join(f"X-{number}: a\r\n" for number in range(100)),
    ],
    ids=["one large", "many large", "too many"],
)
def test_headers_have_a_limit(port: int, headers: str) -> None:
    answer = ask(port, f"GET /headers{HEAD}{headers}\r\n")
    assert (answer.status, answer.problem) == (431, "headers-too-large")


def test_headers_below_the_limit_arrive(port: int) -> None:
    answer = ask(port, f"GET /headers{HEAD}X-Large: {'a' * 32_000}\r\n{CLOSE}")
    assert answer.status == 200
    assert len(answer.body) > 32_000


def test_a_header_without_end_is_refused(port: int) -> None:
    with Wire(port) as wire:
        wire.send(f"GET /headers{HEAD}X-Large: ")
        for _ in range(5):
            wire.send("a" * 16_384)
        assert wire.answer().problem == "headers-too-large"


def test_trailers_without_end_are_refused(port: int) -> None:
    with Wire(port) as wire:
        wire.send(f"POST /length{HEAD}{CHUNKED}3\r\nabc\r\n0\r\nX-Large: ")
        for _ in range(20):
            wire.send("a" * 16_384)
        assert wire.answer().problem == "malformed-request"


def test_a_trailer_does_not_pass_for_a_header(port: int) -> None:
    answer = ask(port, f"GET /headers{HEAD}{CHUNKED}3\r\nabc\r\n0\r\nAuthorization: x\r\n\r\n")
    assert answer.status == 200
    assert b"authorization" not in answer.body


OFFERS = ["websocket", "h2c"]


@pytest.mark.parametrize("offer", OFFERS)
def test_an_upgrade_is_passed_over(port: int, offer: str) -> None:
    upgrade = f"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {offer}\r\n"
    with Wire(port) as wire:
        wire.send(f"GET /headers{HEAD}{upgrade}\r\n")
        assert wire.answer().status == 200
        wire.send(
            f"POST /length{HEAD}{upgrade}Content-Length: 5\r\n\r\nabcdeGET /headers{HEAD}\r\n"
        )
        assert wire.answer().body == b"5"
        assert wire.answer().status == 200
        wire.send(f"POST /length{HEAD}{upgrade}Content-Length: 5\r\n\r\n").send("ab").send("cde")
        assert wire.answer().body == b"5"


@pytest.mark.parametrize("query", ["", "?", "?a=http://b"])
@pytest.mark.parametrize("host", ["http://a", "HTTPS://a.b:80", "http://[::1]:80"])
def test_an_address_without_a_path_is_that_of_the_root(port: int, host: str, query: str) -> None:
    with Wire(port) as wire:
        for method in ("GET", "OPTIONS"):
            wire.send(f"{method} {host}{query}{HEAD}\r\n").send(f"{method} /{query}{HEAD}\r\n")
            absolute, plain = wire.answer(), wire.answer()
            assert absolute.status == plain.status == 404
        assert wire.send(f"GET {host}/headers{query}{HEAD}\r\n").answer().status == 200


def test_chunks_are_told_without_regard_to_case_and_space(port: int) -> None:
    chunks = "Transfer-Encoding:  Chunked  \r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    assert ask(port, f"POST /length{HEAD}{chunks}").body == b"3"


def test_a_request_from_before_keep_alive_is_answered(port: int) -> None:
    with Wire(port) as wire:
        answer = wire.send("GET /headers HTTP/1.0\r\n\r\n").answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert wire.is_closed()


def test_requests_sent_ahead_are_answered_in_order(port: int) -> None:
    with Wire(port) as wire:
        wire.send("".join(f"GET /headers{HEAD}X: {number}\r\n\r\n" for number in range(5)))
        assert [f'"{number}"'.encode() in wire.answer().body for number in range(5)] == [True] * 5


def test_too_many_requests_sent_ahead_end_the_connection(port: int) -> None:
    with Wire(port) as wire:
        wire.send(f"GET /headers{HEAD}\r\n" * 100)
        answered = [wire.answer().status for _ in range(17)]
        assert answered == [200] * 17
        assert wire.is_closed()


BROKEN = {
    "head": "BREW / HTTP/1.1\r\n\r\n",
    "body": f"POST /length{HEAD}{CHUNKED}zz\r\n",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_what_came_before_a_broken_request_is_answered(broken: str) -> None:
    """And nothing else, so that no other answer is logged."""
    with wire_server() as program, Wire(port_of(program)) as wire:
        wire.send(f"GET /waiting{HEAD}\r\n" + f"GET /headers{HEAD}\r\n" + broken)
        program.wait_for("it waits")
        release(program)
        assert wire.answer().body == b'"released"'
        assert wire.answer().status == 200
        assert wire.is_closed()
    assert "malformed-request" not in program.output


def test_an_answer_before_the_body_is_read_gets_through(port: int) -> None:
    with Wire(port) as wire:
        wire.send(f"POST /early{HEAD}Content-Length: 50000000\r\n\r\n")
        wire.send(b"x" * 1_000_000)
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (401, "close")
        assert wire.is_closed()


def test_an_answer_after_the_body_keeps_the_connection(port: int) -> None:
    with Wire(port) as wire:
        for _ in range(2):
            wire.send(f"POST /early{HEAD}Content-Length: 3\r\n\r\nabc")
            answer = wire.answer()
            assert (answer.status, answer.headers.get("connection")) == (401, None)


def test_a_body_in_pieces_keeps_the_connection(port: int) -> None:
    with Wire(port) as wire:
        for _ in range(2):
            wire.send(f"POST /length{HEAD}Content-Length: 6\r\n\r\n").send("abc").send("def")
            answer = wire.answer()
            assert (answer.body, answer.headers.get("connection")) == (b"6", None)


def test_who_asks_before_sending_a_body_is_told_to_go_on(port: int) -> None:
    with Wire(port) as wire:
        wire.send(f"POST /length{HEAD}Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert wire.socket.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert wire.send("abc").answer().body == b"3"
