"""What can be done to one call to the database."""

from __future__ import annotations

from faults.line import Mischief
from faults.messages import Call
from faults.passage import Cut, Passage

END_SESSION = "SELECT pg_terminate_backend(pg_backend_pid())"
CANCEL = "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(10)"


def cut_before(passage: Passage, call: Call) -> None:
    """It never gets there."""
    raise Cut


def cut_after(passage: Passage, call: Call) -> None:
    """It is done, and nobody hears of it."""
    passage.ask(call.data, is_flushed=call.is_flushed)
    raise Cut


def cut_in_answer(passage: Passage, call: Call) -> None:
    """It is done, and half of the answer arrives."""
    answer = passage.ask(call.data, is_flushed=call.is_flushed)
    passage.give(answer[: len(answer) // 2])
    raise Cut


def never_answer(passage: Passage, call: Call) -> None:
    passage.wait_for_end()


def failing(state: str) -> Mischief:
    """PostgreSQL itself refuses, with this SQLSTATE."""

    def fail(passage: Passage, call: Call) -> None:
        passage.ask_instead(call, f"DO $$BEGIN RAISE SQLSTATE '{state}'; END$$")

    return fail


def end_session(passage: Passage, call: Call) -> None:
    """As an operator does: 57P01, and then the end."""
    passage.ask_instead(call, END_SESSION)


def cancel(passage: Passage, call: Call) -> None:
    """57014, from PostgreSQL's own hand."""
    passage.ask_instead(call, CANCEL)


FAILURES: dict[str, Mischief] = {
    "serialization failure": failing("40001"),
    "too many connections": failing("53300"),
    "admin shutdown": end_session,
    "query canceled": cancel,
    "internal error": failing("XX000"),
    "dropped": cut_before,
}
