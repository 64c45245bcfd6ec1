"""The private PostgreSQL of the data folder: started, taken over, supervised, stopped.

Everything here is synchronous: the parent process uses it before any event loop exists.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from taskwell.database.binaries import (
    Account,
    Binaries,
    account_for,
    find_binaries,
    remove_former_copies,
    require_reach,
    run,
)
from taskwell.database.cluster import (
    CLUSTER,
    PORT,
    SUPERUSER,
    make_cluster,
    make_socket_folder,
    server_options,
    socket_folder_of,
)
from taskwell.database.folder import PATIENCE_WITH_COMMANDS, DataFolder
from taskwell.database.postmaster import (
    GLANCE,
    Postmaster,
    clear_stale_pid_file,
    command_line_of,
    find_running,
    read_pid_file,
)
from taskwell.errors import DatabaseNotStarted

logger = logging.getLogger(__name__)

NAME = "taskwell"

# With one that doesn't say itself that it is starting.
PATIENCE_WITH_START = 300.0
TOLD_EVERY = 30.0
# After a crash the last of the old processes may still be about to end.
PATIENCE_WITH_SURVIVORS = 30.0
SURVIVORS = "shared memory block"
PATIENCE_WITH_QUERY = 60.0
# What may end a service or a command that is starting PostgreSQL.
ENDINGS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
LARGEST_LOG = 8 * 1024 * 1024

STATE = (
    "SELECT split_part(current_setting('server_version'), ' ', 1), "
    f"EXISTS (SELECT FROM pg_roles WHERE rolname = '{NAME}'), "
    f"EXISTS (SELECT FROM pg_database WHERE datname = '{NAME}'), "
    "current_setting('max_connections')"
)


class EmbeddedPostgres:
    """`is_in_use` in a reload: workers depend on the one that runs, so it goes on if it will do,
    and what it would be told now it is told at its next start."""

    def __init__(
        self, folder: DataFolder, max_connections: int = 100, *, is_in_use: bool = False
    ) -> None:
        self._folder = folder
        self._max_connections = max_connections
        self._is_in_use = is_in_use
        self._cluster = folder.path / CLUSTER
        self._log = folder.path / "postgres.log"
        self._account = account_for(self._cluster)
        self._socket_folder = socket_folder_of(folder, self._account)
        self._postmaster: Postmaster | None = None

    @property
    def url(self) -> str:
        return self.url_of(NAME, NAME)

    def url_of(self, user: str, database: str) -> str:
        host = quote(os.fsencode(self._socket_folder), safe="/")
        # The port is named so that a PGPORT of the caller can't lead elsewhere.
        return f"postgresql://{user}@/{database}?host={host}&port={PORT}"

    @property
    def pid(self) -> int | None:
        return None if self._postmaster is None else self._postmaster.pid

    def alive(self) -> bool:
        return self._postmaster is not None and self._postmaster.alive()

    def start(self) -> None:
        """Leaves no process behind when it raises."""
        self._folder.lock()
        try:
            binaries = self._prepare()
            if not self._take_over(binaries):
                self._launch(binaries)
            self._make_database(binaries)
        except (OSError, subprocess.SubprocessError) as error:
            self.stop()
            raise self._not_started(str(error)) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        if self._postmaster is not None:
            self._postmaster.shut_down()
            self._postmaster = None
            shutil.rmtree(self._socket_folder, ignore_errors=True)

    def restart_if_dead(self) -> bool:
        """For the supervisor, again and again: tells whether PostgreSQL had to be restarted."""
        self._bound_log()
        if self.alive():
            return False
        self.start()
        return True

    def served_by_another(self) -> bool:
        """Whether the service that holds the folder has its database up; `url` leads to it then."""
        noted = read_pid_file(self._cluster)
        if noted is None or noted.status != "ready":
            return False
        binaries = find_binaries(self._folder, self._account, self._existing_major())
        return self._state(binaries)[1:3] == ["t", "t"]

    def require_room(self, max_connections: int) -> None:
        """Before a reload: whether the one that runs can go on with so many connections."""
        state = self._state(self.programs()[1])
        if not state:
            # The new program would have to start it, and could not go back.
            raise DatabaseNotStarted("PostgreSQL doesn't answer just now: try again once it does")
        if int(state[3]) < max_connections:
            raise DatabaseNotStarted(
                "so many workers, or so large a TASKWELL_POOL_SIZE, need more connections than the "
                "running PostgreSQL allows: that takes a restart"
            )

    def programs(self) -> tuple[Account, Binaries]:
        """Those that fit the database that is there, and whom to run them as."""
        return self._account, find_binaries(self._folder, self._account, self._existing_major())

    def _existing_major(self) -> int | None:
        try:
            return int((self._cluster / "PG_VERSION").read_text())
        except FileNotFoundError:
            return None

    def _prepare(self) -> Binaries:
        if self._account.is_another:
            self._folder.open_to_group(self._account.gid)
            require_reach(self._account, self._folder)
        binaries = find_binaries(self._folder, self._account, self._existing_major())
        make_cluster(self._folder, self._account, binaries)
        return binaries

    def _command(self, binaries: Binaries) -> list[str]:
        options = server_options(
            self._cluster, self._socket_folder, binaries, self._max_connections
        )
        return [binaries.program("postgres"), "-D", str(self._cluster), *options]

    def _take_over(self, binaries: Binaries) -> bool:
        """What a killed service left behind goes on, if it is what would be started now."""
        found = find_running(self._cluster)
        if found is None:
            clear_stale_pid_file(self._cluster)
            return False
        # Noted first: it may recover for long, and who asks for the end meanwhile ends it, too.
        self._postmaster = found
        if self._will_do(found, binaries):
            return True
        found.shut_down()
        return False

    def _will_do(self, found: Postmaster, binaries: Binaries) -> bool:
        if not self._is_in_use and command_line_of(self._cluster) != self._command(binaries):
            return False
        state = self._state(binaries) if self._await_ready(found) else []
        if self._is_in_use:
            return bool(state) and int(state[3]) >= self._max_connections
        return state[:1] == [binaries.version]

    def _launch(self, binaries: Binaries) -> None:
        remove_former_copies(self._folder, binaries)
        deadline = time.monotonic() + PATIENCE_WITH_SURVIVORS
        while True:
            complaint = self._launch_once(binaries)
            if complaint is None:
                return
            if SURVIVORS not in complaint or time.monotonic() > deadline:
                raise self._not_started(complaint)
            time.sleep(10 * GLANCE)

    def _launch_once(self, binaries: Binaries) -> str | None:
        """None when it accepts connections, else what it said before it ended."""
        make_socket_folder(self._socket_folder, self._account)
        self._bound_log()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        log = os.open(self._log, flags, 0o600)
        try:
            begin = os.fstat(log).st_size
            with _signals_held_back():
                child = subprocess.Popen(
                    self._command(binaries), stdout=log, stderr=log, **self._account.options()
                )
                self._postmaster = Postmaster(child.pid, self._cluster, child)
        finally:
            os.close(log)
        if self._await_ready(self._postmaster):
            return None
        if self._postmaster.alive():
            return f"it was not ready after {PATIENCE_WITH_START:.0f} seconds"
        return self._last_complaint(begin)

    def _await_ready(self, postmaster: Postmaster) -> bool:
        """After a crash PostgreSQL reads its log again, which takes as long as it takes: were it
        ended before, the next one would begin at the same place."""
        begun = told = heard = time.monotonic()
        while postmaster.alive():
            noted = read_pid_file(self._cluster)
            status = noted.status if noted is not None and noted.pid == postmaster.pid else ""
            if status == "ready":
                return True
            now = time.monotonic()
            if status == "starting":
                heard = now
            if now > heard + PATIENCE_WITH_START:
                return False
            if now > told + TOLD_EVERY:
                told = now
                logger.warning("the database is still starting, after %d seconds", now - begun)
            time.sleep(GLANCE)
        return False

    def _last_complaint(self, begin: int) -> str:
        said = self._log.read_bytes()[begin:].decode(errors="replace").splitlines()
        loud = [line for line in said if "FATAL: " in line or "PANIC: " in line] or said
        return loud[-1].rpartition(":  ")[2] if loud else "it ended without a word"

    def _bound_log(self) -> None:
        # PostgreSQL appends, so that it goes on at the beginning of what is cut here.
        if self._log.exists() and self._log.stat().st_size > LARGEST_LOG:
            try:
                shutil.copyfile(self._log, self._log.with_suffix(".log.1"))
            except OSError:
                # There is no room for both: the database matters more than what it has said.
                self._log.with_suffix(".log.1").unlink(missing_ok=True)
            os.truncate(self._log, 0)

    def _make_database(self, binaries: Binaries) -> None:
        state = self._state(binaries)
        if not state:
            raise self._not_started("it runs but doesn't answer")
        if state[1] == "f":
            self._query(binaries, f"CREATE ROLE {NAME} LOGIN")
        if state[2] == "f":
            self._query(binaries, f"CREATE DATABASE {NAME} OWNER {NAME}")

    def _state(self, binaries: Binaries) -> list[str]:
        """Empty when PostgreSQL doesn't answer."""
        try:
            return self._query(binaries, STATE).strip().split("|")
        except subprocess.SubprocessError:
            return []

    def _query(self, binaries: Binaries, statement: str) -> str:
        connection = ["-h", str(self._socket_folder), "-p", PORT, "-U", SUPERUSER, "-d", "postgres"]
        command = [binaries.program("psql"), "-XAtqw", *connection, "-c", statement]
        return run(self._account, command, PATIENCE_WITH_QUERY)

    def _not_started(self, reason: str) -> DatabaseNotStarted:
        return DatabaseNotStarted(
            f"The private PostgreSQL in {self._folder.path} could not be started "
            f"({reason.rstrip('.')}): {self._log} may tell more."
        )


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """What a signal raises between a start and the note of it leaves a process that nobody knows.
    PostgreSQL begins with a mask of its own."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def running_database(folder: DataFolder) -> Iterator[EmbeddedPostgres]:
    """For a command: a running service's database, or one that is started for this block only."""
    database = EmbeddedPostgres(folder)
    deadline = time.monotonic() + PATIENCE_WITH_COMMANDS
    while not folder.try_lock("command"):
        # Another command's database would be stopped under our feet: wait for its end instead.
        if folder.holder()[1] == "service" and database.served_by_another():
            yield database
            return
        if time.monotonic() > deadline:
            raise folder.in_use()
        time.sleep(5 * GLANCE)
    try:
        database.start()
        yield database
    finally:
        database.stop()
        folder.unlock()
