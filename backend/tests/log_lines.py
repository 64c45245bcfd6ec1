from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal
from unittest.mock import patch

from taskwell import logs


class LogLines:
    """What the service wrote to standard error, as whoever reads it finds it."""

    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    def lines(self) -> list[str]:
        written = self._stream.getvalue()
        self._stream.seek(0)
        self._stream.truncate()
        return written.splitlines()

    def members(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]


@contextmanager
def logging_as(form: Literal["json", "text"], level: str = "info") -> Iterator[LogLines]:
    """The service's own logging, instead of the test runner's."""
    root, client = logging.getLogger(), logging.getLogger("httpx2")
    before = root.handlers[:], root.level, client.level
    root.handlers = []
    stream = io.StringIO()
    try:
        with patch("sys.stderr", stream):
            logs.configure(level, form)
        # The test's own client logs its requests too.
        client.setLevel(logging.WARNING)
        yield LogLines(stream)
    finally:
        root.handlers, root.level = before[:2]
        client.setLevel(before[2])
