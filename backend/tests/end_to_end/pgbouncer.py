"""Debian's PgBouncer, in transaction mode, in front of a private database."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from end_to_end.processes import await_that
from taskwell.database.binaries import account_for
from taskwell.database.cluster import CLUSTER

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

SETTINGS = """
[databases]
* = host={socket_folder} port={port} user=taskwell
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
"""


@contextmanager
def pooled(url: str, folder: Path) -> Iterator[str]:
    """The address of the same database through the pooler. It runs under PostgreSQL's account,
    since nobody else may reach its socket, and since it refuses to run as root."""
    assert PROGRAM is not None
    where = parse_qs(urlsplit(url).query)
    listen_port = free_port()
    account = account_for(folder / CLUSTER)
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        settings = Path(place, "pgbouncer.ini")
        settings.write_text(
            SETTINGS.format(
                socket_folder=where["host"][0], port=where["port"][0], listen_port=listen_port
            )
        )
        process = subprocess.Popen(
            [PROGRAM, "--quiet", settings], stderr=subprocess.DEVNULL, **account.options()
        )
        try:
            await_that(lambda: answers(listen_port))
            yield f"postgresql://taskwell@127.0.0.1:{listen_port}{urlsplit(url).path}"
        finally:
            process.terminate()
            process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True
