"""What a person sees when the service is ready."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from taskwell.auth.gate import development_issuer
from taskwell.config import Settings, default_data_folder

EXAMPLE_USER = "alice"


def banner(
    settings: Settings, url: str, metrics: str | None = None, file: Path | None = None
) -> str:
    program = command()
    lines = [f"Taskwell listens on {url} (documentation: {url}/docs)"]
    if metrics is not None:
        lines.append(f"Metrics for Prometheus are at {metrics}.")
    if file is not None:
        lines.append(f"Settings are read from {file.absolute()}, too.")
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
            f"Another token: `{program} token USER{_data(settings)}`. Ctrl-C ends.",
            "Production: set BETTER_AUTH_URL and DATABASE_URL, then run",
            f"`{program} migrate` and `{program} doctor`.",
        ]
    else:
        lines.append(f"Tokens are those of {settings.issuer}. `{program} doctor` checks the rest.")
    return "\n".join(lines)


def doubts(what_is_wrong: str) -> str:
    """A last line, where the database can't be used yet."""
    if not what_is_wrong:
        return ""
    program = command()
    return (
        f"\nThe database can't be used yet: {what_is_wrong}. `{program} migrate` brings its "
        f"schema up to date, `{program} doctor` looks at all of it."
    )


def _data(settings: Settings) -> str:
    """Elsewhere there would be the key of another issuer."""
    if settings.data == default_data_folder():
        return ""
    return f" --data {shlex.quote(str(settings.data.absolute()))}"


def command() -> str:
    """What to type for it here: its name only where the shell would find that."""
    environment = Path(sys.prefix)
    if shutil.which("taskwell") is None:
        # A checkout has a link of a name that stays, beside its environments.
        for place in (environment.with_name(".venv"), environment):
            program = place / "bin" / "taskwell"
            if program.exists():
                return shlex.quote(str(program))
    return "taskwell"
