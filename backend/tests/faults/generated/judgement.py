"""What has to be true of each answer, whatever was asked."""

from __future__ import annotations

import json
import re
from typing import Any

from contract.conformance import check, flaws
from contract.wire import Answer
from faults.generated.asked import REQUEST_ID, Asked
from faults.generated.values import CANARY

# Said before anybody knows which operation is meant.
OF_THE_PROTOCOL = frozenset({400, 404, 405, 408, 413, 414, 431})
_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_INSIDE = re.compile(rb"Traceback|\.py\b|asyncpg|SELECT |INSERT |UPDATE |sqlstate|site-packages")


def judge(asked: Asked, answer: Answer) -> None:
    """Fails with the request as it was sent, and the answer as it came."""
    try:
        _judge(asked, answer)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{asked.raw[:3000]!r}\n{answer}") from None


def _judge(asked: Asked, answer: Answer) -> None:
    assert answer.status < 500, "the service says that it has a defect"
    request_id = answer.header("x-request-id")
    assert request_id is not None, "it has no request id"
    assert REQUEST_ID.fullmatch(request_id), "its request id could forge something"
    is_refused_early = answer.header("connection") == "close" and answer.status in OF_THE_PROTOCOL
    if asked.request_id is not None and not is_refused_early:
        assert request_id == asked.request_id, "its request id is another one"
    assert answer.header("x-content-type-options") == "nosniff", "it may be sniffed at"
    if answer.status >= 400:
        _judge_problem(asked, answer, request_id)
    operation = asked.operation
    if operation is None:
        assert answer.status >= 400 or asked.method == "OPTIONS", "there is no such operation"
    elif answer.status in operation.statuses or answer.status not in OF_THE_PROTOCOL:
        check(operation, asked.method, answer.status, answer.headers, answer.body)


def _judge_problem(asked: Asked, answer: Answer, request_id: str) -> None:
    assert answer.header("content-type") == "application/problem+json", "it is no problem"
    assert answer.header("cache-control") == "no-store", "it may be kept"
    if asked.to_head:
        return
    problem: dict[str, Any] = json.loads(answer.body)
    assert flaws(_PROBLEM, problem) == [], "it is no problem as it is described"
    assert (problem["status"], problem["request_id"]) == (answer.status, request_id)
    # The task as it is now is the client's own.
    told = {name: value for name, value in problem.items() if name != "current"}
    said = json.dumps(told).encode()
    assert CANARY.encode() not in said, "it repeats what was sent"
    assert not _INSIDE.search(said), "it tells of the inside"
