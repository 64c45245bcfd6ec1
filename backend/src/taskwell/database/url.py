"""A database URL as people have it, Neon's included, made into what the driver takes."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from taskwell.config import is_loopback, is_private, usual_place
from taskwell.database.server_settings import is_server_setting
from taskwell.errors import SettingsInvalid

CONNECT_SECONDS = 12.0

_TAKEN_BY_DRIVER = frozenset(
    (
        *("host", "port", "dbname", "database", "user", "password", "passfile"),
        *("options", "target_session_attrs", "krbsrvname", "gsslib"),
        *("sslcert", "sslkey", "sslpassword", "sslcrl", "sslnegotiation"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version"),
    )
)
_UNVERIFIED = ("allow", "prefer", "require")
_VERIFIED = ("verify-ca", "verify-full")


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect, and how: `options` go to the driver as they are."""

    dsn: str
    options: dict[str, Any]
    pooled: bool


def target(url: str) -> Target:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    query.pop("channel_binding", None)  # the driver does SCRAM without it and refuses the word
    mode = query.pop("sslmode", None)
    root = query.pop("sslrootcert", None)
    hosts, ports = _addresses(parts.netloc.rpartition("@")[2], query)
    options: dict[str, Any] = {
        "host": hosts,
        "port": ports,
        "ssl": _tls(mode, root, hosts),
        "timeout": _patience(query.pop("connect_timeout", None)),
        "server_settings": {"application_name": query.pop("application_name", "taskwell")},
    }
    _require_known(query)
    dsn = urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))
    return Target(dsn, options, pooled=any("-pooler." in host for host in hosts))


def _addresses(listed: str, query: Mapping[str, str]) -> tuple[list[str], list[int]]:
    """Every one that the driver may try, since TLS is chosen for these: given them, it reads none
    from the URL or the environment. Without any it looks on this machine alone."""
    if listed and "host" in query:
        raise SettingsInvalid(
            "DATABASE_URL names a host before its path, and another one as the parameter host: "
            "leave one of them out."
        )
    usual_host, usual_port = usual_place()
    listed = listed or query.get("host") or usual_host
    if not listed:
        return [], []
    places = [_host_and_port(place) for place in listed.split(",")]
    others = query.get("port", usual_port).split(",")
    if len(others) == 1:
        others *= len(places)
    try:
        ports = [int(own or other) for (_, own), other in zip(places, others, strict=True)]
    except ValueError:
        raise SettingsInvalid(
            "DATABASE_URL has ports that don't fit: give one number for each host, or one for all."
        ) from None
    return [host for host, _ in places], ports


def _host_and_port(place: str) -> tuple[str, str]:
    if place.startswith("/"):
        return place, ""
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        return host, port.removeprefix(":")
    host, _, port = place.partition(":")
    return unquote(host) or "localhost", port


def _patience(connect_timeout: str | None) -> float:
    """Ours where it is shorter; as elsewhere nothing, 0 and less set no bound."""
    try:
        seconds = int(connect_timeout or 0)
    except ValueError:
        raise SettingsInvalid(
            "DATABASE_URL has a connect_timeout that is no whole number of seconds."
        ) from None
    return min(CONNECT_SECONDS, seconds) if seconds > 0 else CONNECT_SECONDS


def _require_known(query: Iterable[str]) -> None:
    """Else PostgreSQL would refuse every connection for it, when the first one is made."""
    for name in query:
        if name in ("service", "servicefile"):
            raise SettingsInvalid(
                f"DATABASE_URL has the parameter {name!r}, and Taskwell reads no service file: "
                "write what that has into the URL."
            )
        if name not in _TAKEN_BY_DRIVER and not is_server_setting(name):
            raise SettingsInvalid(
                f"DATABASE_URL has the parameter {name!r}, which neither Taskwell nor PostgreSQL "
                "knows: take it out."
            )


def _is_local(host: str) -> bool:
    return host.startswith("/") or is_loopback(host.lower())


def _tls(mode: str | None, root: str | None, hosts: list[str]) -> ssl.SSLContext | bool:
    if all(map(_is_local, hosts)) and mode in (None, "disable", "allow", "prefer"):
        return False
    if mode == "disable":
        if all(_is_local(host) or is_private(host) for host in hosts):
            return False
        raise SettingsInvalid(
            "DATABASE_URL says sslmode=disable for a remote host: "
            "leave sslmode out or use sslmode=require."
        )
    if mode in _VERIFIED:
        return _verifying(root, check_hostname=mode == "verify-full")
    if mode is None or mode in _UNVERIFIED:
        if root is not None:
            return _verifying(root, check_hostname=False)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    raise SettingsInvalid(
        "DATABASE_URL has an unknown sslmode: use require, verify-ca or verify-full."
    )


def _file(root: str | None) -> str | None:
    return None if root in (None, "system") else os.path.expanduser(root)


def _verifying(root: str | None, *, check_hostname: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=_file(root))
    except (OSError, ssl.SSLError):
        raise SettingsInvalid(
            "DATABASE_URL names an sslrootcert that can't be read: "
            "name a PEM file, or sslrootcert=system."
        ) from None
    context.check_hostname = check_hostname
    return context
