"""How one worker ends: who is still answered, who is told to go, and who is cut off."""

from __future__ import annotations

import os
import resource
import signal
import socket
import struct

from end_to_end.processes import await_that
from integration.wire import HEAD, Wire
from integration.wire_servers import port_of, wire_server

CLOSE = "Connection: close\r\n\r\n"
ASK = f"GET /headers{HEAD}\r\n"


def test_who_has_just_connected_is_still_answered() -> None:
    with wire_server("FAREWELL=0.1", "LAST_WORDS=20") as server, Wire(port_of(server)) as idle:
        assert idle.send(ASK).answer().status == 200
        with Wire(port_of(server)) as silent:
            server.process.terminate()
            assert idle.is_closed()
            assert silent.send(ASK + ASK).answer().status == 200
            answer = silent.answer()
        assert answer.status == 200


def test_who_has_nothing_to_say_is_let_go() -> None:
    with wire_server("FAREWELL=0.1", "LAST_WORDS=0.1") as server, Wire(port_of(server)) as wire:
        server.process.terminate()
        assert wire.is_closed()


def test_without_its_parent_a_worker_stops_listening_at_once() -> None:
    with wire_server("FAREWELL=20") as server, Wire(port_of(server)) as wire:
        assert wire.send(ASK).answer().status == 200
        assert server.process.stdin is not None
        server.process.stdin.close()
        await_that(lambda: not is_listening(port_of(server)))
        assert wire.send(ASK).answer().status == 200


def test_without_its_parent_a_worker_that_says_farewell_stops_listening() -> None:
    with wire_server("FAREWELL=0.5", "LONGEST_REQUEST=3") as server, Wire(port_of(server)) as wire:
        wire.send(f"GET /waiting{HEAD}\r\n")
        server.wait_for("it waits")
        server.process.terminate()
        server.wait_for("it says farewell")
        assert server.process.stdin is not None
        server.process.stdin.close()
        await_that(lambda: not is_listening(port_of(server)))
        assert server.process.poll() is None


def test_who_has_gone_again_before_they_were_let_in_keeps_nobody_from_being_answered() -> None:
    with wire_server("FAREWELL=20") as server:
        port = port_of(server)
        os.kill(server.process.pid, signal.SIGSTOP)
        assert server.process.stdin is not None
        server.process.stdin.close()
        for _ in range(3):
            with Wire(port) as gone:
                # Reset, not closed.
                gone.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                gone.send(ASK)
        with Wire(port) as wire:
            wire.send(ASK)
            os.kill(server.process.pid, signal.SIGCONT)
            assert wire.answer().status == 200


def is_listening(port: int) -> bool:
    try:
        Wire(port).socket.close()
    except ConnectionError:
        return False
    return True


def test_a_request_without_end_is_cut_off() -> None:
    bounds = ("FAREWELL=0.1", "LONGEST_REQUEST=0.2")
    with wire_server(*bounds) as server, Wire(port_of(server)) as wire:
        wire.send(f"GET /waiting{HEAD}\r\n")
        server.process.terminate()
        server.wait_for("1 requests were cut off at the end")


def test_a_request_whose_client_has_gone_is_finished() -> None:
    with wire_server("FAREWELL=20") as server, Wire(port_of(server)) as other:
        with Wire(port_of(server)) as gone:
            gone.send(f"GET /waiting{HEAD}\r\n")
            server.wait_for("it waits")
        server.process.terminate()
        assert other.send(f"POST /release{HEAD}{CLOSE}").answer().status == 200
        server.wait_for("it was released")


def test_where_no_more_files_may_be_open_a_connection_waits() -> None:
    with wire_server() as server, Wire(port_of(server)) as first:
        assert first.send(ASK).answer().status == 200
        pid = server.process.pid
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        # The lowest number that is free must not be below it.
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        with Wire(port_of(server)) as second:
            second.send(ASK)
            server.wait_for("a connection could not be taken")
            assert first.send(ASK).answer().status == 200
            assert second.waits(0)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
            assert second.answer().status == 200
