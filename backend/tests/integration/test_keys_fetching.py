"""One GET against servers that are slow, huge, wrong, or want to lead it elsewhere."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from integration.key_servers import (
    Behaviour,
    answering,
    dripping,
    dripping_headers,
    endless,
    key_server,
    saying,
    silent,
    unused_port,
)
from taskwell.auth.fetching import Answer, FetchFailed, fetch, port_of


def fetched(url: str, *headers: str, seconds: float = 20) -> Answer:
    return asyncio.run(fetch(url, headers=headers, seconds=seconds))


def failure(behaviour: Behaviour, seconds: float = 20) -> str:
    with key_server(behaviour) as server:
        with pytest.raises(FetchFailed) as failed:
            fetched(server.url, seconds=seconds)
        assert len(server.requests) == 1
    return str(failed.value)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ],
    ids=[
        "length", "keep-alive", "identity", "chunked", "until the end", "HTTP/1.0", "100 first",
    ],
)  # fmt: skip
def test_a_body_is_read_in_each_way_that_http_has(data: bytes) -> None:
    with key_server(saying(data)) as server:
        answer = fetched(server.url)
    assert (answer.status, answer.body) == (200, b"hello")


@pytest.mark.parametrize("status", ["204 No Content", "302 Found", "404 Not Found", "500 Oh No"])
def test_other_statuses_are_answers_too(status: str) -> None:
    with key_server(answering(b"", status, "Location: http://127.0.0.1:1/")) as server:
        assert fetched(server.url).status == int(status[:3])
        assert len(server.requests) == 1


def test_the_request_says_what_it_wants_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with key_server(answering(b"x")) as server:
        url = server.url.replace("//", "//us@er:pa@ss@") + "/a b/\u00e9%20~+?q=\u00e9/%20?#part"
        fetched(url, "Authorization: Bearer t")
    [request] = server.requests
    assert request.decode() == (
        "GET /a%20b/%C3%A9%20~+?q=%C3%A9/%20? HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{server.port}\r\n"
        "Accept: application/json\r\n"
        "Accept-Encoding: identity\r\n"
        "User-Agent: taskwell\r\n"
        "Connection: close\r\n"
        "Authorization: Bearer t\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("url", "port"),
    [("http://a", 80), ("https://a", 443), ("http://a:443", 443), ("https://a:3000/x", 3000)],
)
def test_an_address_without_a_port_has_that_of_its_scheme(url: str, port: int) -> None:
    assert port_of(urlsplit(url)) == port


def test_an_address_without_a_path_is_its_root() -> None:
    with key_server(answering(b"x")) as server:
        fetched(server.url)
    assert server.requests[0].startswith(b"GET / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("date", "sent_at"),
    [
        ("Date: Sat, 21 Nov 2026 06:57:42 GMT", 1795244262.0),
        ("date: Sat, 21 Nov 2026 06:57:42 GMT", 1795244262.0),
        ("Date: yesterday", None),
        ("Date: \xff", None),
        ("X-Date: Sat, 21 Nov 2026 06:57:42 GMT", None),
    ],
)
def test_the_clock_of_the_other_side_is_read(date: str, sent_at: float | None) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n{date}\r\n\r\nx".encode("latin-1")
    with key_server(saying(head)) as server:
        assert fetched(server.url).sent_at == sent_at


@pytest.mark.parametrize("behaviour", [silent, dripping, dripping_headers])
def test_the_deadline_covers_everything(behaviour: Behaviour) -> None:
    assert failure(behaviour, seconds=0.3) == "gave no full answer within 0.3 seconds"


@pytest.mark.parametrize(
    "behaviour",
    [
        endless,
        answering(b" " * 600_000),
        saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 600_000),
        saying(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000),
    ],
    ids=["endless", "long body", "long header", "many headers"],
)
def test_a_huge_answer_is_cut_off(behaviour: Behaviour) -> None:
    assert failure(behaviour) == "answered with more than 512 KiB"


def test_an_answer_of_almost_the_limit_is_read() -> None:
    with key_server(answering(b"x" * 520_000)) as server:
        assert len(fetched(server.url).body) == 520_000


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more",
    ],
)
def test_what_is_not_http_is_told_apart(data: bytes) -> None:
    assert failure(saying(data)) == "answered with something that is not HTTP"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ],
)
def test_half_an_answer_is_none(data: bytes) -> None:
    assert failure(saying(data)) == "broke off in the middle of its answer"


def test_a_compressed_answer_is_none() -> None:
    assert failure(answering(b"\x1f\x8b", "200 OK", "Content-Encoding: gzip")) == (
        "answered with a compressed body, which was not asked for"
    )


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:{port}", "is out of reach (ConnectionRefusedError)"),
        ("http://no-such-host.invalid", "is out of reach (gaierror)"),
        (f"http://{'a' * 70}.invalid", "is out of reach ("),
    ],
)
def test_nobody_there_is_out_of_reach(url: str, reason: str) -> None:
    with pytest.raises(FetchFailed) as failed:
        fetched(url.format(port=unused_port()))
    assert str(failed.value).startswith(reason)


def certificate(folder: Path, host: str, days: int = 1) -> tuple[Path, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an issuer of the tests")])
    today = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=10))
        .not_valid_after(today + datetime.timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    trusted, private = folder / "certificate.pem", folder / "key.pem"
    trusted.write_bytes(signed.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, private)
    return trusted, context


def test_a_trusted_server_is_read_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted, context = certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with key_server(answering(b"hello"), context) as server:
        assert fetched(server.url).body == b"hello"


@pytest.mark.parametrize(
    ("host", "days", "is_known"),
    [("127.0.0.1", 1, False), ("127.0.0.2", 1, True), ("127.0.0.1", -1, True)],
    ids=["unknown authority", "another name", "expired"],
)
def test_a_server_that_can_not_be_trusted_gets_no_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, days: int, is_known: bool
) -> None:
    trusted, context = certificate(tmp_path, host, days)
    if is_known:
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with key_server(answering(b"hello"), context) as server:
        with pytest.raises(FetchFailed, match=r"has no TLS that can be trusted .*CERTIFICATE"):
            fetched(server.url)
        assert server.requests == []


def test_a_server_without_tls_is_told_apart() -> None:
    plain = saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with (
        key_server(plain, is_hasty=True) as server,
        pytest.raises(FetchFailed, match="has no TLS that can be trusted"),
    ):
        fetched(server.url.replace("http", "https"))
