"""The faults: what is done to the service, and what must hold meanwhile and afterwards.

A test says which one it tries: `@pytest.mark.fault("kill-service")`. `scripts/prove` runs the tests
of each fault in this order, and the table in docs/reliability.md has a row for each.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    done: str
    holds: str


FAULTS = (
    Fault(
        "kill-service",
        "`kill -9` of a worker, of the parent, of all, under 64 writers",
        "every acknowledged write is there; a retry with its key makes no second one; ready again "
        "within 2 s",
    ),
    Fault(
        "kill-database",
        "`kill -9` of PostgreSQL, a restart, all sessions ended every 100 ms",
        "answers are 2xx or 503 with `Retry-After`; success within 1 s of the database's return; "
        "no connection is left over",
    ),
    Fault(
        "cut-after-commit",
        "the connection cut between a statement's execution and its answer, at every statement of "
        "every operation",
        "the client sees 503 or a closed connection; sent again under its key there is one row",
    ),
    Fault(
        "freeze-database",
        "PostgreSQL stopped (SIGSTOP) for 60 s, then continued",
        "503 within the deadline, `/health/live` 200, memory flat, no storm of connections",
    ),
    Fault(
        "bad-wire",
        "connections to the database that are slow, half open, reset, refused",
        "503 within the deadline, and success once the wire is good",
    ),
    Fault(
        "fail-each-call",
        "each call to the database of each operation made to fail, to hang, to drop",
        "a documented answer, nothing half done",
    ),
    Fault(
        "hang-up",
        "1,000 clients that hang up in the middle of a request",
        "no connection checked out, none idle in a transaction",
    ),
    Fault(
        "slow-clients",
        "1,000 connections that send a byte a second; heads and bodies without end",
        "closed within 10 s, the others do not feel it, memory flat",
    ),
    Fault(
        "stop-under-load",
        "SIGTERM with 256 connections at work, kept open and used again",
        "no failed request but those that met the close of their connection",
    ),
    Fault(
        "rolling-restart",
        "two instances restarted in turn under load",
        "no failed request but those that met the close of their connection",
    ),
    Fault(
        "migrate-while-serving",
        "migrations under a service at work, two migrators, services that are a version behind",
        "no error; one applies; it serves on, or refuses in a clear sentence",
    ),
    Fault(
        "full-disk",
        "the disk under the private database filled up, slowly and at once",
        "writes 503, reads 200, nothing acknowledged lost, recovery without help",
    ),
    Fault(
        "clock",
        "the clock an hour forward and back",
        "order by revision; tokens judged by the leeway alone",
    ),
    Fault(
        "issuer",
        "an issuer that is slow, down, wrong, rotating, under load",
        "known keys go on; 503 where nobody can know; one fetch at a time",
    ),
    Fault(
        "generated-requests",
        "requests made up by schemathesis, hypothesis and atheris",
        "no 5xx, nothing against the description, memory flat",
    ),
    Fault(
        "isolation",
        "ten users, each trying everything with everybody's ids, tags, cursors and keys",
        "nobody sees, changes or learns of anything of another's",
    ),
)

NAMES = frozenset(fault.name for fault in FAULTS)
