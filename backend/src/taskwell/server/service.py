"""The service from its start to its end, in the order in which things must happen."""

from __future__ import annotations

import gc
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from taskwell import logs
from taskwell.auth.development import has_key
from taskwell.config import Settings
from taskwell.database.embedded import EmbeddedPostgres
from taskwell.database.folder import DataFolder
from taskwell.database.storage import Disk, Storage
from taskwell.errors import DatabaseNotStarted, SettingsInvalid, StartRefused
from taskwell.logs import MEMBERS
from taskwell.measures.layout import Layout
from taskwell.measures.ledger import Ledger, nameless_file
from taskwell.server import schema
from taskwell.server.banner import banner, doubts
from taskwell.server.census import Census
from taskwell.server.crew import Crew
from taskwell.server.disk_watch import DiskWatch
from taskwell.server.handover import Handover, command, tried_out, try_out
from taskwell.server.listener import listen, received, url_of
from taskwell.server.mapped import let_go_of_code
from taskwell.server.metrics_page import PATH, Metrics
from taskwell.server.rehearsal import rehearse
from taskwell.server.signals import Signals, Stopped
from taskwell.server.supervisor import Supervisor
from taskwell.server.worker import Worker, configuration

logger = logging.getLogger(__name__)

MANY_FILES = 65536

# What a reload can't change: it would take the address or the data away from under the workers.
FIXED = ("host", "port", "metrics_port", "data", "uses_embedded_database")


def serve(read_settings: Callable[[], Settings], file: Path | None = None) -> None:
    """Until somebody asks for the end; StartRefused when it can't even begin. `file` is the one
    that settings are read from, beside the environment and the flags."""
    handed = Handover.received()
    settings = read_settings()
    logs.configure(settings.log_level, settings.log_format)
    _allow_many_files()
    signals = Signals()
    with ExitStack() as closing:
        service = Service(settings, read_settings, signals, handed, closing)
        try:
            # A new parent has workers that wait for it already: it ends with them, in good order.
            with signals.interrupting() if handed is None else nullcontext():
                app = service.start()
        except Stopped:
            return
        service.run(app, file)


def _allow_many_files() -> None:
    """Each connection is one; the usual limit of 1024 is meant for programs that know no better."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if most == resource.RLIM_INFINITY else min(most, MANY_FILES)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def check(settings: Settings) -> None:
    """Whether the settings fit together and the service can be put together. Makes nothing."""
    from taskwell.main import create_app  # noqa: PLC0415  # as in Service.start

    nowhere = SecretStr("postgresql://localhost/taskwell")
    url = settings.database_url or nowhere
    with TemporaryDirectory() as scratch:
        # The development issuer makes its key where there is none.
        data = settings.data if has_key(settings.data) else Path(scratch)
        create_app(settings.model_copy(update={"database_url": url, "data": data}))
    private_database = tried_out()
    if private_database is not None:
        direct = settings.database_url_unpooled or url
        schema.require_fit(private_database or direct.get_secret_value())


def _connections(settings: Settings) -> int:
    """Twice those that the workers take, for a reload has two crews for a while."""
    return 2 * settings.workers * settings.pool_size + 20


class Service:
    def __init__(
        self,
        settings: Settings,
        read_settings: Callable[[], Settings],
        signals: Signals,
        handed: Handover | None,
        closing: ExitStack,
    ) -> None:
        self._settings = settings
        self._read_settings = read_settings
        self._signals = signals
        self._handed = handed
        self._closing = closing
        self._folder: DataFolder | None = None
        self._database: EmbeddedPostgres | None = None
        self._metrics: Metrics | None = None
        handed_storage = handed.storage if handed else None
        self._storage = Storage(nameless_file(1) if handed_storage is None else handed_storage)
        self._disk: DiskWatch | None = None

    def start(self) -> FastAPI:
        """Everything that the workers share. Nothing here may start a thread or an event loop: a
        forked process would inherit a broken one."""
        settings = self._settings
        self._listener = self._listen()
        self._metrics_listener = self._listen_for_metrics()
        if settings.uses_embedded_database:
            settings = self._start_database()
        assert settings.database_url is not None
        # Neon's pooler hides what the direct connection tells.
        url = settings.database_url_unpooled or settings.database_url
        self._word = schema.Word()
        is_own = self._database is not None
        task = partial(schema.attend, url.get_secret_value(), self._word, is_own=is_own)
        self._schema = self._signals.fork(partial(self._alone, task))
        self._word.listen()
        # The framework looks whether it meets models of Pydantic's first version, and so imports
        # all of it. Nobody here has any, and it goes on without.
        sys.modules.setdefault("pydantic.v1", None)  # type: ignore[arg-type]  # as documented
        from taskwell.api import telemetry  # noqa: PLC0415  # while that process works
        from taskwell.main import create_app  # noqa: PLC0415  # as above

        if telemetry.is_missing(settings):
            logger.warning(
                "no telemetry is sent", extra={MEMBERS: {"reason": telemetry.WITHOUT_PACKAGES}}
            )
        app = create_app(settings, storage=self._storage)
        if self._database is not None and os.waitpid(self._schema, 0)[1] != 0:
            raise DatabaseNotStarted(
                f"The database in {settings.data} could not be brought up to date: "
                "the log above tells why."
            )
        if self._metrics_listener is not None:
            self._metrics = self._share_metrics(self._metrics_listener, app.state.meter.layout)
        return app

    def run(self, app: FastAPI, file: Path | None) -> None:
        lifeline, self._lifeline_end = os.pipe()
        former = self._handed.workers if self._handed else frozenset[int]()
        aside = frozenset({self._schema} if self._database is None else ())
        config = configuration(app)
        page = f"{url_of(self._metrics.listener)}{PATH}" if self._metrics else None
        self._banner = banner(self._settings, url_of(self._listener), page, file)
        rehearse(app)
        # Shared memory stays shared as long as nobody writes to it, and the collector would.
        gc.collect()
        gc.freeze()
        gc.enable()
        self._census = Census(self._settings.workers)
        work = partial(self._work, app, config, lifeline)
        self._crew = Crew(self._settings.workers, work, self._signals, former, self._lose, aside)
        self._supervisor = Supervisor(
            self._signals, self._crew, self._listener, self._database, self._disk
        )
        self._supervisor.run(self._announce, self._reload)

    def _listen(self) -> socket.socket:
        if self._handed is not None:
            return self._handed.listener
        return listen(self._settings.host, self._settings.port)

    def _listen_for_metrics(self) -> socket.socket | None:
        if self._settings.metrics_port is None:
            return None
        if self._handed is not None and self._handed.metrics is not None:
            return received(self._handed.metrics[0])
        return listen(self._settings.host, self._settings.metrics_port, "TASKWELL_METRICS_PORT")

    def _share_metrics(self, listener: socket.socket, layout: Layout) -> Metrics:
        if self._handed is not None and self._handed.metrics is not None:
            return Metrics(listener, Ledger.inherited(self._handed.metrics[1], layout))
        return Metrics(listener, Ledger.new(layout))

    def _start_database(self) -> Settings:
        settings = self._settings
        self._folder = DataFolder(settings.data, self._handed.lock if self._handed else None)
        self._folder.lock()
        self._closing.callback(self._folder.unlock)
        # It may be the ballast that lets PostgreSQL start.
        self._disk = DiskWatch(Disk(self._folder.path), self._storage)
        self._disk.look()
        self._database = EmbeddedPostgres(
            self._folder, _connections(settings), is_in_use=self._handed is not None
        )
        self._closing.callback(self._database.stop)
        self._database.start()
        return settings.model_copy(update={"database_url": SecretStr(self._database.url)})

    def _alone(self, task: Callable[[], bool]) -> bool:
        self._let_go()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        return task()

    def _work(
        self,
        app: FastAPI,
        config: uvicorn.Config,
        lifeline: int,
        place: int,
        when_ready: Callable[[], None],
    ) -> bool:
        self._supervisor.let_go()
        os.close(self._lifeline_end)
        self._let_go(keep_listener=True)
        seat = self._census.seat(place)
        worker = Worker(app, config, self._listener, lifeline, self._metrics, seat)
        return worker.run(when_ready)

    def _lose(self, place: int) -> None:
        self._census.vacate(place)
        if self._metrics is not None:
            self._metrics.ledger.count_death()

    def _let_go(self, *, keep_listener: bool = False) -> None:
        """In a child: what it must not hold when the parent is killed and started again."""
        if self._folder is not None:
            self._folder.close_in_child()
        if self._handed is not None:
            os.close(self._handed.lifeline)
        if not keep_listener:
            self._listener.close()
            if self._metrics_listener is not None:
                self._metrics_listener.close()

    def _announce(self) -> None:
        self._tell_that_it_is_ready()
        let_go_of_code()

    def _tell_that_it_is_ready(self) -> None:
        if self._handed is not None:
            logger.info("reloaded")
            os.close(self._handed.lifeline)
            self._handed = None
            # Nobody waits for it: there is no banner.
            self._word.close()
            return
        try:
            sys.stdout.write(self._banner + doubts(self._word.heard()) + "\n")
            sys.stdout.flush()
        except OSError:
            # Whoever started the service has closed its output: the log has it then.
            logger.info("ready", extra={MEMBERS: {"address": url_of(self._listener)}})

    def _reload(self) -> None:
        try:
            settings = self._read_settings()
        except SettingsInvalid as error:
            self._refuse_reload(str(error))
            return
        if any(getattr(settings, name) != getattr(self._settings, name) for name in FIXED):
            self._refuse_reload("another address, port, data folder or database takes a restart")
            return
        if self._database is not None and command()[0] != sys.executable:
            self._refuse_reload("other packages take a restart of the private database")
            return
        try:
            with self._signals.interrupting():
                if self._database is not None:
                    self._database.require_room(_connections(settings))
                try_out(self._database.url if self._database else "")
            self._hand_over()
        except (OSError, StartRefused) as error:
            self._refuse_reload(str(error))
        except Stopped:
            return

    def _hand_over(self) -> None:
        metrics = self._metrics.descriptors if self._metrics else None
        lock, storage = (self._folder.held, self._storage.file) if self._folder else (None, None)
        # Those who serve: from an earlier reload there may be new ones that have not begun.
        lifeline = self._handed.lifeline if self._handed else self._lifeline_end
        Handover(self._listener, lifeline, self._crew.pids, metrics, lock, storage).pass_on()

    def _refuse_reload(self, reason: str) -> None:
        logger.error("not reloaded: all goes on as before", extra={MEMBERS: {"reason": reason}})
