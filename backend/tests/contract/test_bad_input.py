"""Each bad input has one documented answer, on both spellings, leaves the database as it was, and
one line in the log that nothing can forge. All of it goes to the real service by a real socket."""

from __future__ import annotations

import json
import re
import secrets
from urllib.parse import quote

import pytest

from api_user import ApiUser
from contract.attacks import MINE, Attack
from contract.attacks_on_bodies import ATTACKS_ON_BODIES
from contract.attacks_on_heads import ATTACKS_ON_HEADS
from contract.attacks_on_lists import ATTACKS_ON_LISTS
from contract.attacks_on_the_rest import ATTACKS_ON_THE_REST
from contract.rows import Rows
from contract.running import Running
from contract.wire import Headers, exchange, render

ATTACKS = [*ATTACKS_ON_BODIES, *ATTACKS_ON_HEADS, *ATTACKS_ON_LISTS, *ATTACKS_ON_THE_REST]
SPELLINGS = ("/tasks", "/api/{user_id}/tasks")


def parameters() -> list[object]:
    names = [attack.name for attack in ATTACKS]
    assert len(set(names)) == len(names)
    return [
        pytest.param(attack, spelling, id=f"{attack.name} {spelling}")
        for attack in ATTACKS
        for spelling in SPELLINGS
        if spelling == "/tasks" or attack.path.lower().startswith("/tasks")
    ]


def headers_of(attack: Attack, user: ApiUser) -> Headers:
    usual = {
        "Host": "taskwell.test",
        "Connection": "close",
        "X-Request-ID": f"attack-{secrets.token_hex(8)}",
        "Authorization": f"Bearer {user.token}",
    }
    given = {name.lower() for name, _ in attack.headers} | {name.lower() for name in attack.without}
    kept = tuple(pair for pair in usual.items() if pair[0].lower() not in given)
    return (
        *kept,
        *((name, value.replace("{token}", user.token)) for name, value in attack.headers),
    )


def target_of(attack: Attack, spelling: str, user: ApiUser, task_id: str) -> str:
    own = spelling.replace("{user_id}", quote(user.user_id, safe=""))
    return attack.path.replace("/tasks", own, 1).replace(MINE, task_id)


@pytest.mark.parametrize(("attack", "spelling"), parameters())
def test_bad_input(
    attack: Attack, spelling: str, server: Running, alice: ApiUser, rows: Rows
) -> None:
    task = alice.create("Mine")
    before, log = rows.of(alice.user_id), server.log_length
    target = target_of(attack, spelling, alice, task["id"])
    request = render(attack.method, target, headers_of(attack, alice), attack.body)

    *interim, answer = exchange(server.address, request, to_head=attack.method == "HEAD")

    assert [each.status for each in interim if each.status != 100] == []
    assert (answer.status, code_of(answer.body)) == (attack.status, attack.code)
    if attack.code is not None:
        assert answer.header("content-type") == "application/problem+json"
        problem = answer.json()
        assert problem["request_id"] == answer.header("x-request-id")
        assert b"canary" not in answer.body
        flaws = [flaw["code"] for flaw in problem.get("errors", ())]
        assert flaws[:1] == ([] if attack.flaw is None else [attack.flaw])
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", answer.header("x-request-id") or "")
    assert rows.of(alice.user_id) == before
    (line,) = server.lines_since(log)
    assert line["message"] == "request"
    assert line["status"] == answer.status
    assert line["request_id"] == answer.header("x-request-id")
    assert line["level"] in ("info", "warning")
    assert "canary" not in json.dumps(line)


def code_of(body: bytes) -> str | None:
    if not body.startswith(b'{"type"'):
        return None
    code: str = json.loads(body)["code"]
    return code
