"""What Prometheus reads, read with Prometheus's own parser."""

from __future__ import annotations

import bisect
import random
from functools import partial
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from taskwell.measures.exposition import expose
from taskwell.measures.layout import BUCKETS, HELP, METHODS, Layout
from taskwell.measures.meter import Meter

LAYOUT = Layout([("GET", "/tasks"), ("POST", "/tasks"), ("GET", "/tasks/{task_id}")], [200, 404])


def read(*rows: tuple[memoryview, bool]) -> dict[str, Any]:
    page = expose(LAYOUT, rows, "1.2.3")
    assert page.endswith("\n")
    return {family.name: family for family in text_string_to_metric_families(page)}


def value(families: dict[str, Any], sample: str, **labels: str) -> float:
    (found,) = (
        each.value
        for family in families.values()
        for each in family.samples
        if each.name == sample and each.labels == labels
    )
    return float(found)


@pytest.fixture
def meter() -> Meter:
    return Meter(LAYOUT)


def test_every_family_is_there_with_its_help_and_its_kind(meter: Meter) -> None:
    meter.count("GET", "/tasks", 200, 0.01)
    families = read((meter.row, True))
    # The parser takes the ending of a counter off.
    assert {name.removesuffix("_total") for name in HELP} == families.keys()
    for name, family in families.items():
        assert family.documentation == (HELP.get(name) or HELP[f"{name}_total"])
        assert family.samples
    assert families["taskwell_requests"].type == "counter"
    assert families["taskwell_request_duration_seconds"].type == "histogram"
    assert families["taskwell_streams"].type == "gauge"


def test_requests_are_counted_by_method_route_and_status(meter: Meter) -> None:
    for _ in range(3):
        meter.count("GET", "/tasks", 200, 0.0)
    meter.count("GET", "/tasks", 404, 0.0)
    meter.count("POST", "/tasks", 200, 0.0)
    families = read((meter.row, True))
    counted = {
        (each.labels["method"], each.labels["route"], each.labels["status"]): each.value
        for each in families["taskwell_requests"].samples
    }
    assert counted == {
        ("GET", "/tasks", "200"): 3,
        ("GET", "/tasks", "404"): 1,
        ("POST", "/tasks", "200"): 1,
    }


def test_what_is_not_known_is_counted_without_its_name(meter: Meter) -> None:
    """No client can make up a label."""
    meter.count("GET", None, 404, 0.0)
    meter.count("GET", "/made/up", 404, 0.0)
    meter.count("BREW", "/tasks", 200, 0.0)
    meter.count("GET", "/tasks", 299, 0.0)
    meter.count("GET", "/tasks", 0, 0.0)
    families = read((meter.row, True))
    assert value(families, "taskwell_requests_total", method="GET", route="", status="404") == 2
    assert value(families, "taskwell_requests_total", method="other", route="", status="200") == 1
    told = {
        (each.labels["route"], each.labels["status"])
        for each in families["taskwell_requests"].samples
    }
    assert told == {("", "404"), ("", "200"), ("/tasks", "other"), ("/tasks", "0")}


def test_the_histogram_is_exact(meter: Meter) -> None:
    chance = random.Random(3)
    durations = [chance.expovariate(10) for _ in range(1000)] + list(BUCKETS) + [11.0, 0.0]
    for seconds in durations:
        meter.count("GET", "/tasks", 200, seconds)
    families = read((meter.row, True))
    name = "taskwell_request_duration_seconds"
    labels = {"method": "GET", "route": "/tasks"}
    durations.sort()
    for bound in BUCKETS:
        expected = bisect.bisect_right(durations, bound)
        assert value(families, f"{name}_bucket", **labels, le=str(bound)) == expected
    assert value(families, f"{name}_bucket", **labels, le="+Inf") == len(durations)
    assert value(families, f"{name}_count", **labels) == len(durations)
    assert value(families, f"{name}_sum", **labels) == pytest.approx(sum(durations), abs=0.01)


def test_several_processes_are_added_up_and_the_dead_have_nothing_open() -> None:
    meters = [Meter(LAYOUT) for _ in range(3)]
    for number, meter in enumerate(meters, start=1):
        meter.count("GET", "/tasks", 200, 0.5)
        meter.watch("taskwell_streams", partial(int, number))
        meter.watch("taskwell_revisions_total", partial(int, 10 * number))
        meter.watch("taskwell_keys_read_timestamp_seconds", partial(int, 1000 - number))
        meter.publish()
    families = read(*zip([meter.row for meter in meters], [True, True, False], strict=True))
    labels = {"method": "GET", "route": "/tasks", "status": "200"}
    assert value(families, "taskwell_requests_total", **labels) == 3
    assert value(families, "taskwell_revisions_total") == 60
    assert value(families, "taskwell_streams") == 3
    assert value(families, "taskwell_keys_read_timestamp_seconds") == 998
    assert value(families, "taskwell_workers") == 2
    assert value(families, "taskwell_info", version="1.2.3") == 1


def test_one_row_goes_on_where_another_process_ended() -> None:
    first, second = Meter(LAYOUT), Meter(LAYOUT)
    first.watch("taskwell_revisions_total", lambda: 7)
    first.watch("taskwell_streams", lambda: 4)
    first.count("GET", "/tasks", 200, 0.1)
    first.publish()
    second.watch("taskwell_revisions_total", lambda: 2)
    second.watch("taskwell_streams", lambda: 0)
    second.move_to(first.row)
    second.count("GET", "/tasks", 200, 0.1)
    families = read((first.row, True))
    assert value(families, "taskwell_revisions_total") == 9
    assert value(families, "taskwell_streams") == 0
    labels = {"method": "GET", "route": "/tasks", "status": "200"}
    assert value(families, "taskwell_requests_total", **labels) == 2


def test_every_method_has_a_place_without_a_route() -> None:
    assert {method for method, route in LAYOUT.operations if route == ""} == set(METHODS)
