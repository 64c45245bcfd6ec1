"""The command line: what may be said, and how what came of it is told."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from inspect import getdoc
from pathlib import Path
from typing import Any

from taskwell import __version__
from taskwell.commands import COMMANDS
from taskwell.errors import SettingsInvalid, StartRefused

ABOUT = """\
A task service for many users, on PostgreSQL.

To try it: `taskwell serve` starts the service with a database and tokens of its own.

For production: set DATABASE_URL and BETTER_AUTH_URL, run `taskwell migrate`, then
`taskwell serve`, and ask `taskwell doctor` when something does not work.
"""
LONGEST_TTL = 10 * 365 * 86400


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="taskwell", description=ABOUT, **_MANNERS)
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    added = {}
    for name, run in COMMANDS.items():
        told = getdoc(run) or ""
        command = added[name] = subparsers.add_parser(
            name, help=told.partition("\n")[0], description=told, **_MANNERS
        )
        command.set_defaults(run=run, command=command)
        if name != "version":
            _take_settings(command)

    add = added["serve"].add_argument
    add("--host", help="the address to listen on")
    add("--port", type=int, help="the port to listen on; 0 takes a free one and prints it")
    add("--workers", type=int, help="processes that answer requests; default: one a core")
    add("--check", action="store_true", help="make nothing: are the settings usable?")
    add = added["migrate"].add_argument
    add("--sql", action="store_true", help="only print the SQL of all migrations")
    add("--check", action="store_true", help="only look: exit code 1 when the schema is behind")
    add = added["token"].add_argument
    add("user", help="the user's id: any name, such as alice")
    add("--ttl", type=_seconds, default=3600, help="for how many seconds it is good; default: 3600")
    add = added["doctor"].add_argument
    add("--token", help="also tell why this token is refused; - reads it from standard input")
    for name in ("deny", "allow"):
        add = added[name].add_argument
        add("kind", choices=("user", "key"), help="a user, or a key")
        add("name", help="the user's id (the token's sub), or the key's kid")
    help_ = "of a user, UTC: tokens issued from then on are good; default: now"
    added["deny"].add_argument("--issued-before", type=_moment, metavar="TIME", help=help_)
    help_ = "a file that isn't there yet, or a folder"
    added["backup"].add_argument("target", type=Path, help=help_)
    added["restore"].add_argument("source", type=Path, help="what `taskwell backup` has made")
    added["new-epoch"].add_argument("--yes", action="store_true", help="do it")
    return parser


# For a parser and its parts.
_MANNERS: dict[str, Any] = {
    "formatter_class": argparse.RawDescriptionHelpFormatter,
    "allow_abbrev": False,
}


def _take_settings(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data",
        type=Path,
        help="the folder for the private database and the development issuer's key",
    )
    command.add_argument(
        "--env-file",
        type=Path,
        help="a file with settings, such as DATABASE_URL=...; default: TASKWELL_ENV_FILE, or .env "
        "in this folder, if any",
    )


def _seconds(text: str) -> int:
    seconds = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= seconds <= LONGEST_TTL:
        raise argparse.ArgumentTypeError(f"must be from 1 to {LONGEST_TTL} seconds")
    return seconds


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        # Up to the whole second, as tokens have it.
        return moment + timedelta(microseconds=-moment.microsecond % 1_000_000)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("must be a time such as 2026-01-31T12:00:00") from None


def app() -> None:
    try:
        try:
            status = _run()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
        # Whoever reads has read enough.
        _let_go_of_output()
        sys.exit(1)
    except OSError as error:
        if error.filename is None and error.errno != errno.ENOSPC:
            # Nothing that a user could do something about.
            raise
        _let_go_of_output()
        where = f": {error.filename}" if error.filename else ""
        sys.stderr.write(f"The system refuses it ({error.strerror}{where}).\n")
        sys.exit(1)
    except StartRefused as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2 if isinstance(error, SettingsInvalid) else 1)
    sys.exit(status)


def _run() -> int | None:
    parser = _parser()
    said, unknown = parser.parse_known_args()
    if unknown:
        # By the command, whose usage is what helps.
        getattr(said, "command", parser).error(f"unrecognized arguments: {' '.join(unknown)}")
    if "run" not in said:
        parser.print_help()
        sys.exit(2)
    status: int | None = said.run(said)
    return status


def _let_go_of_output() -> None:
    """What is left of it must not be written at the exit either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
