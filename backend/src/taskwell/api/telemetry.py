"""OpenTelemetry, which the framework speaks by itself.

It is switched on by OpenTelemetry's own variables; where they are not set it is not even asked for.
"""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from importlib.util import find_spec
from typing import Any

from fastapi.telemetry import TelemetryConfig
from opentelemetry.context import Context
from opentelemetry.trace import get_tracer_provider

from taskwell.config import Settings, bound_telemetry

_EXPORTER = "opentelemetry.exporter.otlp.proto.http"
WITHOUT_PACKAGES = (
    "the packages for it are not installed: `uv pip install --no-deps --require-hashes --python "
    f"{sys.executable} -r backend/requirements/telemetry.txt`, or, without uv, `{sys.executable} "
    "-m pip install --no-deps --require-hashes -r backend/requirements/telemetry.txt`; start again "
    "after that"
)
_QUERY = "url.query"

_OFF: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}


def is_missing(settings: Settings) -> bool:
    """Whether it is wanted, and the packages for it are not installed."""
    if not settings.exports_telemetry:
        return False
    try:
        return find_spec(_EXPORTER) is None
    except ModuleNotFoundError:
        return True


def is_on(settings: Settings) -> bool:
    return settings.exports_telemetry and not is_missing(settings)


def configuration(settings: Settings) -> TelemetryConfig:
    if not is_on(settings):
        # The framework would advise each worker to change our code.
        return _OFF
    bound_telemetry()
    return {"auto_configure": True, "operation_spans": False, "exclude": _is_uninteresting}


def keep_queries_at_home() -> None:
    """What somebody searches for is in no log of ours, and must not be in anybody else's."""
    provider: Any = get_tracer_provider()
    if hasattr(provider, "add_span_processor"):
        provider.add_span_processor(_without_query())


def _without_query() -> object:
    from opentelemetry.sdk.trace import (  # noqa: PLC0415  # not there where nothing is exported
        Span,
        SpanProcessor,
    )

    class WithoutQuery(SpanProcessor):
        def on_start(self, span: Span, parent_context: Context | None = None) -> None:
            if span.attributes and _QUERY in span.attributes:
                span.set_attribute(_QUERY, "REDACTED")

    return WithoutQuery()


def _is_uninteresting(scope: MutableMapping[str, Any]) -> bool:
    """Probes come every few seconds, and a stream is no request that should be over soon."""
    path: str = scope["path"]
    return path.startswith("/health") or path == "/events"
