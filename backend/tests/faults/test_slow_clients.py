"""A thousand clients that take their time: they are let go, and nobody else waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import cycle, islice

import pytest

from contract.wire import Answer
from end_to_end.processes import await_that
from end_to_end.serving import data_folder, serving
from faults.kept_line import Line
from faults.metrics import ON, Metrics
from faults.proof import Proof
from faults.slow_clients import Crowd, ways
from faults.test_hang_up import files_of_clients, fill, head
from faults.watch import watched
from taskwell.auth.gate import development_issuer
from taskwell.configuring import load_settings

CLOSED_WITHIN = 10.0
# On a machine that does other things as well.
GENEROUS = 2.0
# Of somebody who is served beside them.
MOST_SECONDS = 0.5
PATIENCE = 60.0
A_WHILE = 0.5
# With what is being answered, and what nobody takes of it: that is bounded, not nothing.
MOST_MEGABYTES = 160.0


class Bystander:
    """Asks without a pause, on one connection."""

    def __init__(self, address: tuple[str, int], token: str) -> None:
        self._line = Line(address)
        self._request = head("GET", "/tasks?limit=10", token)
        self.seconds: list[float] = []
        # Who connects and then says nothing for long is let go, too.
        self._line.ask(self._request)

    def ask_until(self, condition: Callable[[], bool]) -> None:
        with self._line:
            while not condition():
                for _ in range(10):
                    began = time.perf_counter()
                    answer: Answer = self._line.ask(self._request)
                    self.seconds.append(time.perf_counter() - began)
                    assert answer.status == 200

    @property
    def p95(self) -> float:
        return sorted(self.seconds)[len(self.seconds) * 95 // 100]


class Stalled:
    """Whether no list was answered for a while, after some were."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._before = self._count()
        self._began = self._since = time.monotonic()

    def _count(self) -> float:
        return self._metrics.value("taskwell_requests_total", "GET", "/tasks", "200")

    def is_so(self) -> bool:
        now, count = time.monotonic(), self._count()
        if count != self._before:
            self._before, self._since = count, now
        return self._since > self._began and now - self._since > A_WHILE


@pytest.mark.fault("slow-clients")
def test_who_takes_for_ever_is_let_go(proof: Proof) -> None:
    rounds, many = proof.times(1, full=10), proof.times(104, full=1000)
    with data_folder() as folder, serving(folder, **ON) as service:
        metrics = Metrics(service)
        fill(service)
        issuer = development_issuer(load_settings(data=folder))
        slow = ways(issuer.token("bob"), issuer.token("alice")).values()
        senders = [way for way in slow if way.reads]
        readers = [way for way in slow if not way.reads]
        reading = len(readers) * many // len(slow)
        # The bystander's own connection is open, too.
        before = files_of_clients(service, metrics) + 1
        with watched(proof, service.pid, MOST_MEGABYTES):
            for _ in range(rounds):
                bystander = Bystander(service.address, issuer.token("carol"))
                began = time.monotonic()
                with Crowd(service.address, islice(cycle(readers), reading)):
                    # To answer them is work as any other: it is over when they take no more.
                    await_that(Stalled(metrics).is_so)
                    with Crowd(service.address, islice(cycle(senders), many - reading)) as crowd:

                        def is_over(crowd: Crowd = crowd, began: float = began) -> bool:
                            assert time.monotonic() - began < PATIENCE
                            return crowd.are_told and files_of_clients(service, metrics) <= before

                        bystander.ask_until(is_over)
                proof.most(
                    seconds_until_closed=crowd.longest,
                    seconds_until_nothing_is_left=time.monotonic() - began,
                    p95_beside_them_in_ms=1000 * bystander.p95,
                )
                proof.count(slow_clients=many, answers_beside_them=len(bystander.seconds))
    factor = 1.0 if proof.is_full else GENEROUS
    assert proof.greatest("seconds_until_closed") <= factor * CLOSED_WITHIN
    assert proof.greatest("p95_beside_them_in_ms") <= factor * 1000 * MOST_SECONDS
