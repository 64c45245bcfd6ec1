"""What the service says while it runs: one line an event, on standard error."""

from __future__ import annotations

import json
import logging
import sys
import time
from functools import lru_cache
from typing import Literal

# Set by `extra=` on the line that each request leaves.
MEMBERS = "members"


# Nothing that is logged contains itself.
_write_json = json.JSONEncoder(check_circular=False).encode


def configure(level: str, form: Literal["json", "text"]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if form == "json" else _PlainLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Where a line was logged from, and by which thread or task, is not in it: don't look it up.
    logging._srcfile = None
    logging.logAsyncioTasks = False  # type: ignore[attr-defined, unused-ignore]  # since Python 3.12
    logging.logThreads = False
    logging.logProcesses = False
    logging.logMultiprocessing = False
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _now() -> str:
    seconds, microseconds = divmod(time.time_ns() // 1000, 1_000_000)
    return f"{_second(seconds)}.{microseconds:06d}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


class _JsonLines(logging.Formatter):
    """Only ASCII, every control character escaped: nothing that is logged can begin a new line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {"time": _now(), "level": record.levelname.lower()}
        line["message"] = record.getMessage()
        line.update(getattr(record, MEMBERS, {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _write_json(line)


class _PlainLines(logging.Formatter):
    """For people: an exception takes several lines, all indented, so that none looks like ours."""

    def format(self, record: logging.LogRecord) -> str:
        members = getattr(record, MEMBERS, {})
        pairs = "".join(f" {name}={json.dumps(value)}" for name, value in members.items())
        message = json.dumps(record.getMessage())[1:-1]
        line = f"{_now()} {record.levelname.lower():7} {message}{pairs}"
        if record.exc_info:
            for told in self.formatException(record.exc_info).splitlines():
                line += "\n    " + told.encode("unicode_escape").decode("ascii")
        return line
