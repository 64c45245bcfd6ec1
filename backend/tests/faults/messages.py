"""PostgreSQL's protocol, as far as one must know it to stand in the middle of it."""

from __future__ import annotations

from dataclasses import dataclass

_LENGTH = 4
_CANCEL = (80877102).to_bytes(4)
# By these the service says that it is PostgreSQL's turn: Sync, Flush, Query.
_ENDS = b"SHQ"
# Without these nothing is asked: Query, Parse, Bind.
_ASKS = b"QPB"
_DRIVERS_OWN = ("typeinfo_tree", "'jit'")


class Messages:
    """Bytes come in as they may, and leave as whole messages."""

    def __init__(self, *, are_answers: bool) -> None:
        self._rest = b""
        # The first thing that a client says has no letter in front of it.
        self._letters = 1 if are_answers else 0

    def add(self, data: bytes) -> None:
        self._rest += data

    def take(self) -> bytes | None:
        begin = self._letters
        if len(self._rest) < begin + _LENGTH:
            return None
        size = begin + int.from_bytes(self._rest[begin : begin + _LENGTH])
        if len(self._rest) < size:
            return None
        message, self._rest = self._rest[:size], self._rest[size:]
        self._letters = 1
        return message


def is_cancel(first: bytes) -> bool:
    return first[4:8] == _CANCEL


def is_farewell(message: bytes) -> bool:
    return message[:1] == b"X"


def query(sql: str) -> bytes:
    text = sql.encode() + b"\0"
    return b"Q" + (len(text) + _LENGTH).to_bytes(_LENGTH) + text


@dataclass(frozen=True, slots=True)
class Call:
    """What the service sends before it waits, and the statement that it is about."""

    data: bytes
    sql: str | None
    # Ends with a Flush: no ReadyForQuery follows.
    is_flushed: bool


class Calls:
    """Of one connection: it knows which statements were prepared under which names."""

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self._prepared: dict[bytes, str] = {}
        self._latest = ""

    def add(self, message: bytes) -> Call | None:
        self._messages.append(message)
        if message[0] not in _ENDS:
            return None
        messages, self._messages = self._messages, []
        asks = [self._statement(each) for each in messages if each[0] in _ASKS]
        return Call(b"".join(messages), asks[0] if asks else None, message[:1] == b"H")

    def _statement(self, message: bytes) -> str:
        first, second, *_ = message[1 + _LENGTH :].split(b"\0")
        if message[:1] == b"Q":
            return first.decode()
        if message[:1] == b"B":
            return self._prepared[second]
        sql = second.decode()
        # The driver asks for types in the middle of preparing: that is for the same statement.
        if not any(word in sql for word in _DRIVERS_OWN):
            self._latest = sql
        self._prepared[first] = self._latest
        return self._latest


def ends_answer(message: bytes, *, is_flushed: bool) -> bool:
    """ReadyForQuery; where it was not asked for, what a Describe or an error ends with."""
    return message[:1] == b"Z" or (is_flushed and message[:1] in (b"T", b"n", b"E"))


def errors_of(answer: bytes, *, is_flushed: bool) -> bytes:
    """And the ReadyForQuery after them, where that was asked for."""
    kept = b"E" if is_flushed else b"EZ"
    messages = Messages(are_answers=True)
    messages.add(answer)
    found = b""
    while (message := messages.take()) is not None:
        found += message if message[0] in kept else b""
    return found
