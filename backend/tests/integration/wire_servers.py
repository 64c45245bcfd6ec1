from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import taskwell
from end_to_end.program import Program
from integration.wire import HEAD, Wire

PROGRAM = Path(__file__).with_name("wire_server.py")
SOURCES = Path(taskwell.__file__).parents[1]


@contextmanager
def wire_server(*bounds: str) -> Iterator[Program]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    with Program((sys.executable, PROGRAM, *bounds), environment) as program:
        yield program
        assert program.process.stdin is not None
        program.process.stdin.close()
        assert program.wait() == 0, program.output


def port_of(program: Program) -> int:
    return int(program.wait_for(r"port (\d+)")[1])


def release(program: Program) -> None:
    """Lets go what waits in the application."""
    with Wire(port_of(program)) as wire:
        assert wire.send(f"POST /release{HEAD}\r\n").answer().status == 200
