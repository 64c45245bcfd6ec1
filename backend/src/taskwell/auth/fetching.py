"""One HTTP GET that can't be drawn out, blown up, or led astray.

It asks the configured address and no other: no redirect, no proxy from the environment, no
cookie. A total deadline covers everything from the name lookup to the last byte.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, quote, urlsplit

from httptools import HttpParserError, HttpResponseParser

SECONDS_FOR_ALL = 5.0
MOST_BYTES = 512 * 1024
READ_AT_ONCE = 64 * 1024


class FetchFailed(Exception):
    """The reason is plain words, without the address."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`sent_at` is the time by the clock of the other side, where it tells."""

    status: int
    body: bytes
    sent_at: float | None


async def fetch(
    url: str, *, headers: tuple[str, ...] = (), seconds: float = SECONDS_FOR_ALL
) -> Answer:
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(seconds):
            return await _exchange(parts, headers)
    except TimeoutError:
        raise FetchFailed(f"gave no full answer within {seconds:g} seconds") from None
    except ssl.SSLError as error:
        raise FetchFailed(f"has no TLS that can be trusted ({error.reason or error})") from None
    except (OSError, UnicodeError) as error:
        raise FetchFailed(f"is out of reach ({type(error).__name__})") from None


async def _exchange(parts: SplitResult, headers: tuple[str, ...]) -> Answer:
    context = None
    if parts.scheme == "https":
        # It reads the whole bundle of authorities: too long for the event loop.
        context = await asyncio.to_thread(ssl.create_default_context)
    reader, writer = await asyncio.open_connection(parts.hostname, port_of(parts), ssl=context)
    try:
        writer.write(_request(parts, headers))
        return await _read(reader)
    finally:
        # Whatever the other side still has to say is of no interest, nor is its farewell.
        writer.transport.abort()


def port_of(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _request(parts: SplitResult, headers: tuple[str, ...]) -> bytes:
    host = parts.netloc.rpartition("@")[2]
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    if parts.query:
        path += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~?")
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Accept: application/json",
        "Accept-Encoding: identity",
        "User-Agent: taskwell",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


async def _read(reader: asyncio.StreamReader) -> Answer:
    response = _Response()
    parser = HttpResponseParser(response)
    received = 0
    try:
        while not response.complete:
            data = await reader.read(READ_AT_ONCE)
            if not data:
                break
            received += len(data)
            if received > MOST_BYTES:
                raise FetchFailed(f"answered with more than {MOST_BYTES // 1024} KiB")
            parser.feed_data(data)
    except HttpParserError:
        raise FetchFailed("answered with something that is not HTTP") from None
    if response.encoded:
        raise FetchFailed("answered with a compressed body, which was not asked for")
    if not (response.complete or response.ends_with_connection):
        raise FetchFailed("broke off in the middle of its answer")
    return Answer(parser.get_status_code(), b"".join(response.body), _moment(response.date))


def _moment(date: bytes) -> float | None:
    try:
        return parsedate_to_datetime(date.decode("ascii")).timestamp()
    except ValueError:
        return None


class _Response:
    """What the parser tells. A body without a length ends with the connection."""

    def __init__(self) -> None:
        self.body: list[bytes] = []
        self.date = b""
        self.complete = False
        self.encoded = False
        self.ends_with_connection = False
        self._has_length = False

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in (b"content-length", b"transfer-encoding"):
            self._has_length = True
        if name == b"date":
            self.date = value
        if name == b"content-encoding" and value.strip().lower() != b"identity":
            self.encoded = True

    def on_headers_complete(self) -> None:
        self.ends_with_connection = not self._has_length

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        self.complete = True
