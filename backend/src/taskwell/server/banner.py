"""What a person sees when the service is ready."""

from __future__ import annotations

from taskwell.auth.gate import development_issuer
from taskwell.config import Settings

EXAMPLE_USER = "alice"


def banner(settings: Settings, url: str, metrics: str | None = None) -> str:
    lines = [f"Taskwell listens on {url} (documentation: {url}/docs)"]
    if metrics is not None:
        lines.append(f"Metrics for Prometheus are at {metrics}.")
    if settings.uses_embedded_database:
        lines.append(f"Tasks are kept in {settings.data.absolute()}, in a PostgreSQL of its own.")
    else:
        lines.append("Tasks are kept in the database that DATABASE_URL names.")
    if settings.uses_development_issuer:
        token = development_issuer(settings).token(EXAMPLE_USER)
        lines += [
            "Development only: anyone on this machine may make tokens. Try it (for one hour):",
            "",
            f"  curl -H 'Authorization: Bearer {token}' {url}/tasks",
            "",
            "Production: set BETTER_AUTH_URL and DATABASE_URL, run `taskwell migrate`, and see",
            "`taskwell doctor`. Another token: `taskwell token USER`. Ctrl-C ends.",
        ]
    else:
        lines.append(f"Tokens are those of {settings.issuer}. `taskwell doctor` checks the rest.")
    return "\n".join(lines)
