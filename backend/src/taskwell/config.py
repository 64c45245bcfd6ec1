"""Settings: what there is to set, and what it has to be like."""

from __future__ import annotations

import ipaddress
import os
import re
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from taskwell.machine import usable_processors

SHORTEST_SECRET = 32
MOST_WORKERS = 64

# Not ours: each OpenTelemetry program goes by these.
TELEMETRY_ENDPOINTS = tuple(
    f"OTEL_EXPORTER_OTLP_{signal}ENDPOINT" for signal in ("", "TRACES_", "METRICS_", "LOGS_")
)

# Of private networks, Kubernetes' included: these are never found in the public DNS.
_INSIDE = (".internal", ".local", ".localhost")

_PORTS = {"http": 80, "https": 443}
# In ASCII and without a *; the colon is that of an IPv6 address.
_HOST = re.compile(r"[a-z0-9._:-]+")

CommaSeparated = tuple[str, ...]


def default_data_folder() -> Path:
    """As root it must be a folder that PostgreSQL's unprivileged user can reach."""
    if os.geteuid() == 0:
        return Path("/var/lib/taskwell")
    share = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(share).expanduser() / "taskwell"


def expanded(path: Path) -> Path:
    """With the home folder for a ~, as a shell would have done."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError("names a home folder that nobody has") from None


def default_workers() -> int:
    return min(usable_processors(), MOST_WORKERS)


def usual_place() -> tuple[str, str]:
    """Host and port in PostgreSQL's own variables, for a DATABASE_URL that leaves them open."""
    return os.environ.get("PGHOST", ""), os.environ.get("PGPORT") or "5432"


def origin(url: str) -> str:
    """As `new URL().origin`, and so a browser and Better Auth, has it."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host):
        raise ValueError("has no origin")
    if ":" in host:
        host = f"[{host}]"
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def is_web_address(url: str) -> bool:
    try:
        origin(url)
    except ValueError:
        return False
    return "@" not in urlsplit(url).netloc and url.isprintable() and " " not in url


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_private(host: str) -> bool:
    """A bare name, as containers call each other, one of a zone that only exists inside, or an
    address that no router passes on."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.lower().endswith(_INSIDE)


def _is_safe_to_read(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or is_private(parts.hostname or "")


def is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)

    database_url: SecretStr | None = Field(None, validation_alias="DATABASE_URL")
    database_url_unpooled: SecretStr | None = Field(None, validation_alias="DATABASE_URL_UNPOOLED")
    pool_size: int = Field(10, ge=1, le=1000, validation_alias="TASKWELL_POOL_SIZE")
    prepared_statements: bool = Field(True, validation_alias="TASKWELL_PREPARED_STATEMENTS")

    better_auth_url: str | None = Field(None, validation_alias="BETTER_AUTH_URL")
    auth_issuer: str | None = Field(None, validation_alias="TASKWELL_AUTH_ISSUER")
    auth_audience: CommaSeparated = Field((), validation_alias="TASKWELL_AUTH_AUDIENCE")
    auth_jwks_url: str | None = Field(None, validation_alias="TASKWELL_AUTH_JWKS_URL")
    auth_secret: SecretStr | None = Field(None, validation_alias="TASKWELL_AUTH_SECRET")
    access_tokens: bool = Field(False, validation_alias="TASKWELL_ACCESS_TOKENS")
    auth_scopes: CommaSeparated = Field((), validation_alias="TASKWELL_AUTH_SCOPES")

    host: str = Field("127.0.0.1", min_length=1, validation_alias="TASKWELL_HOST")
    port: int = Field(8000, ge=0, le=65535, validation_alias="TASKWELL_PORT")
    workers: int = Field(
        default_factory=default_workers, ge=1, le=MOST_WORKERS, validation_alias="TASKWELL_WORKERS"
    )
    data: Path = Field(default_factory=default_data_folder, validation_alias="TASKWELL_DATA")
    cors_origins: CommaSeparated = Field((), validation_alias="TASKWELL_CORS_ORIGINS")
    max_tasks: int = Field(10_000, ge=1, le=1_000_000, validation_alias="TASKWELL_MAX_TASKS")
    max_body: int = Field(1024 * 1024, ge=1024, le=1024**3, validation_alias="TASKWELL_MAX_BODY")
    rate_limit: int = Field(100, ge=0, le=100_000, validation_alias="TASKWELL_RATE_LIMIT")
    trusted_proxies: CommaSeparated = Field((), validation_alias="TASKWELL_TRUSTED_PROXIES")
    metrics_port: int | None = Field(None, ge=0, le=65535, validation_alias="TASKWELL_METRICS_PORT")
    server_timing: bool = Field(False, validation_alias="TASKWELL_SERVER_TIMING")
    retention_days: int = Field(30, ge=1, le=3650, validation_alias="TASKWELL_RETENTION_DAYS")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", validation_alias="TASKWELL_LOG_LEVEL"
    )
    log_format: Literal["json", "text"] = Field("json", validation_alias="TASKWELL_LOG_FORMAT")

    @field_validator(
        "auth_audience", "auth_scopes", "cors_origins", "trusted_proxies", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("data")
    @classmethod
    def _is_expanded(cls, value: Path) -> Path:
        return expanded(value)

    @field_validator("database_url", "database_url_unpooled")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            scheme = value.get_secret_value().partition("://")[0]
            if scheme not in ("postgresql", "postgres"):
                raise ValueError("must be a URL that starts with postgresql://")
        return value

    @field_validator("better_auth_url", "auth_jwks_url")
    @classmethod
    def _is_http(cls, value: str | None) -> str | None:
        if value is not None and not is_web_address(value):
            raise ValueError(
                "must be a URL such as https://app.example.com, "
                "with its host in ASCII and without a user or a password"
            )
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            if not is_web_address(entry):
                raise ValueError(
                    "must list origins such as https://app.example.com, each with a scheme and "
                    "a host in ASCII (xn-- and so on for other letters), and none with a *"
                )
            if entry != origin(entry):
                raise ValueError(
                    f"must list origins as browsers send them: write {origin(entry)} there"
                )
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            if not is_network(entry):
                raise ValueError("must list addresses or networks such as 10.0.0.0/8")
        return value

    @field_validator("auth_secret")
    @classmethod
    def _is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < SHORTEST_SECRET:
            raise ValueError(f"must be at least {SHORTEST_SECRET} bytes long")
        return value

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.auth_secret is not None:
            if self.auth_jwks_url is not None:
                raise ValueError(
                    "TASKWELL_AUTH_SECRET and TASKWELL_AUTH_JWKS_URL exclude each other: "
                    "set one of them"
                )
            if self.better_auth_url is None and self.auth_issuer is None:
                raise ValueError(
                    "TASKWELL_AUTH_SECRET needs an issuer: "
                    "set BETTER_AUTH_URL or TASKWELL_AUTH_ISSUER"
                )
        elif self.better_auth_url is None and (bool(self.auth_jwks_url) != bool(self.auth_issuer)):
            raise ValueError(
                "BETTER_AUTH_URL is not set: "
                "set it, or both TASKWELL_AUTH_JWKS_URL and TASKWELL_AUTH_ISSUER"
            )
        if self.access_tokens and (self.better_auth_url is None or self.auth_secret is not None):
            raise ValueError(
                "TASKWELL_ACCESS_TOKENS needs BETTER_AUTH_URL and no TASKWELL_AUTH_SECRET: "
                "Better Auth signs such tokens with the keys of its key set"
            )
        if self.auth_scopes and not self.access_tokens:
            raise ValueError(
                "TASKWELL_AUTH_SCOPES is set without TASKWELL_ACCESS_TOKENS: "
                "only access tokens have scopes"
            )
        if self.uses_development_issuer and not is_loopback(self.host):
            raise ValueError(
                "TASKWELL_HOST must be a loopback address while the development issuer is in use: "
                "set BETTER_AUTH_URL to listen anywhere else"
            )
        if self.metrics_port == self.port != 0:
            raise ValueError(
                "TASKWELL_METRICS_PORT is the same as TASKWELL_PORT: choose another one"
            )
        if self.database_url is None and self.database_url_unpooled is not None:
            raise ValueError("DATABASE_URL_UNPOOLED is set without DATABASE_URL: set both")
        return self

    @model_validator(mode="after")
    def _can_trust_the_keys(self) -> Self:
        if self.jwks_url is not None and not _is_safe_to_read(self.jwks_url):
            name = "TASKWELL_AUTH_JWKS_URL" if self.auth_jwks_url else "BETTER_AUTH_URL"
            raise ValueError(
                f"{name} must begin with https:// outside of a private network: "
                "who is on the way could hand over keys of their own, and be every user"
            )
        return self

    @property
    def uses_development_issuer(self) -> bool:
        return (
            self.better_auth_url is None and self.auth_secret is None and self.auth_jwks_url is None
        )

    @property
    def uses_embedded_database(self) -> bool:
        return self.database_url is None

    @property
    def exports_telemetry(self) -> bool:
        """Whether OpenTelemetry's own variables name a place for it to go."""
        if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
            return False
        return any(os.environ.get(name) for name in TELEMETRY_ENDPOINTS)

    @property
    def issuer(self) -> str:
        if self.auth_issuer is not None:
            return self.auth_issuer
        return origin(self.better_auth_url) if self.better_auth_url else DEVELOPMENT_ISSUER

    @property
    def access_token_issuer(self) -> str | None:
        """None where access tokens are refused. Better Auth puts a custom issuer in verbatim."""
        if not self.access_tokens or self.better_auth_url is None:
            return None
        return self.auth_issuer or self.better_auth_url.rstrip("/") + "/api/auth"

    @property
    def audiences(self) -> tuple[str, ...]:
        if self.auth_audience:
            return self.auth_audience
        return (origin(self.better_auth_url) if self.better_auth_url else self.issuer,)

    @property
    def jwks_url(self) -> str | None:
        """None where there is no key set to fetch: a shared secret, or the development issuer."""
        if self.auth_secret is not None:
            return None
        if self.auth_jwks_url is not None:
            return self.auth_jwks_url
        if self.better_auth_url is None:
            return None
        return self.better_auth_url.rstrip("/") + "/api/auth/jwks"


def bound_telemetry() -> None:
    """A receiver that is away must not keep a worker from ending: what is sent to it last is tried
    for traces, metrics and logs one after the other, each for this many seconds."""
    os.environ.setdefault("OTEL_EXPORTER_OTLP_TIMEOUT", "2")


DEVELOPMENT_ISSUER = "http://taskwell.localhost"
