"""What the parent does with workers that misbehave, and with what it is told."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import taskwell
from end_to_end.processes import await_that, is_running, workers_of
from end_to_end.program import Program

PROGRAM = Path(__file__).with_name("supervised.py")
SOURCES = Path(taskwell.__file__).parents[1]


@contextmanager
def supervised(how: str, *former: str, forks_refused: int = 0) -> Iterator[Program]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    words = (str(PROGRAM), how, str(forks_refused), *former)
    with Program((sys.executable, *words), environment) as program:
        yield program


def test_workers_that_can_not_begin_end_the_start() -> None:
    with supervised("cannot_begin") as program:
        assert program.wait() == 0
        assert "refused: The service could not start" in program.output


def test_workers_that_can_not_begin_leave_former_ones_at_work() -> None:
    with supervised("cannot_begin", "listens") as program:
        former = int(program.wait_for(r"former: \[(\d+)\]")[1])
        await_that(lambda: program.output.count("the former ones go on") >= 2)
        assert is_running(former)
        os.kill(former, signal.SIGTERM)
        assert program.wait() == 0
        assert "refused: The service could not start" in program.output


def test_what_a_worker_raises_is_logged() -> None:
    with supervised("raises") as program:
        program.wait()
        assert "a process of the service failed" in program.output
        assert "RuntimeError: on purpose" in program.output
        assert "refused: " in program.output


def test_workers_that_end_at_once_are_replaced_ever_more_slowly() -> None:
    with supervised("ends_at_once") as program:
        await_that(lambda: program.output.count("begins after") >= 7)
        program.process.terminate()
        assert program.wait() == 0
        times = [float(seconds) for seconds in re.findall(r"begins after (\S+) s", program.output)]
        # Two at first and two at once, for one may be nobody's fault; then two after each pause of
        # one, two, four … seconds, however many end together.
        assert times[2] - times[0] < times[4] - times[2]
        assert times[6] - times[0] >= 3


def test_a_worker_is_replaced_once_the_system_lets_it_be() -> None:
    with supervised("listens", forks_refused=3) as program:
        program.wait_for("all are ready")
        first, second = workers_of(program.process.pid)
        os.kill(first, signal.SIGKILL)
        program.wait_for('a worker could not be started reason="Resource temporarily unavailable"')
        await_that(lambda: len(workers_of(program.process.pid) - {first}) == 2)
        assert second in workers_of(program.process.pid)
        assert program.output.count("a worker could not be started") == 3
        program.process.terminate()
        assert program.wait() == 0
        assert "at the end" in program.output


def test_the_end_is_heard_while_no_worker_can_be_started() -> None:
    with supervised("listens", forks_refused=1000) as program:
        program.wait_for("all are ready")
        os.kill(min(workers_of(program.process.pid)), signal.SIGKILL)
        program.wait_for("a worker could not be started")
        program.process.terminate()
        assert program.wait() == 0
        assert "at the end" in program.output


def test_a_worker_that_does_not_end_is_killed() -> None:
    with supervised("is_deaf") as program:
        program.wait_for("all are ready")
        program.process.terminate()
        assert program.wait() == 0
        assert "exit_code=-9" in program.output


def test_the_parent_ends_after_its_workers() -> None:
    with supervised("listens") as program:
        program.wait_for("all are ready")
        program.process.send_signal(signal.SIGINT)
        assert program.wait() == 0
        *_, first, second, last = program.output.splitlines()
        assert "exit_code=-15" in first
        assert "exit_code=-15" in second
        assert last == "at the end"


def test_a_hangup_asks_for_a_reload() -> None:
    with supervised("listens") as program:
        program.wait_for("all are ready")
        program.process.send_signal(signal.SIGHUP)
        program.wait_for("asked to reload")


def test_a_hangup_that_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with supervised("listens") as program:
            program.wait_for("all are ready")
            program.process.send_signal(signal.SIGHUP)
            program.process.terminate()
            assert program.wait() == 0
            assert "asked to reload" not in program.output
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_end_of_its_terminal_ends_it() -> None:
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, PROGRAM, "listens", "0"],
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        stdin=end,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    os.close(end)
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "all are ready\n"
        process.send_signal(signal.SIGHUP)
        assert process.stdout.read().endswith("at the end\n")
    os.close(terminal)
    assert process.returncode == 0
