from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from taskwell import config
from taskwell.config import DEVELOPMENT_ISSUER, Settings, default_data_folder
from taskwell.configuring import load_settings, settings_file, unknown_settings
from taskwell.errors import SettingsInvalid

SECRET = "a-shared-secret-of-32-bytes-or-more"
URL = "postgresql://user:secret-word@db.example.com/app"


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known = [str(field.validation_alias) for field in Settings.model_fields.values()]
    # Also those that the tests themselves are asked by, which are no settings.
    for name in {*known, *(name for name in os.environ if name.startswith("TASKWELL_"))}:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def from_environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return load_settings()


class TestNothingSet:
    def test_it_is_for_a_developer(self) -> None:
        settings = load_settings()
        assert settings.uses_embedded_database
        assert settings.uses_development_issuer
        assert (settings.host, settings.port) == ("127.0.0.1", 8000)
        assert settings.workers >= 1
        assert (settings.max_tasks, settings.max_body) == (10_000, 1024 * 1024)
        assert (settings.cors_origins, settings.trusted_proxies) == ((), ())
        assert (settings.rate_limit, settings.metrics_port) == (100, None)
        assert settings.server_timing is False
        assert (settings.log_level, settings.log_format) == ("info", "json")
        assert (settings.issuer, settings.audiences) == (DEVELOPMENT_ISSUER, (DEVELOPMENT_ISSUER,))
        assert settings.jwks_url is None
        assert settings.access_token_issuer is None

    def test_what_is_empty_is_not_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = from_environment(
            monkeypatch, DATABASE_URL="", BETTER_AUTH_URL="", TASKWELL_PORT=""
        )
        assert settings.uses_embedded_database
        assert settings.uses_development_issuer
        assert settings.port == 8000


class TestSources:
    def test_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = from_environment(
            monkeypatch,
            DATABASE_URL=URL,
            BETTER_AUTH_URL="https://app.example.com",
            TASKWELL_HOST="0.0.0.0",
            TASKWELL_PORT="0",
            TASKWELL_WORKERS="3",
            TASKWELL_POOL_SIZE="5",
            TASKWELL_PREPARED_STATEMENTS="off",
            TASKWELL_CORS_ORIGINS=" https://a.example , http://localhost:3000,",
            TASKWELL_MAX_TASKS="7",
            TASKWELL_LOG_LEVEL="warning",
            TASKWELL_LOG_FORMAT="text",
            TASKWELL_RATE_LIMIT="0",
            TASKWELL_TRUSTED_PROXIES="10.0.0.0/8, ::1,192.0.2.7",
            TASKWELL_METRICS_PORT="9100",
            TASKWELL_SERVER_TIMING="true",
        )
        assert settings.database_url is not None
        assert settings.database_url.get_secret_value() == URL
        assert (settings.host, settings.port, settings.workers) == ("0.0.0.0", 0, 3)
        assert (settings.pool_size, settings.prepared_statements) == (5, False)
        assert settings.cors_origins == ("https://a.example", "http://localhost:3000")
        assert (settings.max_tasks, settings.log_level) == (7, "warning")
        assert settings.log_format == "text"
        assert (settings.rate_limit, settings.metrics_port) == (0, 9100)
        assert settings.trusted_proxies == ("10.0.0.0/8", "::1", "192.0.2.7")
        assert settings.server_timing is True

    def test_flags_win_over_the_environment_and_that_over_the_file(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        file = tmp_path / "settings.env"
        file.write_text("TASKWELL_PORT=1\nTASKWELL_POOL_SIZE=1\nTASKWELL_MAX_TASKS=1\nOTHER=1\n")
        monkeypatch.setenv("TASKWELL_POOL_SIZE", "2")
        monkeypatch.setenv("TASKWELL_PORT", "2")
        settings = load_settings(file, port=3, host=None)
        assert (settings.max_tasks, settings.pool_size, settings.port) == (1, 2, 3)
        assert settings.host == "127.0.0.1"

    def test_what_is_empty_does_not_hide_what_the_file_says(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        file = tmp_path / "settings.env"
        file.write_text('export TASKWELL_PORT="1" # quoted\nTASKWELL_POOL_SIZE=\n')
        monkeypatch.setenv("TASKWELL_PORT", "")
        settings = load_settings(file)
        assert (settings.port, settings.pool_size) == (1, 10)

    def test_a_file_that_is_no_text(self, tmp_path: Path) -> None:
        file = tmp_path / "settings.env"
        file.write_bytes(b"TASKWELL_PORT=\xff")
        with pytest.raises(SettingsInvalid, match=re.escape(str(file))):
            load_settings(file)

    @pytest.mark.parametrize("line", ["foo bar", "TASKWELL_PORT='18433", "=1"])
    def test_a_line_that_is_no_setting(self, line: str, tmp_path: Path) -> None:
        """To start without it would be to start with another setting than the one that is meant."""
        file = tmp_path / "settings.env"
        file.write_text(f"# settings\nTASKWELL_HOST=127.0.0.1\n{line}\n")
        with pytest.raises(SettingsInvalid, match=f"Line 3 of {re.escape(str(file))}.*NAME=value"):
            load_settings(file)

    def test_which_file_it_is(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        named, other = tmp_path / "named.env", tmp_path / "other.env"
        assert settings_file() is None
        (tmp_path / ".env").touch()
        assert settings_file() == Path(".env")
        monkeypatch.setenv("TASKWELL_ENV_FILE", str(other))
        with pytest.raises(SettingsInvalid, match=re.escape(str(other))):
            settings_file()
        other.touch()
        assert settings_file() == other
        named.touch()
        assert settings_file(named) == named

    def test_secrets_are_never_printed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = from_environment(
            monkeypatch,
            DATABASE_URL=URL,
            DATABASE_URL_UNPOOLED=URL,
            TASKWELL_AUTH_SECRET=SECRET,
            BETTER_AUTH_URL="https://app.example.com",
        )
        assert "secret" not in repr(settings).replace("auth_secret", "")
        assert SECRET not in str(settings.model_dump())


class TestIssuer:
    def test_better_auth(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = from_environment(monkeypatch, BETTER_AUTH_URL="https://app.example.com/base/")
        assert not settings.uses_development_issuer
        assert settings.issuer == "https://app.example.com"
        assert settings.audiences == ("https://app.example.com",)
        assert settings.jwks_url == "https://app.example.com/base/api/auth/jwks"
        assert settings.access_token_issuer is None

    @pytest.mark.parametrize(
        ("url", "origin"),
        [
            ("https://App.Example.com:443/", "https://app.example.com"),
            ("HTTP://LocalHost:80", "http://localhost"),
            ("https://app.example.com:8443/base", "https://app.example.com:8443"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ],
    )
    def test_the_origin_is_what_better_auth_makes_of_it(
        self, monkeypatch: pytest.MonkeyPatch, url: str, origin: str
    ) -> None:
        settings = from_environment(monkeypatch, BETTER_AUTH_URL=url)
        assert (settings.issuer, settings.audiences) == (origin, (origin,))

    def test_each_part_may_be_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = from_environment(
            monkeypatch,
            BETTER_AUTH_URL="https://app.example.com",
            TASKWELL_AUTH_ISSUER="custom",
            TASKWELL_AUTH_AUDIENCE="one, two",
            TASKWELL_AUTH_JWKS_URL="http://internal:3000/keys",
        )
        assert (settings.issuer, settings.audiences) == ("custom", ("one", "two"))
        assert settings.jwks_url == "http://internal:3000/keys"

    def test_without_better_auth(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = from_environment(
            monkeypatch,
            TASKWELL_AUTH_ISSUER="custom",
            TASKWELL_AUTH_JWKS_URL="https://keys.example.com/",
        )
        assert not settings.uses_development_issuer
        assert (settings.issuer, settings.audiences) == ("custom", ("custom",))

    @pytest.mark.parametrize("name", ["BETTER_AUTH_URL", "TASKWELL_AUTH_JWKS_URL"])
    @pytest.mark.parametrize("host", ["app.example.com", "8.8.8.8", "[2001:4860::1]", "local.io"])
    def test_keys_are_not_read_over_plain_http_from_elsewhere(
        self, monkeypatch: pytest.MonkeyPatch, name: str, host: str
    ) -> None:
        monkeypatch.setenv("TASKWELL_AUTH_ISSUER", "custom")
        with pytest.raises(SettingsInvalid, match=f"^{name} must begin with https://"):
            from_environment(monkeypatch, **{name: f"http://{host}:3000/keys"})

    @pytest.mark.parametrize(
        "host",
        [
            *("localhost", "127.0.0.1", "[::1]", "10.1.2.3", "192.168.1.2", "[fd00::1]"),
            *("auth", "better_auth", "auth.internal", "auth.default.svc.cluster.local"),
        ],
    )
    def test_within_a_private_network_they_are(
        self, monkeypatch: pytest.MonkeyPatch, host: str
    ) -> None:
        settings = from_environment(monkeypatch, BETTER_AUTH_URL=f"http://{host}:3000")
        assert settings.jwks_url == f"http://{host}:3000/api/auth/jwks"

    def test_an_issuer_whose_keys_come_another_way_may_have_any_address(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BETTER_AUTH_URL", "http://app.example.com")
        inside = "http://auth:3000/api/auth/jwks"
        assert from_environment(monkeypatch, TASKWELL_AUTH_JWKS_URL=inside).jwks_url == inside
        monkeypatch.delenv("TASKWELL_AUTH_JWKS_URL")
        assert from_environment(monkeypatch, TASKWELL_AUTH_SECRET=SECRET).jwks_url is None

    @pytest.mark.parametrize(
        "issuer", [{"BETTER_AUTH_URL": "https://x.example"}, {"TASKWELL_AUTH_ISSUER": "x"}]
    )
    def test_a_shared_secret(self, monkeypatch: pytest.MonkeyPatch, issuer: dict[str, str]) -> None:
        settings = from_environment(monkeypatch, TASKWELL_AUTH_SECRET=SECRET, **issuer)
        assert not settings.uses_development_issuer
        assert settings.jwks_url is None

    def test_access_tokens(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = from_environment(
            monkeypatch,
            BETTER_AUTH_URL="https://app.example.com/",
            TASKWELL_ACCESS_TOKENS="true",
            TASKWELL_AUTH_SCOPES="tasks",
        )
        assert settings.access_token_issuer == "https://app.example.com/api/auth"
        assert settings.auth_scopes == ("tasks",)
        monkeypatch.setenv("TASKWELL_AUTH_ISSUER", "custom")
        assert load_settings().access_token_issuer == "custom"


BETTER_AUTH = {"BETTER_AUTH_URL": "https://app.example.com"}


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"DATABASE_URL": "mysql://secret-word@x/y"}, "DATABASE_URL"),
        ({"DATABASE_URL": "secret-word"}, "DATABASE_URL"),
        ({"DATABASE_URL": URL, "DATABASE_URL_UNPOOLED": "x"}, "DATABASE_URL_UNPOOLED"),
        ({"DATABASE_URL_UNPOOLED": URL}, "DATABASE_URL_UNPOOLED"),
        ({"BETTER_AUTH_URL": "app.example.com"}, "BETTER_AUTH_URL"),
        ({"BETTER_AUTH_URL": "ftp://app.example.com"}, "BETTER_AUTH_URL"),
        ({"BETTER_AUTH_URL": "https://"}, "BETTER_AUTH_URL"),
        ({"BETTER_AUTH_URL": "https://user:secret-word@app.example.com"}, "BETTER_AUTH_URL"),
        ({"BETTER_AUTH_URL": "https://пример.рф"}, "BETTER_AUTH_URL"),
        ({**BETTER_AUTH, "TASKWELL_AUTH_JWKS_URL": "nonsense"}, "TASKWELL_AUTH_JWKS_URL"),
        (
            {**BETTER_AUTH, "TASKWELL_AUTH_JWKS_URL": "https://secret-word@app.example.com/"},
            "TASKWELL_AUTH_JWKS_URL",
        ),
        ({**BETTER_AUTH, "TASKWELL_AUTH_SECRET": "secret-word"}, "TASKWELL_AUTH_SECRET"),
        ({"TASKWELL_AUTH_SECRET": SECRET}, "TASKWELL_AUTH_SECRET"),
        (
            {
                **BETTER_AUTH,
                "TASKWELL_AUTH_SECRET": SECRET,
                "TASKWELL_AUTH_JWKS_URL": "https://x.example",
            },
            "TASKWELL_AUTH_JWKS_URL",
        ),
        ({"TASKWELL_AUTH_ISSUER": "x"}, "BETTER_AUTH_URL"),
        ({"TASKWELL_AUTH_JWKS_URL": "https://x.example"}, "BETTER_AUTH_URL"),
        ({"TASKWELL_ACCESS_TOKENS": "1"}, "TASKWELL_ACCESS_TOKENS"),
        (
            {**BETTER_AUTH, "TASKWELL_ACCESS_TOKENS": "1", "TASKWELL_AUTH_SECRET": SECRET},
            "TASKWELL_ACCESS_TOKENS",
        ),
        ({"TASKWELL_AUTH_SCOPES": "tasks"}, "TASKWELL_AUTH_SCOPES"),
        ({"TASKWELL_HOST": "0.0.0.0"}, "TASKWELL_HOST"),
        ({"TASKWELL_HOST": "::"}, "TASKWELL_HOST"),
        ({"TASKWELL_HOST": "app.example.com"}, "TASKWELL_HOST"),
        ({"TASKWELL_PORT": "65536"}, "TASKWELL_PORT"),
        ({"TASKWELL_PORT": "-1"}, "TASKWELL_PORT"),
        ({"TASKWELL_PORT": "http"}, "TASKWELL_PORT"),
        ({"TASKWELL_WORKERS": "0"}, "TASKWELL_WORKERS"),
        ({"TASKWELL_POOL_SIZE": "0"}, "TASKWELL_POOL_SIZE"),
        ({"TASKWELL_MAX_TASKS": "0"}, "TASKWELL_MAX_TASKS"),
        ({"TASKWELL_MAX_BODY": "1"}, "TASKWELL_MAX_BODY"),
        ({"TASKWELL_RATE_LIMIT": "-1"}, "TASKWELL_RATE_LIMIT"),
        ({"TASKWELL_RATE_LIMIT": "100:500"}, "TASKWELL_RATE_LIMIT"),
        ({"TASKWELL_TRUSTED_PROXIES": "proxy.example.com"}, "TASKWELL_TRUSTED_PROXIES"),
        ({"TASKWELL_TRUSTED_PROXIES": "10.0.0.1/8"}, "TASKWELL_TRUSTED_PROXIES"),
        ({"TASKWELL_METRICS_PORT": "65536"}, "TASKWELL_METRICS_PORT"),
        ({"TASKWELL_METRICS_PORT": "8000"}, "TASKWELL_METRICS_PORT"),
        ({"TASKWELL_SERVER_TIMING": "perhaps"}, "TASKWELL_SERVER_TIMING"),
        ({"TASKWELL_PREPARED_STATEMENTS": "perhaps"}, "TASKWELL_PREPARED_STATEMENTS"),
        ({"TASKWELL_LOG_LEVEL": "loud"}, "TASKWELL_LOG_LEVEL"),
        ({"TASKWELL_LOG_FORMAT": "xml"}, "TASKWELL_LOG_FORMAT"),
        ({"TASKWELL_CORS_ORIGINS": "*"}, "TASKWELL_CORS_ORIGINS"),
        ({"TASKWELL_CORS_ORIGINS": "app.example.com"}, "TASKWELL_CORS_ORIGINS"),
        ({"TASKWELL_CORS_ORIGINS": "https://app.example.com/"}, "TASKWELL_CORS_ORIGINS"),
        ({"TASKWELL_CORS_ORIGINS": "ftp://app.example.com"}, "TASKWELL_CORS_ORIGINS"),
        ({"TASKWELL_CORS_ORIGINS": "https://*.example.com"}, "TASKWELL_CORS_ORIGINS"),
        ({"TASKWELL_CORS_ORIGINS": "https://пример.рф"}, "TASKWELL_CORS_ORIGINS"),
        ({"TASKWELL_CORS_ORIGINS": "https://app.example.com:port"}, "TASKWELL_CORS_ORIGINS"),
        ({"TASKWELL_CORS_ORIGINS": "https://u:secret@a.example.com"}, "TASKWELL_CORS_ORIGINS"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence_without_its_value(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], named: str
) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        from_environment(monkeypatch, **values)
    sentence = str(refused.value)
    assert named in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "secret" not in sentence.replace("shared secret", "")
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    "given", ["https://App.Example.com", "https://app.example.com:443", "https://app.example.com/x"]
)
def test_an_origin_that_no_browser_sends_is_told_as_it_sends_it(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    told = r"^TASKWELL_CORS_ORIGINS .*: write https://app\.example\.com there\.$"
    with pytest.raises(SettingsInvalid, match=told):
        from_environment(monkeypatch, TASKWELL_CORS_ORIGINS=f"http://localhost:3000,{given}")


def test_a_wrong_flag_is_named_as_it_was_given() -> None:
    with pytest.raises(SettingsInvalid, match=r"^--port is not usable"):
        load_settings(port=70000)
    with pytest.raises(SettingsInvalid, match="DATABASE_URL"):
        load_settings(database_url=SecretStr("nonsense"))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_the_development_issuer_is_bound_to_loopback(host: str) -> None:
    assert load_settings(host=host).host == host


class TestDataFolder:
    def test_for_a_user(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        monkeypatch.setenv("HOME", "/home/alice")
        monkeypatch.delenv("XDG_DATA_HOME", raising=False)
        assert default_data_folder() == Path("/home/alice/.local/share/taskwell")
        monkeypatch.setenv("XDG_DATA_HOME", "/data")
        assert default_data_folder() == Path("/data/taskwell")

    def test_for_root_it_is_one_that_postgresql_can_reach(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        assert default_data_folder() == Path("/var/lib/taskwell")


@pytest.mark.parametrize(("processors", "workers"), [(1, 1), (64, 64), (96, 64)])
def test_there_is_a_worker_for_each_core(
    monkeypatch: pytest.MonkeyPatch, processors: int, workers: int
) -> None:
    monkeypatch.setattr(config, "usable_processors", lambda: processors)
    assert load_settings().workers == workers


class TestTelemetry:
    @pytest.fixture(autouse=True)
    def _no_variable_is_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in (*config.TELEMETRY_ENDPOINTS, "OTEL_SDK_DISABLED"):
            monkeypatch.delenv(name, raising=False)

    def test_it_is_off(self) -> None:
        assert not load_settings().exports_telemetry

    @pytest.mark.parametrize("name", config.TELEMETRY_ENDPOINTS)
    def test_it_is_on_when_there_is_a_place_for_it_to_go(
        self, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv(name, "http://127.0.0.1:4318")
        assert load_settings().exports_telemetry

    def test_its_own_switch_turns_it_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
        monkeypatch.setenv("OTEL_SDK_DISABLED", "TRUE")
        assert not load_settings().exports_telemetry


class TestNames:
    def test_one_that_is_misspelled(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        file = tmp_path / "settings.env"
        file.write_text("TASKWELL_QUX=x\nTASKWELL_PORT=1\nOTHER=1\n")
        monkeypatch.setenv("TASKWELL_PROT", "8000")
        assert unknown_settings(file) == [
            "TASKWELL_PROT is no setting and has no effect: is TASKWELL_PORT meant?",
            "TASKWELL_QUX is no setting and has no effect: docs/operations.md has those there are.",
        ]

    def test_those_of_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in (
            "ENV_FILE",
            "PYTHON",
            "TOKEN",
            "COMMAND",
            "SERVICE_HOST",
            "PORT_8000_TCP_ADDR",
        ):
            monkeypatch.setenv(f"TASKWELL_{name}", "x")
        assert unknown_settings() == []

    def test_what_kubernetes_says_of_a_service_of_that_name(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TASKWELL_PORT", "tcp://10.0.0.11:8000")
        monkeypatch.setenv("TASKWELL_METRICS_PORT", "tcp://10.0.0.12:9100")
        settings = load_settings()
        assert (settings.port, settings.metrics_port) == (8000, None)
        monkeypatch.setenv("TASKWELL_PORT", "tcp://")
        with pytest.raises(SettingsInvalid, match="TASKWELL_PORT is not usable"):
            load_settings()

    def test_a_flag_that_was_given(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(SettingsInvalid, match=r"^--host must be a loopback"):
            load_settings(host="0.0.0.0")
        monkeypatch.setenv("TASKWELL_METRICS_PORT", "9000")
        with pytest.raises(SettingsInvalid, match=r"^TASKWELL_METRICS_PORT is the same as --port:"):
            load_settings(port=9000)
        monkeypatch.setenv("TASKWELL_HOST", "0.0.0.0")
        with pytest.raises(SettingsInvalid, match=r"^TASKWELL_HOST must be a loopback"):
            load_settings()


class TestPaths:
    def test_the_home_folder(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("TASKWELL_DATA", "~/foo")
        assert load_settings().data == tmp_path / "foo"
        (tmp_path / "my.env").touch()
        assert settings_file(Path("~/my.env")) == tmp_path / "my.env"

    def test_the_home_folder_of_nobody(self) -> None:
        with pytest.raises(SettingsInvalid, match=r"^--data is not usable: names a home folder"):
            load_settings(data=Path("~nobody-of-this-name/foo"))
        with pytest.raises(SettingsInvalid, match="names a home folder that nobody has"):
            settings_file(Path("~nobody-of-this-name/.env"))

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsInvalid, match="is a folder: name the file in it"):
            settings_file(tmp_path)
