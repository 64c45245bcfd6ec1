"""Rows of numbers in memory that processes share, with real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import taskwell
from taskwell.measures.layout import Layout
from taskwell.measures.ledger import ROWS, Ledger

LAYOUT = Layout([("GET", "/tasks")], [200])

# Takes a row, adds one to its first number for each line that it is given, and tells which it is.
WORKER = """
import sys
from taskwell.measures.layout import Layout
from taskwell.measures.ledger import Ledger

ledger = Ledger.inherited(int(sys.argv[1]), Layout([("GET", "/tasks")], [200]))
row = ledger.take_row()
print("taken", flush=True)
for _ in sys.stdin:
    row[0] += 1
    print(row[0], flush=True)
"""


@contextmanager
def worker(ledger: Ledger) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", WORKER, str(ledger.file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        pass_fds=[ledger.file],
        env={**os.environ, "PYTHONPATH": str(Path(taskwell.__file__).parents[1])},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        try:
            yield process
        finally:
            process.kill()


def add_one(process: subprocess.Popen[str]) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def first_numbers(ledger: Ledger) -> list[tuple[int, bool]]:
    """Of each row that was ever taken, but for the parent's."""
    return [(row[0], is_alive) for row, is_alive in ledger.rows()][1:]


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    made = Ledger.new(LAYOUT)
    yield made
    os.close(made.file)


def test_each_process_has_a_row_of_its_own(ledger: Ledger) -> None:
    with worker(ledger) as one, worker(ledger) as other:
        assert [add_one(one), add_one(one), add_one(other)] == [1, 2, 1]
        assert first_numbers(ledger) == [(2, True), (1, True)]


def test_what_was_counted_outlives_its_process_and_goes_on(ledger: Ledger) -> None:
    with worker(ledger) as one, worker(ledger) as other:
        add_one(one)
        add_one(other)
        one.kill()
        one.wait()
        assert first_numbers(ledger) == [(1, False), (1, True)]
        with worker(ledger) as successor:
            assert add_one(successor) == 2
            assert first_numbers(ledger) == [(2, True), (1, True)]


def test_looking_takes_nothing_from_anybody(ledger: Ledger) -> None:
    own = ledger.take_row()
    assert own is not None
    own[0] = 5
    for _ in range(3):
        assert first_numbers(ledger) == [(5, True)]
    with worker(ledger) as one:
        add_one(one)
        assert first_numbers(ledger) == [(5, True), (1, True)]


def test_the_parent_counts_deaths_in_a_row_of_its_own(ledger: Ledger) -> None:
    ledger.count_death()
    ledger.count_death()
    (row, is_alive), *others = ledger.rows()
    assert (sum(row), is_alive, others) == (2, False, [])


def test_another_program_goes_on_with_it(ledger: Ledger) -> None:
    ledger.count_death()
    again = Ledger.inherited(os.dup(ledger.file), LAYOUT)
    again.count_death()
    ((row, _),) = ledger.rows()
    assert sum(row) == 2
    os.close(again.file)


@pytest.mark.parametrize(
    "other", [Layout([("PUT", "/tasks")], [200]), Layout([("GET", "/tasks")], [200, 404])]
)
def test_another_version_begins_anew(ledger: Ledger, other: Layout) -> None:
    ledger.count_death()
    anew = Ledger.inherited(os.dup(ledger.file), other)
    ((row, _),) = anew.rows()
    assert (sum(row), len(row)) == (0, other.width)
    os.close(anew.file)


def test_it_takes_no_room_that_nobody_writes_to(ledger: Ledger) -> None:
    ledger.take_row()
    told = os.fstat(ledger.file)
    assert told.st_size > ROWS * LAYOUT.width * 8
    assert told.st_blocks * 512 < 3 * (LAYOUT.width * 8 + 8192)
