"""Where the measures come from: each part is asked what it knows of itself."""

from __future__ import annotations

from collections.abc import Iterable

from taskwell.api.admission import Admission
from taskwell.auth.gate import Gate
from taskwell.database.pool import Database
from taskwell.measures.layout import Layout
from taskwell.measures.meter import Meter
from taskwell.measures.revisions import WRITTEN
from taskwell.services.live import Live


def build_meter(
    operations: Iterable[tuple[str, str]],
    statuses: Iterable[int],
    *,
    database: Database,
    gate: Gate,
    live: Live,
    admission: Admission,
) -> Meter:
    meter = Meter(Layout(operations, statuses))
    pool, met, keys = database.connections, admission.met, gate.keyring
    meter.watch("taskwell_pool_connections", lambda: pool().busy, state="busy")
    meter.watch("taskwell_pool_connections", lambda: pool().idle, state="idle")
    meter.watch("taskwell_pool_connections_limit", lambda: pool().limit)
    meter.watch("taskwell_pool_waiting", lambda: pool().waiting)
    meter.watch("taskwell_streams", lambda: live.open_streams)
    meter.watch("taskwell_revisions_total", lambda: WRITTEN.total)
    meter.watch("taskwell_keys_read_timestamp_seconds", lambda: keys.read_at)
    meter.watch("taskwell_key_reads_total", lambda: keys.reads, outcome="ok")
    meter.watch("taskwell_key_reads_total", lambda: keys.failed_reads, outcome="failed")
    meter.watch("taskwell_limits_met_total", lambda: met["user"], limit="user")
    meter.watch("taskwell_limits_met_total", lambda: met["address"], limit="address")
    meter.watch("taskwell_limits_met_total", lambda: met["at-once"], limit="at-once")
    return meter
