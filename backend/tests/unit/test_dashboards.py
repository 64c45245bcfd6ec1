"""What is drawn and alerted on is what is measured, and all that is measured is drawn."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from documents import ROOT, section
from taskwell.measures.layout import DURATIONS, HELP, MEASURES

DASHBOARD = ROOT / "deploy" / "grafana-dashboard.json"
ALERTS = ROOT / "deploy" / "prometheus-alerts.yml"
OPERATIONS = ROOT / "docs" / "operations.md"
NAME = re.compile(r"\btaskwell_\w+")
LABEL = re.compile(r'(\w+)(?:=~|!~|!=|=)"')

SERVED = (HELP.keys() - {DURATIONS}) | {f"{DURATIONS}_{end}" for end in ("bucket", "sum", "count")}
LABELS = {"method", "route", "status", "le", "version", "job", "instance"} | {
    name for measure in MEASURES for name, _ in measure.labels
}


def dashboard() -> list[str]:
    told: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return [target["expr"] for panel in told["panels"] for target in panel["targets"]]


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


EXPRESSIONS = [*dashboard(), *(rule["expr"] for rule in rules())]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_each_name_is_served(expression: str) -> None:
    assert set(NAME.findall(expression)) <= SERVED
    assert set(LABEL.findall(expression)) <= LABELS
    assert expression.count("(") == expression.count(")")
    assert expression.count("{") == expression.count("}")


def test_everything_that_is_measured_is_on_the_dashboard() -> None:
    drawn = set(NAME.findall(" ".join(dashboard())))
    assert {name.removesuffix("_bucket") for name in drawn} == set(HELP)


def test_each_alert_says_how_urgent_it_is_and_what_it_means() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names) > 5
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "warn")
        assert rule["annotations"]["summary"].endswith(".")


def test_writes_that_wait_raise_the_alert_while_connections_are_left_for_reads() -> None:
    (expression,) = (rule["expr"] for rule in rules() if rule["alert"] == "TaskwellPoolIsExhausted")
    assert set(NAME.findall(expression)) == {"taskwell_pool_waiting"}


@pytest.mark.parametrize("path", [DASHBOARD, ALERTS], ids=lambda path: path.name)
def test_both_files_are_named_in_the_documents(path: Path) -> None:
    assert f"deploy/{path.name}" in section(OPERATIONS, "Metrics")


@pytest.mark.parametrize("name", HELP)
def test_each_measure_is_explained(name: str) -> None:
    assert f"`{name}`" in section(OPERATIONS, "Metrics")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_each_alert_is_explained(rule: dict[str, Any]) -> None:
    assert f"`{rule['alert']}`" in section(OPERATIONS, "Metrics")
