"""The commands. Each imports what it needs when it runs, so that the small ones are quick."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from taskwell import __version__
from taskwell.errors import SettingsInvalid, StartRefused

if TYPE_CHECKING:
    from taskwell.config import Settings

commands = typer.Typer(
    help="""A task service for many users, on PostgreSQL.

    To try it: `taskwell serve` starts the service with a database and tokens of its own.

    For production: set DATABASE_URL and BETTER_AUTH_URL, run `taskwell migrate`, then
    `taskwell serve`, and ask `taskwell doctor` when something does not work.
    """,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

EnvFile = Annotated[
    Path | None,
    typer.Option(
        envvar="TASKWELL_ENV_FILE",
        help="A file with settings, such as DATABASE_URL=…; default: .env in this folder, if any.",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(help="The folder for the private database and the development issuer's key."),
]

DeniedKind = Annotated[
    Literal["user", "key"], typer.Argument(help="A user by their id, or a key by its kid.")
]
DeniedName = Annotated[str, typer.Argument(help="The token's sub, or its kid.")]


@commands.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(help="The port to listen on; 0 takes a free one and prints it.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that answer requests; default: one a core.")
    ] = None,
    data: Data = None,
    env_file: EnvFile = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only see whether the service could start.")
    ] = False,
) -> None:
    """Start the service; Ctrl-C ends it.

    With nothing configured it runs for a developer, on this machine only: with a PostgreSQL of
    its own in the data folder, and tokens made by `taskwell token`.

    Examples: `taskwell serve`, `taskwell serve --port 8080`, `taskwell serve --data ./data`.

    SIGTERM ends it when the running requests are answered. SIGHUP reads settings and code again
    without a gap; the address and the data folder stay.
    """
    from taskwell.server import service  # noqa: PLC0415  # the largest import of all

    flags = {"host": host, "port": port, "workers": workers, "data": data}
    read_settings = partial(_read_settings, env_file, **flags)
    if check:
        service.check(read_settings())
        typer.echo("The settings are usable.")
    else:
        service.serve(read_settings)


@commands.command()
def migrate(
    sql: Annotated[
        bool, typer.Option("--sql", help="Only print the SQL of all migrations.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only look: exit code 1 when the schema is behind.")
    ] = False,
    data: Data = None,
    env_file: EnvFile = None,
) -> None:
    """Bring the database's schema up to this version.

    Safe beside a running service, and safe to run twice at once. It uses DATABASE_URL_UNPOOLED,
    or DATABASE_URL where that isn't set; the private database is migrated by `taskwell serve`.

    Examples: `taskwell migrate`, `taskwell migrate --check`, `taskwell migrate --sql > all.sql`.
    """
    from taskwell import migrating  # noqa: PLC0415  # imports Alembic and SQLAlchemy

    if sql:
        typer.echo(migrating.sql())
        return
    settings = _read_settings(env_file, data=data)
    if not check:
        typer.echo(migrating.upgrade(settings))
        return
    report = migrating.look(settings)
    typer.echo(report.text)
    if not report.is_current:
        raise typer.Exit(1)


@commands.command()
def token(
    user: Annotated[str, typer.Argument(help="The user's id: any name, such as alice.")],
    ttl: Annotated[
        int, typer.Option(min=1, max=10 * 365 * 86400, help="For how many seconds it is good.")
    ] = 3600,
    data: Data = None,
    env_file: EnvFile = None,
) -> None:
    """Print a token of the development issuer.

    Only while no real issuer is configured; with one, tokens come from there.

    Example: `curl -H "Authorization: Bearer $(taskwell token alice)" http://127.0.0.1:8000/tasks`
    """
    settings = _read_settings(env_file, data=data)
    if not settings.uses_development_issuer:
        raise SettingsInvalid(
            f"Tokens come from {settings.issuer} here: `taskwell token` works only as long as "
            "neither BETTER_AUTH_URL nor another setting names an issuer."
        )
    from taskwell.auth.gate import development_issuer  # noqa: PLC0415  # only this command

    typer.echo(development_issuer(settings).token(user, ttl))


@commands.command()
def doctor(
    token: Annotated[
        str | None,
        typer.Option(help="Also tell why this token is refused; - reads it from standard input."),
    ] = None,
    data: Data = None,
    env_file: EnvFile = None,
) -> None:
    """Look at everything the service depends on, and say what to do about what is wrong.

    Exit code 1 when something is. No secret is ever printed.

    Examples: `taskwell doctor`, `taskwell doctor --token - < token.txt`.
    """
    from taskwell.doctor import examine  # noqa: PLC0415  # imports the driver and cryptography

    if token == "-":
        token = sys.stdin.read().strip()
    is_well = True
    for finding in examine(_read_settings(env_file, data=data), token):
        is_well = is_well and finding.passed
        typer.echo(f"{'ok  ' if finding.passed else 'FAIL'}  {finding.check}: {finding.text}")
    if not is_well:
        raise typer.Exit(1)


@commands.command()
def deny(
    kind: DeniedKind,
    name: DeniedName,
    issued_before: Annotated[
        datetime | None,
        typer.Option(help="UTC. Tokens issued from then on are good; default: now."),
    ] = None,
    data: Data = None,
    env_file: EnvFile = None,
) -> None:
    """Cut off a user or a key now, before the tokens expire.

    Every process follows within 5 seconds, and ends the live streams too. A user comes back with
    a token that is issued later: sign them out at the issuer as well.

    Examples: `taskwell deny user alice`, `taskwell deny key 3fJ9`.
    """
    from taskwell import operating  # noqa: PLC0415  # imports the driver

    moment = issued_before and issued_before.replace(tzinfo=UTC)
    settings = _read_settings(env_file, data=data)
    typer.echo(operating.deny(settings, kind, name, moment))


@commands.command()
def allow(kind: DeniedKind, name: DeniedName, data: Data = None, env_file: EnvFile = None) -> None:
    """Take back what `taskwell deny` did.

    Example: `taskwell allow user alice`
    """
    from taskwell import operating  # noqa: PLC0415  # imports the driver

    typer.echo(operating.allow(_read_settings(env_file, data=data), kind, name))


@commands.command()
def denied(data: Data = None, env_file: EnvFile = None) -> None:
    """List who is cut off."""
    from taskwell import operating  # noqa: PLC0415  # imports the driver

    typer.echo(operating.denied(_read_settings(env_file, data=data)))


@commands.command()
def purge(data: Data = None, env_file: EnvFile = None) -> None:
    """Let go of deleted tasks and receipts that were kept long enough, now.

    The service does so by itself, about once an hour while it is used.
    """
    from taskwell import operating  # noqa: PLC0415  # imports the driver

    typer.echo(operating.purge(_read_settings(env_file, data=data)))


@commands.command()
def backup(
    target: Annotated[Path, typer.Argument(help="A file that isn't there yet, or a folder.")],
    data: Data = None,
    env_file: EnvFile = None,
) -> None:
    """Back up the private database, while the service runs or not.

    The file has its name only once it is complete. In a folder it is named after the time. It has
    everything but the development issuer's key.

    Example: `taskwell backup /var/backups`
    """
    from taskwell import archiving  # noqa: PLC0415  # imports the driver and Alembic

    typer.echo(archiving.backup(_read_settings(env_file, data=data), target))


@commands.command()
def restore(
    source: Annotated[Path, typer.Argument(help="What `taskwell backup` has made.")],
    data: Data = None,
    env_file: EnvFile = None,
) -> None:
    """Put a backup into a data folder that has no database yet.

    The database is there at the end and complete, or not at all. Clients fetch everything again.

    Example: `taskwell restore tasks.tar --data ./restored`
    """
    from taskwell import archiving  # noqa: PLC0415  # imports the driver and Alembic

    typer.echo(archiving.restore(_read_settings(env_file, data=data), source))


@commands.command()
def new_epoch(
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
    data: Data = None,
    env_file: EnvFile = None,
) -> None:
    """Make every tag and cursor worthless, after a database was restored or set back.

    `taskwell restore` does so by itself. Without this a client might take an old answer for a new
    one, since revisions count over numbers that it has seen already.

    Example: `taskwell new-epoch --yes`
    """
    from taskwell import operating  # noqa: PLC0415  # imports the driver

    typer.echo(operating.new_epoch(_read_settings(env_file, data=data), is_meant=yes))


@commands.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _read_settings(env_file: Path | None, **flags: object) -> Settings:
    from taskwell.config import load_settings  # noqa: PLC0415  # version does without it

    if env_file is None and Path(".env").is_file():
        env_file = Path(".env")
    elif env_file is not None and not env_file.is_file():
        raise SettingsInvalid(f"There is no file {env_file} to read settings from.")
    return load_settings(env_file, **flags)


def app() -> None:
    try:
        commands(prog_name="taskwell")
    except StartRefused as error:
        typer.echo(str(error), err=True)
        sys.exit(2 if isinstance(error, SettingsInvalid) else 1)
