"""What valid users feel while somebody floods the service with tokens of made-up keys.

    python benchmarks/kid_flood.py

It starts an issuer and the service, asks with a valid token at a steady pace, first alone and then
beside 10,000 tokens whose kid nobody knows, sent at 500 a second. It prints both p99, their ratio,
and how often the key set was fetched, and writes benchmarks/results/kid_flood.json.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "kid_flood.json"
SOURCES = ROOT / "backend" / "src"
sys.path.insert(0, str(SOURCES))

from taskwell.auth.development import DevelopmentIssuer  # noqa: E402  # the path comes first

FLOOD = 10_000
FLOOD_PER_SECOND = 500
VALID_PER_SECOND = 50
SECONDS = FLOOD / FLOOD_PER_SECOND
ROUNDS = 3


@contextmanager
def issuing(folder: Path) -> Iterator[tuple[str, DevelopmentIssuer, list[float]]]:
    """An issuer on a port of its own, and when its keys were asked for."""
    fetches: list[float] = []

    class KeySet(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fetches.append(time.monotonic())
            body = issuer.jwks()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as it is named there
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), KeySet)
    url = f"http://127.0.0.1:{server.server_port}"
    issuer = DevelopmentIssuer(folder, issuer=url, audiences=(url,))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield url, issuer, fetches
    finally:
        server.shutdown()


@contextmanager
def serving(folder: Path, issuer: str) -> Iterator[str]:
    environment = os.environ | {
        "PYTHONPATH": str(SOURCES),
        "BETTER_AUTH_URL": issuer,
        "TASKWELL_DATA": str(folder),
        "TASKWELL_LOG_LEVEL": "error",
    }
    command = [sys.executable, "-m", "taskwell", "serve", "--port", "0"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            found = re.search(r"listens on (http://\S+)", line)
            if found:
                yield found[1]
                break
    finally:
        process.terminate()
        process.wait()


async def ask(client: httpx2.AsyncClient, token: str, many: int, pace: float) -> list[float]:
    """How long each answer took, asked at a steady pace whatever the answers do."""
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def one(nth: int) -> float:
        await asyncio.sleep(began + nth * pace - loop.time())
        asked = time.perf_counter()
        headers = {"authorization": f"Bearer {token}"}
        response = await client.get("/tasks", headers=headers)
        assert response.status_code == 200, response.text
        return time.perf_counter() - asked

    return list(await asyncio.gather(*(one(nth) for nth in range(many))))


async def flood(client: httpx2.AsyncClient, token: str) -> None:
    """The same token each time but for its kid, which is another one each time."""
    header, claims, signature = token.split(".")
    loop = asyncio.get_running_loop()
    began = loop.time()
    waiting = set()
    for nth in range(FLOOD):
        await asyncio.sleep(max(0.0, began + nth / FLOOD_PER_SECOND - loop.time()))
        made_up = _with_kid(header, f"made-up-{nth}")
        headers = {"authorization": f"Bearer {made_up}.{claims}.{signature}"}
        task = asyncio.create_task(client.get("/tasks", headers=headers))
        waiting.add(task)
        task.add_done_callback(waiting.discard)
    await asyncio.gather(*waiting)


def _with_kid(header: str, kid: str) -> str:
    members = json.loads(urlsafe_b64decode(header + "=="))
    return urlsafe_b64encode(json.dumps({**members, "kid": kid}).encode()).rstrip(b"=").decode()


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98] * 1000


def _flooding(url: str, token: str) -> subprocess.Popen[bytes]:
    """In a process of its own, so that it does not slow down the one that measures."""
    return subprocess.Popen([sys.executable, __file__, url, token])


async def measure(url: str, issuer: DevelopmentIssuer, fetches: list[float]) -> dict[str, object]:
    token = issuer.token("valid-user")
    many = int(VALID_PER_SECOND * SECONDS)
    rounds = []
    async with httpx2.AsyncClient(base_url=url, timeout=30) as client:
        await ask(client, token, 200, 1 / VALID_PER_SECOND)
        for _ in range(ROUNDS):
            alone = _p99(await ask(client, token, many, 1 / VALID_PER_SECOND))
            fetched, began = len(fetches), time.monotonic()
            attacker = _flooding(url, token)
            beside = _p99(await ask(client, token, many, 1 / VALID_PER_SECOND))
            attacker.wait()
            rounds.append((beside / alone, alone, beside, len(fetches) - fetched))
            sys.stdout.write(f"p99 {alone:.2f} ms alone, {beside:.2f} ms beside the flood\n")
            assert time.monotonic() - began >= SECONDS
    ratio, alone, beside, fetched = sorted(rounds)[len(rounds) // 2]
    return {
        "p99_alone_ms": round(alone, 2),
        "p99_beside_the_flood_ms": round(beside, 2),
        "ratio": round(ratio, 2),
        "fetches_during_the_flood": fetched,
        "flood": f"{FLOOD} tokens in {SECONDS:.0f} s",
    }


def main() -> None:
    if len(sys.argv) == 3:
        asyncio.run(_attack(*sys.argv[1:]))
        return
    folder = Path(tempfile.mkdtemp(prefix="taskwell-benchmark-"))
    # As root, PostgreSQL's own user must be able to pass through.
    folder.chmod(0o711)
    try:
        with (
            issuing(folder / "issuer") as (issuer_url, issuer, fetches),
            serving(folder / "data", issuer_url) as url,
        ):
            result = asyncio.run(measure(url, issuer, fetches))
    finally:
        shutil.rmtree(folder)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


async def _attack(url: str, token: str) -> None:
    # Attackers bring machines of their own: here they get what the service leaves.
    os.nice(19)
    async with httpx2.AsyncClient(base_url=url, timeout=30) as client:
        await flood(client, token)


if __name__ == "__main__":
    main()
