"""The comparison from the first installation to the last figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from comparison import bars, figures, forms, pgbench, starting
from comparison.contender import Contender, Operation, Scale, Unavailable
from comparison.drawing import WORKS, Work
from comparison.forms import Form
from comparison.record import Record
from comparison.rounds import Entrant, Rounds
from comparison.scenarios import HUNDRED, USERS, Scene, Scenes
from comparison.serving import NotServed
from comparison.taskwell import Taskwell

Tell = Callable[[str], None]
Makers = Mapping[str, Callable[[], Contender]]


class Comparison:
    def __init__(self, home: Path, form: Form, workers: int, record: Record, tell: Tell) -> None:
        self._home = home
        self._form = form
        self._workers = workers
        self._record = record
        self._tell = tell

    def prepare(self, makers: Makers) -> list[Contender]:
        """Installed and filled; a peer that this machine can't run is left out."""
        ready = []
        for maker in makers.values():
            contender = maker()
            try:
                self._tell(f"{contender.name}: installing and filling, unless that has been done")
                contender.install(self._home)
                contender.seed(self._home, forms.EVERYBODY)
            except (Unavailable, NotServed) as reason:
                if contender.name == figures.SUBJECT:
                    raise
                self._record.left_out[contender.name] = str(reason)
                self._tell(f"{contender.name} is left out: {reason}")
            else:
                self._record.versions[contender.name] = contender.versions(self._home)
                ready.append(contender)
        return ready

    def rounds(self, contenders: Sequence[Contender], works: Sequence[Work]) -> None:
        with ExitStack() as running:
            entrants = [
                running.enter_context(self._running(contender.name, contender, forms.EVERYBODY))
                for contender in contenders
            ]
            self._tell("all are up")
            rounds = Rounds(self._home, self._form.rounds, self._tell)
            self._record.rounds += rounds.measure(entrants, works)

    def scenes(self, contenders: Sequence[Contender]) -> None:
        """Each alone on the machine."""
        for contender in contenders:
            is_subject = contender.name == figures.SUBJECT
            if is_subject or self._form.peers:
                for _ in range(self._form.repeats):
                    self._scenes_of(contender, "/health" if is_subject else None)

    def _scenes_of(self, contender: Contender, health: str | None) -> None:
        """Started afresh where the scene before has left errors behind."""
        waiting = list(self._plays())
        while waiting:
            with self._running(contender.name, contender, forms.EVERYBODY) as entrant:
                scenes, failed = Scenes(self._home, entrant, health), 0
                while waiting and not failed:
                    scene = waiting.pop(0)(scenes)
                    failed = scene.failed
                    self._add(scene)

    def _add(self, scene: Scene) -> None:
        self._record.scenes.append(scene)
        self._tell(
            f"{scene.name}: {scene.contender} p95 {scene.percentile('all', 95):.1f} ms, "
            f"at most {scene.most_memory:.0f} MB, {scene.failed} errors"
        )

    def _plays(self) -> Iterator[Callable[[Scenes], Scene]]:
        paced, closed = self._form.paced, self._form.closed
        yield lambda scenes: scenes.paced(bars.PACED, USERS, 1, paced)
        yield lambda scenes: scenes.closed(bars.HUNDRED, HUNDRED, closed)
        yield lambda scenes: scenes.paced(bars.HUNDRED_PACED, HUNDRED, 10, closed)
        yield lambda scenes: scenes.closed_by_wrk(bars.CLOSED, USERS, closed)

    def starts(self) -> None:
        kinds = {
            bars.RESTARTED: starting.own_database_restarts,
            bars.ALREADY_THERE: starting.database_runs,
        }
        for kind, start in kinds.items():
            seconds = start(self._home, forms.EVERYBODY, self._workers, self._form.starts)
            self._record.starts[kind] = seconds
            self._tell(f"start, {kind}: {', '.join(f'{one:.2f} s' for one in seconds)}")

    def ceiling(self) -> None:
        for _ in range(self._form.repeats):
            found = pgbench.ceiling(self._home, forms.EVERYBODY, round(self._form.rounds.seconds))
            for operation, one in found.items():
                self._record.ceiling.setdefault(operation, []).append(one)
                self._tell(f"pgbench, {operation}: {one.database:,.0f} µs of CPU each")

    def growth(self) -> None:
        if self._form.growth is None:
            return
        rounds = Rounds(self._home, self._form.growth, self._tell)
        pages = [work for work in WORKS if Operation.PAGE in work.parts]
        others = [work for work in WORKS if work not in pages]
        for few, works in ((forms.FEW, others), (forms.FEW_WITH_PAGES, pages)):
            with ExitStack() as running:
                entrants = []
                for name, scale in ((figures.FEW_TASKS, few), (figures.MANY_TASKS, forms.MANY)):
                    contender = Taskwell()
                    self._tell(f"{contender.name}: filling {name}, unless that has been done")
                    contender.seed(self._home, scale)
                    entrants.append(running.enter_context(self._running(name, contender, scale)))
                    contender.warm()
                self._record.growth += rounds.measure(entrants, works)

    @contextmanager
    def _running(self, name: str, contender: Contender, scale: Scale) -> Iterator[Entrant]:
        try:
            running = contender.start(self._home, scale, self._workers)
            yield Entrant(name, contender, running, scale)
        finally:
            contender.stop()
