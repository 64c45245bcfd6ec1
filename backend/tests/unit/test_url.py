from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from taskwell.database.url import CONNECT_SECONDS, target
from taskwell.errors import SettingsInvalid

NEON = (
    "postgresql://owner:secret-word@ep-calm-sea-123456-pooler.eu-central-1.aws.neon.tech"
    "/neondb?sslmode=require&channel_binding=require"
)


def test_neons_own_string_fits() -> None:
    found = target(NEON)
    host = "ep-calm-sea-123456-pooler.eu-central-1.aws.neon.tech"
    assert found.dsn == f"postgresql://owner:secret-word@{host}/neondb"
    assert found.pooled
    assert isinstance(found.options["ssl"], ssl.SSLContext)
    assert found.options["server_settings"] == {"application_name": "taskwell"}
    assert found.options["timeout"] > 0


def test_the_direct_host_is_not_pooled() -> None:
    assert not target(NEON.replace("-pooler", "")).pooled


def test_the_rest_of_the_query_is_kept() -> None:
    found = target("postgresql:///app?host=/run/post%20gres&port=5433&application_name=mine")
    parts = urlsplit(found.dsn)
    assert (parts.scheme, parts.netloc, parts.path) == ("postgresql", "", "/app")
    assert parts.query == "host=%2Frun%2Fpost%20gres&port=5433"
    assert found.options["server_settings"] == {"application_name": "mine"}


@pytest.mark.parametrize(
    "where",
    [
        "localhost",
        "127.0.0.1:5433",
        "127.8.9.10",
        "[::1]:5433",
        "user:word@localhost",
        "",
    ],
)
@pytest.mark.parametrize("mode", ["", "?sslmode=disable", "?sslmode=allow", "?sslmode=prefer"])
def test_on_this_machine_there_need_be_no_tls(where: str, mode: str) -> None:
    assert target(f"postgresql://{where}/app{mode}").options["ssl"] is False


def test_a_socket_is_on_this_machine() -> None:
    assert target("postgresql:///app?host=/run/postgresql").options["ssl"] is False
    assert target("postgresql://%2Frun%2Fpostgresql/app").options["ssl"] is False


@pytest.mark.parametrize("where", ["db", "10.1.2.3", "192.168.1.2", "[fd00::1]"])
def test_in_a_private_net_tls_may_be_switched_off(where: str) -> None:
    assert target(f"postgresql://{where}/app?sslmode=disable").options["ssl"] is False
    assert isinstance(target(f"postgresql://{where}/app").options["ssl"], ssl.SSLContext)


@pytest.mark.parametrize("where", ["db.example.com", "8.8.8.8", "[2001:4860::1]"])
def test_a_remote_database_is_reached_by_tls_only(where: str) -> None:
    for mode in ("", "?sslmode=allow", "?sslmode=prefer", "?sslmode=require"):
        assert isinstance(target(f"postgresql://{where}/app{mode}").options["ssl"], ssl.SSLContext)
    with pytest.raises(SettingsInvalid, match="sslmode=disable for a remote host"):
        target(f"postgresql://{where}/app?sslmode=disable")


@pytest.mark.parametrize(
    ("query", "verified", "named"),
    [
        ("", False, False),
        ("sslmode=prefer", False, False),
        ("sslmode=require", False, False),
        ("sslmode=require&sslrootcert=system", True, False),
        ("sslmode=verify-ca", True, False),
        ("sslmode=verify-full", True, True),
        ("sslmode=verify-full&sslrootcert=system", True, True),
    ],
)
def test_what_is_verified(query: str, verified: bool, named: bool) -> None:
    context = target(f"postgresql://db.example.com/app?{query}").options["ssl"]
    assert (context.verify_mode is ssl.CERT_REQUIRED) == verified
    assert context.check_hostname == named


def test_required_on_this_machine_too_if_it_is_asked_for() -> None:
    context = target("postgresql://localhost/app?sslmode=verify-full").options["ssl"]
    assert context.check_hostname


def test_a_root_of_ones_own(tmp_path: Path) -> None:
    broken = tmp_path / "root.pem"
    broken.write_text("nonsense")
    for path in (broken, tmp_path / "absent.pem"):
        with pytest.raises(SettingsInvalid, match="sslrootcert that can't be read"):
            target(f"postgresql://db.example.com/app?sslmode=verify-full&sslrootcert={path}")
    roots = ssl.get_default_verify_paths().cafile
    if roots is not None:
        where = f"postgresql://db.example.com/app?sslmode=verify-ca&sslrootcert={roots}"
        assert target(where).options["ssl"].verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("mode", ["nonsense", "REQUIRE", "verify"])
def test_an_unknown_mode(mode: str) -> None:
    with pytest.raises(SettingsInvalid, match="unknown sslmode"):
        target(f"postgresql://user:secret-word@db.example.com/app?sslmode={mode}")


@pytest.mark.parametrize(
    "query",
    [
        "user=ada&password=secret-word&dbname=app&host=db.example.com&port=5433",
        "target_session_attrs=read-write&options=-c%20search_path%3Dapp",
        "search_path=app&statement_timeout=5000&TimeZone=UTC&role=app",
        "citus.log_remote_commands=on",
        "sslcert=a.pem&sslkey=b.pem&passfile=/etc/pgpass",
    ],
)
def test_what_the_driver_or_postgresql_knows_is_passed_on(query: str) -> None:
    passed_on = urlsplit(target(f"postgresql://db.example.com/app?{query}").dsn).query
    assert parse_qsl(passed_on) == parse_qsl(query)


@pytest.mark.parametrize("name", ["pgbouncer", "schema", "connection_limit", "ssl", "sslmod"])
def test_what_nobody_knows_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"the parameter '{name}', which neither") as refused:
        target(f"postgresql://user:secret-word@db.example.com/app?sslmode=require&{name}=true-word")
    assert "-word" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "seconds"), [("3", 3), ("10", 10), ("60", CONNECT_SECONDS), ("0", CONNECT_SECONDS)]
)
def test_a_shorter_bound_for_connecting_counts(given: str, seconds: float) -> None:
    found = target(f"postgresql://db.example.com/app?connect_timeout={given}")
    assert found.options["timeout"] == seconds
    assert "connect_timeout" not in found.dsn


def test_a_bound_that_is_no_number_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match="connect_timeout that is no whole number"):
        target("postgresql://db.example.com/app?connect_timeout=soon")
