"""The issuer of `examples/better-auth`, started for real: sign-up, tokens and keys over HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from end_to_end.node_packages import node
from end_to_end.program import Program

EXAMPLE = Path(__file__).parents[3] / "examples" / "better-auth"
CLOCK = Path(__file__).with_name("clock.mjs")
PASSWORD = "correct horse battery"

SETTINGS = ("TASKWELL_", "BETTER_AUTH_", "DATABASE_URL", "EXAMPLE_", "PORT", "NODE_OPTIONS")


def bare_environment() -> dict[str, str]:
    """The caller's, without the settings of any other issuer or service."""
    return {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}


@dataclass(frozen=True)
class Account:
    user_id: str
    email: str
    session_token: str
    session_cookie: str | None


class Issuer:
    def __init__(self, program: Program, url: str, http: httpx2.Client) -> None:
        self.url = url
        self._program = program
        self._http = http
        self._rotations = 0

    def stop(self) -> None:
        self._program.stop()

    def sign_up(self, name: str = "Ada") -> Account:
        email = f"{uuid4()}@example.com"
        answer = self._http.post(
            "/api/auth/sign-up/email", json={"name": name, "email": email, "password": PASSWORD}
        )
        assert answer.status_code == 200, answer.text
        cookie = answer.cookies.get("better-auth.session_data")
        self._http.cookies.clear()
        body = answer.json()
        return Account(str(body["user"]["id"]), email, body["token"], cookie)

    def token(self, account: Account) -> str:
        answer = self._http.get(
            "/api/auth/token", headers={"authorization": f"Bearer {account.session_token}"}
        )
        self._http.cookies.clear()
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["token"]
        return token

    def published_keys(self) -> list[dict[str, Any]]:
        answer = self._http.get("/api/auth/jwks")
        assert answer.status_code == 200, answer.text
        keys: list[dict[str, Any]] = answer.json()["keys"]
        return keys

    @contextmanager
    def clock_ahead_by(self, seconds: int) -> Iterator[None]:
        self._set_clock(seconds)
        try:
            yield
        finally:
            self._set_clock(0)

    def rotate_key(self, lifetime: int) -> None:
        """Once the lifetime of its key is over, the issuer signs with a new one."""
        self._rotations += 1
        with self.clock_ahead_by(2 * lifetime * self._rotations):
            self.token(self.sign_up())

    def _set_clock(self, seconds: int) -> None:
        before = self._program.lines_so_far
        self._program.write_line(str(seconds))
        self._program.wait_for(f"^Clock: {seconds}$", after=before)


@contextmanager
def issuer_in(program: Program, url: str) -> Iterator[Issuer]:
    with httpx2.Client(base_url=url, headers={"origin": url}, timeout=30) as http:
        yield Issuer(program, url, http)


@contextmanager
def running_issuer(example: Path, **settings: str) -> Iterator[Issuer]:
    """Its settings are those of the example, such as EXAMPLE_ALGORITHM="ES256"."""
    command = (node(), "--import", CLOCK.as_uri(), example / "server.js")
    environment = bare_environment() | {"PORT": "0"} | settings
    with (
        Program(command, environment) as program,
        issuer_in(program, program.wait_for(r"the page: (http://\S+)")[1]) as issuer,
    ):
        yield issuer
