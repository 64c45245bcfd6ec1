"""The one socket that all workers accept connections from."""

from __future__ import annotations

import errno
import os
import socket

from taskwell.errors import SettingsInvalid, StartRefused

BACKLOG = 2048


# What to change so that it is another one.
PORT = "--port or TASKWELL_PORT"


def listen(host: str, port: int, setting: str = PORT) -> socket.socket:
    family, address = _resolve(host, port)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and host == "::":
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _refused(error, host, port, setting) from None
    listener.setblocking(False)
    return listener


def received(descriptor: int) -> socket.socket:
    """From a former parent. Unless Python is told again that nobody waits on it, the next copy
    makes it one on which every worker does."""
    listener = socket.socket(fileno=descriptor)
    listener.setblocking(False)
    return listener


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _resolve(host: str, port: int) -> tuple[int, tuple[object, ...]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise SettingsInvalid(
            f"TASKWELL_HOST is not usable: {host} is no address of this machine."
        ) from None
    # Where a name has both, clients try IPv4 as well, but not all of them IPv6.
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return family, address


def _refused(error: OSError, host: str, port: int, setting: str) -> StartRefused:
    match error.errno:
        case errno.EADDRINUSE:
            return StartRefused(
                f"Port {port} on {host} is in use: stop what listens there, or choose another "
                f"port with {setting} (0 takes a free one)."
            )
        case errno.EADDRNOTAVAIL:
            return SettingsInvalid(
                f"TASKWELL_HOST is not usable: {host} is no address of this machine."
            )
        case errno.EACCES:
            return SettingsInvalid(
                f"{setting.rpartition(' ')[2]} is not usable: "
                f"this user may not listen on port {port}; "
                "choose one from 1024 on."
            )
    return StartRefused(f"Can't listen on {host}, port {port} ({os.strerror(error.errno or 0)}).")
