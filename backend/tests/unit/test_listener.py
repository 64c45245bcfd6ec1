from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import taskwell
from taskwell.database.storage import Storage
from taskwell.errors import SettingsInvalid, StartRefused
from taskwell.measures.ledger import nameless_file
from taskwell.server.handover import VARIABLE, Handover
from taskwell.server.listener import listen, url_of

SOURCES = Path(taskwell.__file__).parents[1]

PORT_OF_ROOT = """
import encodings.idna, os, sys
from taskwell.errors import SettingsInvalid
from taskwell.server.listener import listen
if os.geteuid() == 0:
    os.setuid(65534)
try:
    listen("127.0.0.1", 1)
except SettingsInvalid as error:
    sys.exit(str(error))
"""


def test_a_free_port_is_taken_and_told() -> None:
    with listen("127.0.0.1", 0) as listener:
        _, port = listener.getsockname()
        assert url_of(listener) == f"http://127.0.0.1:{port}"
        socket.create_connection(("127.0.0.1", port)).close()


def test_a_name_with_two_addresses_means_the_older_one() -> None:
    with listen("localhost", 0) as listener:
        assert listener.family == socket.AF_INET


def test_all_addresses_are_those_of_both_families() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with listen("::", 0) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://[::]:{port}"
        socket.create_connection(("127.0.0.1", port)).close()


def test_a_port_that_is_taken_is_told() -> None:
    with listen("127.0.0.1", 0) as listener:
        _, port = listener.getsockname()
        with pytest.raises(StartRefused, match=f"^Port {port} on 127.0.0.1 is in use: "):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_of_another_machine_is_told(host: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"{host} is no address of this machine"):
        listen(host, 0)


def test_a_port_for_root_only_is_told(tmp_path: Path) -> None:
    first = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if first.exists() and int(first.read_text()) <= 1:
        pytest.skip("on this machine everybody may listen on every port")
    ended = subprocess.run(
        [sys.executable, "-c", PORT_OF_ROOT],
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr.startswith("TASKWELL_PORT is not usable: this user may not listen on")


def test_what_is_handed_over_never_waits_for_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """All workers share it: one that loses the race for a connection would wait for another."""
    with listen("127.0.0.1", 0) as listener:
        lifeline = os.dup(listener.fileno())
        monkeypatch.setenv(VARIABLE, f"{os.dup(listener.fileno())} {lifeline};;")
        handed = Handover.received()
        assert handed is not None
        with handed.listener, handed.listener.dup():
            assert not os.get_blocking(listener.fileno())
        os.close(lifeline)


@pytest.mark.parametrize("has_folder", [True, False], ids=["private", "another's"])
def test_what_is_of_the_folder_is_handed_over(
    monkeypatch: pytest.MonkeyPatch, *, has_folder: bool
) -> None:
    with listen("127.0.0.1", 0) as listener:
        lifeline, lock, storage = (os.dup(listener.fileno()) for _ in range(3))
        folder = f";{lock} {storage}" if has_folder else ""
        monkeypatch.setenv(VARIABLE, f"{os.dup(listener.fileno())} {lifeline};7 9{folder}")
        handed = Handover.received()
        assert handed is not None
        assert (handed.workers, handed.metrics) == (frozenset({7, 9}), None)
        told = (handed.lock, handed.storage)
        assert told == ((lock, storage) if has_folder else (None, None))
        handed.listener.close()
        for descriptor in (lifeline, lock, storage):
            os.close(descriptor)


def test_a_full_disk_is_told_to_the_workers_of_the_former_program() -> None:
    file = nameless_file(1)
    former, new = Storage(file), Storage(file)
    for is_full in (True, False):
        new.is_full = is_full
        assert former.is_full is is_full
    os.close(file)
