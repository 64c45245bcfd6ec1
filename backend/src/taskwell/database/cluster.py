"""What PostgreSQL is told: how its files are made, and the options it is started with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path

from taskwell.database.binaries import Account, Binaries, is_listed, run
from taskwell.database.folder import PRIVATE, DataFolder
from taskwell.errors import DatabaseNotStarted
from taskwell.machine import usable_memory

CLUSTER = "postgres"
DRAFT_PREFIX = "postgres-unfinished-"
SUPERUSER = "postgres"
PORT = "5432"

# The address of a Unix socket has room for 103 bytes on macOS and 107 on Linux.
LONGEST_SOCKET_FOLDER = 103 - len(f"/.s.PGSQL.{PORT}.lock")
PATIENCE_WITH_INITDB = 300.0

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE


def has_cluster(path: Path) -> bool:
    """Makes nothing. Refuses as a start does where this user may not look."""
    try:
        (path / CLUSTER).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError:
        # Tells whose it is.
        DataFolder(path)
        raise
    return True


def require_cluster(path: Path) -> None:
    if not has_cluster(path):
        raise DatabaseNotStarted(
            f"There is no database in {path}: name the data folder with --data or TASKWELL_DATA."
        )


def make_cluster(folder: DataFolder, account: Account, binaries: Binaries) -> None:
    """An initdb that was interrupted leaves a draft only, which the next start throws away."""
    cluster = folder.path / CLUSTER
    if cluster.exists():
        if account.is_another and cluster.stat().st_uid != account.uid:
            _hand_over(cluster, account)
        return
    for left in folder.path.glob(f"{DRAFT_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=DRAFT_PREFIX, dir=folder.path))
    try:
        if account.is_another:
            os.chown(draft, account.uid_for_initdb, account.gid)
        _initdb(draft, account, binaries)
        if account.uid != account.uid_for_initdb:
            _hand_over(draft, account)
        draft.rename(cluster)
        _sync(folder.path)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _initdb(draft: Path, account: Account, binaries: Binaries) -> None:
    if not is_listed(account.uid_for_initdb):
        raise DatabaseNotStarted(
            f"The private PostgreSQL could not be made in {draft.parent}, since user "
            f"{account.uid_for_initdb} has no entry in /etc/passwd: run as a user that has one, "
            "or set DATABASE_URL."
        )
    command = [
        binaries.program("initdb"),
        f"--pgdata={draft}",
        f"--username={SUPERUSER}",
        "--encoding=UTF8",
        "--locale=C",
        "--data-checksums",
        # The folder of the socket is what keeps others out.
        "--auth-local=trust",
        "--auth-host=reject",
    ]
    try:
        run(account, command, PATIENCE_WITH_INITDB, uid=account.uid_for_initdb)
    except subprocess.CalledProcessError as error:
        lines = [line for line in error.output.splitlines() if "error:" in line or "FATAL:" in line]
        reason = lines[0] if lines else error.output.strip()
        raise DatabaseNotStarted(
            f"The private PostgreSQL could not be made in {draft.parent} ({reason})."
        ) from None


def _hand_over(tree: Path, account: Account) -> None:
    for _, folders, files, descriptor in os.fwalk(tree):
        for name in folders + files:
            os.chown(name, account.uid, account.gid, dir_fd=descriptor, follow_symlinks=False)
    os.chown(tree, account.uid, account.gid)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def socket_folder_of(folder: DataFolder, account: Account) -> Path:
    """Inside the data folder, unless its path is too long or has letters that mean something."""
    inside = folder.path / "socket"
    plain = re.fullmatch(r"[A-Za-z0-9/._-]+", str(inside))
    if plain and len(str(inside)) <= LONGEST_SOCKET_FOLDER:
        return inside
    digest = sha256(os.fsencode(folder.path)).hexdigest()[:16]
    return Path(f"/tmp/taskwell-{account.uid}-{digest}")  # short, and its owner is checked


def make_socket_folder(path: Path, account: Account) -> None:
    """In a folder that anybody may write to, somebody may have been there first."""
    try:
        path.mkdir(PRIVATE)
    except FileExistsError:
        state = path.lstat()
        if (
            path.is_symlink()
            or not path.is_dir()
            or state.st_uid not in (account.uid, os.geteuid())
        ):
            raise DatabaseNotStarted(
                f"{path} is in the way of the database's socket and belongs to somebody else: "
                "remove it, or choose another data folder with --data or TASKWELL_DATA."
            ) from None
        for left in path.iterdir():
            left.unlink()
        path.chmod(PRIVATE)
    if account.is_another:
        os.chown(path, account.uid, account.gid)


def server_options(
    cluster: Path, socket_folder: Path, binaries: Binaries, max_connections: int
) -> list[str]:
    memory = usable_memory()
    settings = {
        "listen_addresses": "",
        "port": PORT,
        "unix_socket_directories": str(socket_folder),
        "unix_socket_permissions": "0700",
        "max_connections": str(max_connections),
        "fsync": "on",
        # A page of a list lies on as many pages of the table, and each that is not here is a call
        # to the system. Ten million tasks take 5 GB.
        "shared_buffers": f"{min(max(memory // 4 // MEBIBYTE, 32), 8192)}MB",
        "effective_cache_size": f"{max(memory // 2 // MEBIBYTE, 64)}MB",
        "max_wal_size": f"{room_for_log(shutil.disk_usage(cluster).total) // MEBIBYTE}MB",
        # Statements here are short: neither a compiler nor helpers would pay for themselves.
        "jit": "off",
        "max_parallel_workers_per_gather": "0",
        # With many rows PostgreSQL would plan a list anew each time, which takes longer than to run
        # it, and comes to the same plan.
        "plan_cache_mode": "force_generic_plan",
        # Of a process that is stopped within a write: its user's account would stay locked.
        "idle_in_transaction_session_timeout": "60s",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_destination": "stderr",
        "logging_collector": "off",
        # What a statement refused is the service's to tell, and its data doesn't belong in a log.
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_checkpoints": "off",
    }
    if binaries.major >= 18:
        # Three processes less; the data of a task service is in memory anyway.
        settings["io_method"] = "sync"
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def room_for_log(disk: int) -> int:
    """Each time that its log has become so large, PostgreSQL writes what has changed into its
    tables, and from then on the first change of each page takes the whole page into the log. So a
    large log is cheaper, but it takes room on the disk, and is read again after a crash."""
    return min(max(disk // 16, GIBIBYTE), 4 * GIBIBYTE)
