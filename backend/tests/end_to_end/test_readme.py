"""The README, taken at its word: its commands and requests are run as written, and the answers it
shows are compared with those that come. Only ids, times and other chance are left out."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from documents import README, ROOT, Block, blocks, section
from end_to_end.program import Program
from end_to_end.service import SERVE, service_environment
from second_connection import SecondConnection
from taskwell.auth.development import DevelopmentIssuer

START = "scripts/serve"
COMMAND = "backend/.venv/bin/taskwell"
ADDRESS = "http://127.0.0.1:8000"
TOURS = ("A tour in ten requests", "Offline, in four requests")
END_OF_BLOCK = "-- end of block --"

CHANCE = {
    "id": re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
    "time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"),
    "epoch": re.compile(r'(?<=")[\w-]{16}(?=\.\d)'),
    "query": re.compile(r'(?<=\.)[0-9a-f]{12}(?=")'),
    "cursor": re.compile(r"(?<=cursor=)[\w-]+"),
    "request": re.compile(r'(?<="request_id":")[0-9a-f]{32}'),
}


class Masks:
    """The same chance becomes the same word, so that what belongs together still shows."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}

    def masked(self, text: str) -> str:
        text = text.replace('"request_id": "', '"request_id":"')
        for kind, pattern in CHANCE.items():
            text = pattern.sub(partial(self._word, kind), text)
        return text

    def _word(self, kind: str, found: re.Match[str]) -> str:
        if kind == "request":
            return kind
        return self._words.setdefault(found[0], f"{kind} {len(self._words)}")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's own: PostgreSQL's unprivileged user must be able to reach it."""
    path = Path(tempfile.mkdtemp(prefix="taskwell-test-"))
    yield path
    shutil.rmtree(path)


@contextmanager
def started(folder: Path, **settings: str) -> Iterator[tuple[Program, str]]:
    """What `scripts/serve` runs once its environment is made."""
    with Program(
        [*SERVE, "--port", "0", "--data", folder], service_environment() | settings, folder
    ) as program:
        yield program, program.wait_for(r"Taskwell listens on (http://\S+)")[1]


def pasted(script: str, folder: Path, **settings: str) -> str:
    """What a shell prints; `taskwell` is the one under test, with the data of the service."""
    environment = service_environment() | {"TASKWELL_DATA": str(folder)} | settings
    done = subprocess.run(
        ["sh", "-s"],
        input=script.replace(COMMAND, f"'{sys.executable}' -m taskwell"),
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


def tour() -> list[tuple[Block, Block | None]]:
    """What is pasted, each with the answer that is shown below it, if any."""
    found = [block for heading in TOURS for block in blocks(section(README, heading))]
    return [
        (block, below if below is not None and below.language != "sh" else None)
        for block, below in zip(found, [*found[1:], None], strict=True)
        if block.language == "sh"
    ]


def compare(shown: Block, answer: str) -> None:
    if shown.language == "json":
        assert json.loads(answer) == json.loads(shown.text)
        return
    if shown.language == "text":
        assert answer.strip() == shown.text.strip()
        return
    shown_head, _, shown_body = shown.text.partition("\n\n")
    head, _, body = answer.partition("\n\n")
    lines, shown_lines = head.splitlines(), shown_head.splitlines()
    assert lines[0] == shown_lines[0]
    assert set(shown_lines[1:]) <= set(lines[1:])
    assert body.strip() == shown_body.strip() == "" or json.loads(body) == json.loads(shown_body)


def test_what_the_start_prints_and_then_the_tour(folder: Path) -> None:
    requests = tour()
    assert [shown is not None for _, shown in requests].count(True) == 10 + 4
    script = f"\necho; echo '{END_OF_BLOCK}'\n".join(block.text for block, _ in requests)
    assert script.count(ADDRESS) == 1
    with started(folder) as (program, url):
        request = program.wait_for(r"curl .*")[0]
        assert pasted(request.replace("curl ", "curl -s ", 1), folder) == "[]"
        answers = pasted(script.replace(ADDRESS, url), folder).replace("\r", "")
    real, written = Masks(), Masks()
    for (_, shown), answer in zip(requests, answers.split(END_OF_BLOCK), strict=True):
        if shown is None:
            assert answer.strip() == ""
        else:
            masked = Block(shown.language, written.masked(shown.text))
            compare(masked, real.masked(answer.lstrip("\n")))


@pytest.mark.parametrize("command", ["scripts/serve", "scripts/test"])
def test_the_two_commands_are_there(command: str) -> None:
    assert Block("sh", f"{command}\n") in blocks(section(README, "Start it"))
    assert os.access(ROOT / command, os.X_OK)


@contextmanager
def published(folder: Path) -> Iterator[tuple[str, DevelopmentIssuer]]:
    """An issuer on an address of its own, with its key set where Better Auth has it."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/api/auth/jwks"
            body = issuer.jwks() if known else b""
            self.send_response(200 if known else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as it is called
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        issuer = DevelopmentIssuer(folder, issuer=url, audiences=(url,))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield url, issuer
        finally:
            server.shutdown()
            thread.join()


def exported(block: Block, values: Mapping[str, str]) -> dict[str, str]:
    """The variables of the block, with values that exist here."""
    names = re.findall(r"^export ([A-Z_]+)='[^']+'$", block.text, re.MULTILINE)
    assert len(names) == len(block.text.splitlines())
    return {name: values[name] for name in names}


def test_behind_an_issuer_on_a_database_of_ones_own(
    database_url: str, folder: Path, tmp_path: Path
) -> None:
    exports, commands = blocks(section(README, "Behind Better Auth, on Neon"))
    *to_prepare, to_serve = commands.text.splitlines()
    assert to_serve == f"{START} --host 0.0.0.0"
    with SecondConnection(database_url.replace("taskwell@/taskwell", "postgres@/postgres")) as sql:
        sql.run("CREATE DATABASE readme OWNER taskwell")
    url_of_database = database_url.replace("@/taskwell", "@/readme")
    with published(tmp_path) as (issuer_url, issuer):
        token = issuer.token("alice")
        settings = exported(
            exports,
            {
                "DATABASE_URL": url_of_database,
                "DATABASE_URL_UNPOOLED": url_of_database,
                "BETTER_AUTH_URL": issuer_url,
                "TASKWELL_CORS_ORIGINS": "https://app.example.com",
            },
        )
        said = pasted("\n".join(to_prepare), folder, **settings)
        assert said.startswith("Applied 0001")
        assert "FAIL" not in said
        with started(folder, **settings) as (_, url):
            request = f"curl -si '{url}/tasks' -H 'Authorization: Bearer {token}' "
            answer = pasted(request + "-H 'Origin: https://app.example.com'", folder)
    assert answer.startswith("HTTP/1.1 200 OK")
    assert "access-control-allow-origin: https://app.example.com" in answer
    assert answer.endswith("[]")
