"""Something goes wrong at one call to the database, in the middle of one request."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from httpx2 import Response
from pydantic import SecretStr
from starlette.testclient import TestClient

from api_user import ApiUser
from conftest import make_user
from end_to_end.processes import await_that
from faults.acts import ACTS, Act, State, seed, state_of
from faults.line import Line, Mischief
from running import running
from second_connection import SecondConnection
from taskwell.config import Settings
from taskwell.database.pool import USUAL_PATIENCE, Patience

UNAVAILABLE = (503, "database-unavailable")
POOL_SIZE = 1
# A machine that is busy may use up a short patience before that call.
TRIES = 3
# Past every call that a request makes.
NEVER = 1000
IDLE = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'taskwell' AND state LIKE 'idle in transaction%'
"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Point:
    """One call of one request."""

    act: Act
    nth: int
    sql: str

    @property
    def name(self) -> str:
        return f"{self.act.name}: {self.nth}, {' '.join(self.sql.split())[:60]}"


@dataclass(frozen=True, slots=True)
class Course:
    """How a request goes when nothing is wrong."""

    calls: Sequence[str]
    status: int
    before: State
    after: State


@dataclass(frozen=True, slots=True)
class Outcome:
    answer: Response
    seconds: float
    state: State
    # Once the same was sent again.
    settled: State | None


class Trials:
    """`through` is an instance of the service whose line is ours, `beside` one that has its own."""

    def __init__(
        self,
        line: Line,
        through: TestClient,
        beside: TestClient,
        settings: Settings,
        sql: SecondConnection,
    ) -> None:
        self._line = line
        self._through = through
        self._beside = beside
        self._settings = settings
        self._sql = sql
        self.courses: dict[str, Course] = {}

    def points(self, acts: Sequence[Act] = ACTS) -> Iterator[Point]:
        """Every call of every operation, counted by letting each run undisturbed."""
        for act in acts:
            self.courses[act.name] = course = self._undisturbed(act)
            for nth, sql in enumerate(course.calls):
                yield Point(act, nth, sql)

    def does_it(self, point: Point) -> bool:
        """The statement that is a whole write, or the COMMIT of several."""
        return point.act.writes and point.nth == len(self.courses[point.act.name].calls) - 1

    def run(self, point: Point, mischief: Mischief, *, again_beside: bool = False) -> Outcome:
        """The same is sent again until it is done: to the same instance, or to another."""
        act = point.act
        for _ in range(TRIES):
            user = self.somebody()
            key = secrets.token_hex(8)
            self._begin_anew(mischief, point.nth)
            began = time.monotonic()
            answer = act.send(user, key)
            seconds = time.monotonic() - began
            if self._line.has_tripped:
                break
        else:
            raise AssertionError(f"{point.name}: the request never came as far as that")
        state = state_of(user, self._sql)
        if not act.can_be_repeated:
            return Outcome(answer, seconds, state, None)
        client = self._beside if again_beside else self._through
        repeated = act.send(ApiUser(client, user.user_id, user.token), key)
        # What is deleted already is not there to be deleted.
        is_gone = act.operation.method == "DELETE" and repeated.status_code == 404
        assert repeated.status_code < 300 or is_gone, f"{point.name}: {repeated.text}"
        return Outcome(answer, seconds, state, state_of(user, self._sql))

    def expect_served(self) -> None:
        """A write sooner or later: a disk may be slower than those who wait for it are patient."""
        user = self.somebody()
        assert user.get("/tasks").status_code == 200
        await_that(lambda: user.post("/tasks", {"text": "a"}).status_code == 201)

    def expect_nothing_left(self) -> None:
        """Of all connections there are only those of the pool, and none is in the middle."""
        await_that(lambda: self._line.open_connections <= POOL_SIZE)
        await_that(lambda: self._sql.value(IDLE) == 0)

    def _undisturbed(self, act: Act) -> Course:
        user = self.somebody()
        before = state_of(user, self._sql)
        self._begin_anew(_never, NEVER)
        answer = act.send(user, secrets.token_hex(8))
        assert answer.status_code < 300, answer.text
        return Course(list(self._line.seen), answer.status_code, before, state_of(user, self._sql))

    def somebody(self) -> ApiUser:
        """Who has tasks already, and asks the instance whose line is ours."""
        user = make_user(self._beside, self._settings, "trial")
        seed(user)
        return ApiUser(self._through, user.user_id, user.token)

    def _begin_anew(self, mischief: Mischief, nth: int) -> None:
        """All statements are to be prepared again, so that there are all the calls that can be."""
        self._line.cut_until_none_is_open()
        self._line.trip(mischief, nth)


def _never(*_: object) -> None:
    raise AssertionError("there are not that many calls")


@contextmanager
def trials_on(
    line: Line,
    beside: TestClient,
    settings: Settings,
    sql: SecondConnection,
    patience: Patience = USUAL_PATIENCE,
) -> Iterator[Trials]:
    direct = {
        "database_url": SecretStr(line.url),
        "prepared_statements": True,
        "pool_size": POOL_SIZE,
    }
    with running(settings, patience, **direct) as through:
        # Word of writes for other processes has tests of its own.
        through.app.state.live.end_all()  # type: ignore[attr-defined]  # it is FastAPI's
        yield Trials(line, through, beside, settings, sql)


def expect_all_or_nothing(trials: Trials, point: Point, outcome: Outcome) -> None:
    course = trials.courses[point.act.name]
    answer = outcome.answer
    if answer.status_code < 300:
        assert answer.status_code == course.status, point.name
        assert outcome.state == course.after, f"{point.name}: told as done, and was not"
    else:
        assert (answer.status_code, answer.json()["code"]) == UNAVAILABLE, point.name
        assert answer.headers["retry-after"] == "1"
        assert outcome.state in (course.before, course.after), f"{point.name}: half done"
    assert outcome.settled in (None, course.after), f"{point.name}: not once"


def spread(every: Sequence[T], many: int) -> Sequence[T]:
    """So many of them, from all over; each time the same ones."""
    return Random(many).sample(every, min(many, len(every)))
