"""A path below somebody else is no other than an absent task's, on the connection too."""

from __future__ import annotations

import pytest

from api_user import ApiUser
from contract.running import Running
from integration.wire import Answer, Wire

ABSENT = "01890a5d-ac96-774b-bcce-b302099a8057"
BODY = b'{"text": "Call"}'


@pytest.mark.parametrize("size", [len(BODY), 2 * 1024 * 1024], ids=["taken", "too large"])
def test_a_body_that_comes_late_ends_no_connection(
    size: int, server: Running, alice: ApiUser, bob: ApiUser
) -> None:
    absent = patch(server, alice, f"/tasks/{ABSENT}", size)
    foreign = patch(server, alice, f"/api/{bob.user_id}/tasks/{ABSENT}", size)
    if size > len(BODY):
        assert (absent.status, foreign.status) == (413, 404)
        assert absent.headers["connection"] == foreign.headers["connection"] == "close"
    else:
        for answer in (absent, foreign):
            del answer.headers["date"]
        assert absent == foreign


def patch(server: Running, user: ApiUser, path: str, size: int) -> Answer:
    """Its body is sent once the server asks for it, which it does not for one that is too large."""
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: taskwell.test\r\nAuthorization: Bearer {user.token}\r\n"
        "X-Request-ID: the-same\r\nContent-Type: application/json\r\n"
        f"Expect: 100-continue\r\nContent-Length: {size}\r\n\r\n"
    )
    with Wire(server.address[1]) as wire:
        answer = wire.send(head).answer()
        return wire.send(BODY).answer() if answer.status == 100 else answer
