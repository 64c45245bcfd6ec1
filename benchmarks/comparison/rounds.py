"""What a request costs: contenders take turns, round after round, one work after the other.

All of them are up from the beginning to the end, and idle while another one is measured: so their
caches and compilers stay warm, and an idle one costs next to nothing (`disturbance` says how much).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from comparison.contender import Contender, Operation, Running, Scale
from comparison.drawing import GREETING, WORKS, Work, active_users, draw
from comparison.load import Outcome, Quantiles, ask, closed_loop, write_requests
from comparison.memory import memory
from comparison.processes import Clocks, Spent

CONNECTIONS = 32
SAMPLES = 5
# Of each user, so that hardly any of a few workers is left out.
GREETINGS = 8
# At a time.
GREETING_SECONDS = 2
# Requests a second, until a rate has been seen.
FIRST_GUESS = 6_000
FIRST_GUESS_OF_BATCHES = 1_000
# So much more than what the rate lets expect, so that no request is sent twice.
RESERVE = 1.6


class Wrong(Exception):
    """A contender did not do the work that it was asked for."""


@dataclass(slots=True)
class Entrant:
    """A contender that runs."""

    name: str
    contender: Contender
    running: Running
    scale: Scale
    # Requests a second, as last seen.
    rates: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measurement:
    round: int
    work: str
    contender: str
    requests: int
    sent: int
    seconds: float
    errors: dict[str, int]
    repeated: bool
    quantiles: Quantiles
    bytes: float
    # CPU time of one request, in microseconds.
    service_us: float
    database_us: float
    total_us: float
    # Megabytes of the service afterwards.
    memory: float
    # CPU time of everything else that ran meanwhile, in cores.
    disturbance: float
    # CPU time that other machines took from this one, in cores.
    stolen: float


@dataclass(frozen=True, slots=True)
class Plan:
    rounds: int
    seconds: float
    warm_up: float
    # Before each measurement, or before the first of its kind only.
    always_warm_up: bool
    # Who ask, of all who have data.
    users: int


class Rounds:
    def __init__(self, folder: Path, plan: Plan, tell: Callable[[str], None]) -> None:
        self._requests = folder / "requests"
        self._plan = plan
        self._tell = tell

    def measure(
        self, entrants: Sequence[Entrant], works: Iterable[Work] = WORKS
    ) -> list[Measurement]:
        """First all rounds of what only reads, then those of what writes."""
        found = []
        wanted = list(works)
        for entrant in entrants:
            self._acquaint(entrant)
        for writes in (False, True):
            for turn in range(1, self._plan.rounds + 1):
                for work in wanted:
                    if work.writes is writes:
                        found += [
                            self._one(entrant, work, turn)
                            for entrant in entrants
                            if work.is_for(entrant.contender)
                        ]
        return found

    def _acquaint(self, entrant: Entrant) -> None:
        """A token is verified when it is first seen and good for 15 minutes and hundreds of
        requests: so every worker has seen every token before anything is measured."""
        users = active_users(entrant.scale, self._plan.users)
        many = len(users) * GREETINGS
        port = entrant.running.port
        waiting = list(draw(entrant.contender, port, GREETING, entrant.scale, many, "", users))
        while waiting:
            many = write_requests(self._requests, waiting)
            outcome = closed_loop(port, self._requests, many, CONNECTIONS, GREETING_SECONDS)
            waiting = waiting[max(1, outcome.sent) :]
        self._tell(f"{entrant.name} has seen the tokens of {len(users):,} users")

    def _one(self, entrant: Entrant, work: Work, turn: int) -> Measurement:
        if turn == 1:
            self._check(entrant, work)
        if turn == 1 or self._plan.always_warm_up:
            many = self._write(entrant, work, f"warm-up {turn}", self._plan.warm_up)
            self._load(entrant, work, many, self._plan.warm_up)
        outcome, spent = self._run(entrant, work, str(turn))
        if outcome.repeated:
            # It was quicker than ever: now it is known how quick it can be.
            outcome, spent = self._run(entrant, work, f"{turn} again")
        sent = max(1, outcome.sent)
        measured = Measurement(
            round=turn,
            work=work.name,
            contender=entrant.name,
            requests=outcome.requests,
            sent=outcome.sent,
            seconds=outcome.seconds,
            errors=outcome.errors,
            repeated=outcome.repeated,
            quantiles=outcome.quantiles,
            bytes=round(outcome.bytes, 1),
            service_us=round(spent.service / sent * 1e6, 1),
            database_us=round(spent.database / sent * 1e6, 1),
            total_us=round((spent.service + spent.database) / sent * 1e6, 1),
            memory=round(memory(entrant.running).alone, 1),
            disturbance=round(spent.elsewhere / outcome.seconds, 3),
            stolen=round(spent.stolen / outcome.seconds, 3),
        )
        self._tell_of(measured, outcome)
        return measured

    def _run(self, entrant: Entrant, work: Work, seed: str) -> tuple[Outcome, Spent]:
        many = self._write(entrant, work, seed, self._plan.seconds)
        before = Clocks(entrant.running)
        outcome = self._load(entrant, work, many, self._plan.seconds)
        return outcome, Clocks(entrant.running).since(before)

    def _write(self, entrant: Entrant, work: Work, seed: str, seconds: float) -> int:
        is_batch = Operation.SYNC_CHANGES in work.parts
        guess = FIRST_GUESS_OF_BATCHES if is_batch else FIRST_GUESS
        rate = entrant.rates.get(work.name, guess)
        many = ceil(rate * seconds * RESERVE) + CONNECTIONS
        users = active_users(entrant.scale, self._plan.users)
        port = entrant.running.port
        drawn = draw(entrant.contender, port, work, entrant.scale, many, seed, users)
        return write_requests(self._requests, drawn)

    def _load(self, entrant: Entrant, work: Work, many: int, seconds: float) -> Outcome:
        outcome = closed_loop(entrant.running.port, self._requests, many, CONNECTIONS, seconds)
        entrant.rates[work.name] = outcome.rate
        return outcome

    def _check(self, entrant: Entrant, work: Work) -> None:
        port = entrant.running.port
        wanted = (304,) if Operation.POLL in work.parts else (200, 201)
        for _, request in draw(entrant.contender, port, work, entrant.scale, SAMPLES, "check"):
            status, answer = ask(port, request)
            if status not in wanted:
                told = answer.decode(errors="replace")[:2000]
                raise Wrong(f"{entrant.name} answers {work.name!r} with {status}:\n{told}")

    def _tell_of(self, measured: Measurement, outcome: Outcome) -> None:
        failed = f", {outcome.failed} ERRORS" if outcome.failed else ""
        self._tell(
            f"round {measured.round} of {self._plan.rounds}, {measured.work}: {measured.contender} "
            f"{outcome.rate:,.0f} requests/s, {measured.total_us:,.0f} µs of CPU each{failed}"
        )
