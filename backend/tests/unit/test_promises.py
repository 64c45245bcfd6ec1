"""What the documents say of tests and of log lines is there."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

import taskwell
from documents import ROOT, blocks, code, rows, section

SECURITY = ROOT / "docs" / "security.md"
OPERATIONS = ROOT / "docs" / "operations.md"
TESTS = ROOT / "backend" / "tests"
SOURCE = Path(taskwell.__file__).parent

LEVELS = {"debug", "info", "warning", "error", "exception", "log"}
# How the documents write what a message fills in.
FILLED_IN = {"%d": "N", "%s": "…"}


def promises() -> list[tuple[str, list[str]]]:
    return [(cells[0], code(cells[-1])) for cells in rows(section(SECURITY, "How it is tested"))]


@pytest.mark.parametrize(("promise", "files"), promises(), ids=lambda value: str(value)[:12])
def test_each_promise_of_security_names_tests_that_exist(promise: str, files: list[str]) -> None:
    assert files, promise
    for name in files:
        assert (
            "\ndef test_" in (TESTS / name).read_text()
            or "\n    def test_" in (TESTS / name).read_text()
        ), name


def test_all_of_owasp_s_ten_are_there() -> None:
    first_words = [promise.split(" ")[0] for promise, _ in promises()]
    assert first_words[:10] == [f"API{number}" for number in range(1, 11)]


def logged() -> set[str]:
    """The messages of all calls of a logger, as the documents would write them."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _logs(node.func):
                found |= {_written(text) for text in _texts(node)}
    assert {"request", "reloaded", "N requests were cut off at the end"} <= found
    return found


def _logs(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr in LEVELS
        and isinstance(function.value, ast.Name)
        and function.value.id == "logger"
    )


def _texts(call: ast.Call) -> list[str]:
    return [
        argument.value
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]


def _written(text: str) -> str:
    for mark, word in FILLED_IN.items():
        text = text.replace(mark, word)
    return text


def told_of() -> list[str]:
    """The first column of the tables of messages, and what the examples show."""
    part = section(OPERATIONS, "Logs")
    _, _, table = part.partition("| `message` | means | do |")
    messages = re.findall(r"^\| (`+)(.+?)\1 \|", table, re.MULTILINE)
    lines = [line for block in blocks(part) for line in block.text.splitlines()]
    return [message for _, message in messages] + [json.loads(line)["message"] for line in lines]


@pytest.mark.parametrize("message", sorted(set(told_of())))
def test_each_log_line_of_the_documents_is_in_the_source(message: str) -> None:
    assert message in logged()


def test_the_documents_tell_of_enough() -> None:
    """Of all that is an error, since each of them asks something of whoever reads it."""
    loud = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and _logs(node.func)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("error", "exception")
            ):
                loud |= {_written(text) for text in _texts(node)}
    assert loud <= set(told_of())
