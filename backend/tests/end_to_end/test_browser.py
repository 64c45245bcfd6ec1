"""The page of `examples/better-auth` in headless Chromium, with issuer and Taskwell behind it."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from end_to_end.issuer import CLOCK, EXAMPLE, PASSWORD, Issuer, issuer_in
from end_to_end.node_packages import chromium, node, staged
from end_to_end.program import Program
from end_to_end.service import SERVE, service_environment
from integration.private_database import reachable_folder

pytestmark = pytest.mark.browser

SCENARIOS = Path(__file__).with_name("browser")
SECONDS_FOR_A_SCENARIO = 120


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return staged(EXAMPLE, tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="session")
def scenarios(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return staged(SCENARIOS, tmp_path_factory.mktemp("browser")) / "scenarios.mjs"


@dataclass(frozen=True)
class Stack:
    """What the example's one command starts."""

    program: Program
    page: str
    taskwell: str


@contextmanager
def started(example: Path, folder: Path) -> Iterator[Stack]:
    environment = service_environment() | {
        "PORT": "0",
        "TASKWELL_COMMAND": " ".join(SERVE),
        "TMPDIR": str(folder),
        "NODE_OPTIONS": f"--import={CLOCK.as_uri()}",
    }
    with Program([example / "start"], environment) as program:
        page = program.wait_for(r"Open (http://\S+)")[1]
        yield Stack(program, page, program.wait_for(r"Taskwell +(http://\S+)")[1])


@pytest.fixture(scope="module")
def stack(example: Path) -> Iterator[Stack]:
    with reachable_folder() as folder, started(example, folder) as stack:
        yield stack


@pytest.fixture(scope="module")
def issuer(stack: Stack) -> Iterator[Issuer]:
    with issuer_in(stack.program, stack.page) as issuer:
        yield issuer


def newcomer(name: str = "Ada") -> dict[str, str]:
    return {"name": name, "email": f"{uuid4()}@example.com", "password": PASSWORD}


def play(scenarios: Path, name: str, **given: object) -> None:
    done = subprocess.run(
        [node(), scenarios, name],
        input=json.dumps({"chromiumPath": chromium(), **given}),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_FOR_A_SCENARIO,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "name",
    [
        "uses_the_page",
        "repeats_what_was_lost",
        "sees_all_pages",
        "reads_what_went_wrong",
        "sees_only_their_own",
    ],
)
def test_a_user(scenarios: Path, stack: Stack, name: str) -> None:
    play(scenarios, name, url=stack.page, account=newcomer(), neighbour=newcomer("Bob"))


@pytest.mark.parametrize("name", ["renews_an_expired_token", "is_told_that_the_session_is_over"])
def test_a_user_with_an_expired_token(
    scenarios: Path, stack: Stack, issuer: Issuer, name: str
) -> None:
    ada = issuer.sign_up()
    with issuer.clock_ahead_by(-3600):
        expired = issuer.token(ada)
    account = {"email": ada.email, "password": PASSWORD}
    play(scenarios, name, url=stack.page, account=account, expired=expired)


def test_a_foreign_origin_is_refused(
    scenarios: Path, stack: Stack, issuer: Issuer, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("<!doctype html><title>Foreign</title>")
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as foreign:
        Thread(target=foreign.serve_forever).start()
        try:
            play(
                scenarios,
                "is_refused_from_a_foreign_origin",
                url=stack.page,
                foreign=f"http://127.0.0.1:{foreign.server_port}",
                taskwell=stack.taskwell,
                token=issuer.token(issuer.sign_up()),
            )
        finally:
            foreign.shutdown()


def is_listening(url: str) -> bool:
    parts = urlsplit(url)
    assert parts.hostname is not None
    with socket.socket() as connection:
        return connection.connect_ex((parts.hostname, parts.port)) == 0


def test_ctrl_c_stops_all_and_leaves_nothing_behind(example: Path) -> None:
    with reachable_folder() as folder:
        with started(example, folder) as stack:
            assert is_listening(stack.page)
            assert is_listening(stack.taskwell)
            assert len(list(folder.iterdir())) == 1
            assert str(folder) in running_commands()
            stack.program.interrupt_like_a_terminal()
            assert stack.program.wait() == 0, stack.program.output
        assert not is_listening(stack.page)
        assert not is_listening(stack.taskwell)
        assert list(folder.iterdir()) == []
        assert str(folder) not in running_commands()


def running_commands() -> str:
    return subprocess.run(
        ["ps", "-A", "-ww", "-o", "args"], capture_output=True, text=True, check=True, timeout=30
    ).stdout
