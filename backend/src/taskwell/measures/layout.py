"""What is measured, and where in a row of numbers each measure has its place.

Every process has a row of the same layout, so that rows can be added up. Labels come from the
routes, and never from a request: no client can make the rows longer.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

REQUESTS = "taskwell_requests_total"
DURATIONS = "taskwell_request_duration_seconds"
WORKERS = "taskwell_workers"
INFO = "taskwell_info"

HELP = {
    REQUESTS: "Requests that were answered; status 0 where nobody was left to answer.",
    DURATIONS: "From the head of a request to the end of its answer.",
    WORKERS: "Processes that answer requests.",
    INFO: "Always 1; the label has the version.",
    "taskwell_requests_running": "Requests at work.",
    "taskwell_requests_waiting": "Requests that wait for their turn.",
    "taskwell_limits_met_total": "Requests that were refused for a limit of a user or an address.",
    "taskwell_pool_connections": "Open connections to the database.",
    "taskwell_pool_connections_limit": "The most connections there may be.",
    "taskwell_pool_waiting": "Requests that wait for a connection.",
    "taskwell_streams": "Open streams of events.",
    "taskwell_revisions_total": "Changes of tasks that were written.",
    "taskwell_keys_read_timestamp_seconds": "When the oldest key set in use was read.",
    "taskwell_key_reads_total": "Times that the issuer's keys were read.",
    "taskwell_worker_deaths_total": "Workers that ended unasked and were replaced.",
}

# The usual bounds, in seconds, down to where most answers are.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

OTHER = "other"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", OTHER)


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of its own. Gauges of several processes are added up, times compared."""

    name: str
    kind: Literal["counter", "gauge", "time"]
    labels: tuple[tuple[str, str], ...] = ()


MEASURES = (
    Measure("taskwell_requests_running", "gauge"),
    Measure("taskwell_requests_waiting", "gauge"),
    Measure("taskwell_limits_met_total", "counter", (("limit", "user"),)),
    Measure("taskwell_limits_met_total", "counter", (("limit", "address"),)),
    Measure("taskwell_limits_met_total", "counter", (("limit", "at-once"),)),
    Measure("taskwell_pool_connections", "gauge", (("state", "busy"),)),
    Measure("taskwell_pool_connections", "gauge", (("state", "idle"),)),
    Measure("taskwell_pool_connections_limit", "gauge"),
    Measure("taskwell_pool_waiting", "gauge"),
    Measure("taskwell_streams", "gauge"),
    Measure("taskwell_revisions_total", "counter"),
    Measure("taskwell_keys_read_timestamp_seconds", "time"),
    Measure("taskwell_key_reads_total", "counter", (("outcome", "ok"),)),
    Measure("taskwell_key_reads_total", "counter", (("outcome", "failed"),)),
    Measure("taskwell_worker_deaths_total", "counter"),
)


class Layout:
    """First the single measures, then a block for each method and route: how often each status
    was answered, how many requests took up to each bound, and for how many microseconds in all."""

    def __init__(self, operations: Iterable[tuple[str, str]], statuses: Iterable[int]) -> None:
        self.operations = (*sorted(set(operations)), *((method, "") for method in METHODS))
        self.statuses = tuple(sorted({0, *statuses}))
        self.first_bucket = len(self.statuses) + 1
        self.sum = self.first_bucket + len(BUCKETS) + 1
        self._block = self.sum + 1
        self.width = len(MEASURES) + len(self.operations) * self._block
        # Another version may count other things: its numbers must not be taken for ours.
        told = repr((MEASURES, self.operations, self.statuses, BUCKETS))
        self.fingerprint = zlib.crc32(told.encode()) or 1

    def block(self, number: int) -> int:
        return len(MEASURES) + number * self._block
