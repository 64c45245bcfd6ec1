from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from asyncpg import connect_utils

from taskwell.database.url import CONNECT_SECONDS, target
from taskwell.errors import SettingsInvalid

NEON = (
    "postgresql://owner:secret-word@ep-calm-sea-123456-pooler.eu-central-1.aws.neon.tech"
    "/neondb?sslmode=require&channel_binding=require"
)


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGPORT", "PGSERVICE", "PGSERVICEFILE", "PGSSLMODE"):
        monkeypatch.delenv(name, raising=False)


def reached(url: str) -> tuple[list[Any], Any]:
    """The addresses that the driver would try, and its TLS, in its own judgement."""
    where = target(url)
    names = ("user", "password", "passfile", "database", "service", "servicefile", "direct_tls")
    options = dict.fromkeys((*names, "target_session_attrs", "krbsrvname", "gsslib"))
    options |= {name: where.options[name] for name in ("host", "port", "ssl", "server_settings")}
    parse = connect_utils._parse_connect_dsn_and_args  # type: ignore[attr-defined]  # unlisted
    addresses, parameters, *_ = parse(dsn=where.dsn, **options)
    return addresses, parameters.ssl


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


@pytest.mark.parametrize(
    ("url", "addresses", "secured"),
    [
        ("postgresql://app@db.example.com/app", [("db.example.com", 5432)], True),
        ("postgresql://db.example.com/app?port=5433", [("db.example.com", 5433)], True),
        ("postgresql:///app?host=db.example.com:5433", [("db.example.com", 5433)], True),
        ("postgresql:///app?host=/run/pg,db&port=1,2", ["/run/pg/.s.PGSQL.1", ("db", 2)], True),
        ("postgresql://localhost,db:5433/app", [("localhost", 5432), ("db", 5433)], True),
        (
            "postgresql://LOCALHOST,%2Frun%2Fpg:1/app",
            [("LOCALHOST", 5432), "/run/pg/.s.PGSQL.1"],
            False,
        ),
        ("postgresql://a@b@localhost/app", [("localhost", 5432)], False),
        ("postgresql://app@:5433/app", [("localhost", 5433)], False),
        ("postgresql://[::1]:5433/app", [("::1", 5433)], False),
    ],
)
def test_tls_is_chosen_for_the_hosts_that_the_driver_tries(
    url: str, addresses: list[Any], secured: bool
) -> None:
    tried, context = reached(url)
    assert tried == addresses
    assert bool(context) == secured


def test_the_environment_can_not_lead_elsewhere_without_tls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "services"
    file.write_text("[prod]\nhost=db.example.com\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    monkeypatch.setenv("PGSERVICE", "prod")
    monkeypatch.setenv("PGSSLMODE", "disable")
    addresses, context = reached("postgresql://app@/app")
    assert ("db.example.com", 5432) not in addresses
    assert context is False
    monkeypatch.setenv("PGPORT", "5433")
    monkeypatch.setenv("PGHOST", "db.example.com")
    addresses, context = reached("postgresql://app@/app")
    assert addresses == [("db.example.com", 5433)]
    assert isinstance(context, ssl.SSLContext)
    addresses, context = reached("postgresql://app@localhost/app")
    assert addresses == [("localhost", 5433)]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://u:secret-word@db.example.com/x?host=localhost", "leave one of them out"),
        ("postgresql://u:secret-word@localhost/x?host=/cloudsql/a", "leave one of them out"),
        ("postgresql://u:secret-word@/x?service=prod", "reads no service file"),
        ("postgresql://u:secret-word@/x?servicefile=/a", "reads no service file"),
        ("postgresql://u:secret-word@a,b,c/x?port=1,2", "one number for each host"),
        ("postgresql://u:secret-word@db:word/x", "one number for each host"),
        ("postgresql://u:secret-word#more@db/x", "one number for each host"),
    ],
)
def test_what_leaves_open_which_host_is_meant(url: str, told: str) -> None:
    with pytest.raises(SettingsInvalid, match=told) as refused:
        target(url)
    assert "word" not in str(refused.value)


@pytest.mark.parametrize("where", ["db", "db.internal", "10.1.2.3", "192.168.1.2", "[fd00::1]"])
def test_in_a_private_net_tls_may_be_switched_off(where: str) -> None:
    assert target(f"postgresql://{where}/app?sslmode=disable").options["ssl"] is False
    assert isinstance(target(f"postgresql://{where}/app").options["ssl"], ssl.SSLContext)


@pytest.mark.parametrize("where", ["db.example.com", "8.8.8.8", "[2001:4860::1]"])
def test_a_remote_database_is_reached_by_tls_only(where: str) -> None:
    for mode in ("", "?sslmode=allow", "?sslmode=prefer", "?sslmode=require"):
        assert isinstance(target(f"postgresql://{where}/app{mode}").options["ssl"], ssl.SSLContext)
    for hosts in (where, f"localhost,{where}"):
        with pytest.raises(SettingsInvalid, match="sslmode=disable for a remote host"):
            target(f"postgresql://{hosts}/app?sslmode=disable")


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
        "user=ada&password=secret-word&dbname=app&port=5433",
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
