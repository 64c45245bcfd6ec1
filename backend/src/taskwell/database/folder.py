"""The data folder: who owns it, who may look into it, and which process works with it."""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
import stat
import time
from pathlib import Path
from typing import Literal

from taskwell.errors import DatabaseNotStarted

PRIVATE = 0o700
PRIVATE_FILE = 0o600
OPEN_TO_ONE_GROUP = 0o710
LOCK_FILE = "taskwell.lock"

# What a fresh volume contains before anybody has used it, and what a token was made with before the
# first start.
MAY_BE_THERE = {"lost+found", "issuer.pem"}

Purpose = Literal["service", "command"]

# A command such as `taskwell migrate` holds the folder for moments, so it is worth waiting for.
PATIENCE_WITH_COMMANDS = 20.0


class DataFolder:
    """Private to its owner; `lock()` makes this process the only one that works with it.

    `held` is the open lock of the program that this process was before.
    """

    def __init__(self, path: Path | str, held: int | None = None) -> None:
        self.path = Path(os.path.realpath(path))
        self._lock = held
        try:
            self._make()
        except OSError as error:
            raise self._unusable(error) from None

    def _make(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
        state = self.path.stat()
        if state.st_uid != os.geteuid():
            raise DatabaseNotStarted(
                f"The data folder {self.path} belongs to {_name(state.st_uid)}, but the service "
                f"runs as {_name(os.geteuid())}: run it as the folder's owner, or choose another "
                "folder with --data or TASKWELL_DATA."
            )
        mode = stat.S_IMODE(state.st_mode)
        if mode & ~OPEN_TO_ONE_GROUP:
            if self._holds_something_else():
                raise DatabaseNotStarted(
                    f"The folder {self.path} already holds other files and is open to other users: "
                    "choose an empty or a new folder with --data or TASKWELL_DATA."
                )
            self.path.chmod(PRIVATE)
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def _holds_something_else(self) -> bool:
        names = {entry.name for entry in self.path.iterdir()} - MAY_BE_THERE
        return bool(names) and LOCK_FILE not in names

    def open_to_group(self, gid: int) -> None:
        """Lets PostgreSQL's unprivileged account walk through, and nobody list or read anything."""
        state = self.path.stat()
        if state.st_gid != gid or stat.S_IMODE(state.st_mode) != OPEN_TO_ONE_GROUP:
            os.chown(self.path, -1, gid)
            self.path.chmod(OPEN_TO_ONE_GROUP)

    @property
    def held(self) -> int | None:
        return self._lock

    def lock(self, purpose: Purpose = "service") -> None:
        """Raises when another service works here; waits a while for another command to finish."""
        deadline = time.monotonic() + PATIENCE_WITH_COMMANDS
        while not self.try_lock(purpose):
            if self.holder()[1] == "service" or time.monotonic() > deadline:
                raise self.in_use()
            time.sleep(0.05)

    def try_lock(self, purpose: Purpose = "service") -> bool:
        if self._lock is not None:
            return True
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self.path / LOCK_FILE, flags, PRIVATE_FILE)
        except OSError as error:
            raise self._unusable(error) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {purpose}\n".encode(), 0)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:
            # On a full disk the lock is held all the same, only nobody reads by whom.
            if error.errno != errno.ENOSPC:
                os.close(descriptor)
                raise self._unusable(error) from None
        self._lock = descriptor
        return True

    def unlock(self) -> None:
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            # Said aloud, since a forked process may still hold a copy of the descriptor.
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            self.close_in_child()

    def close_in_child(self) -> None:
        """Without this a forked worker that outlives the service would keep the folder locked."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def holder(self) -> tuple[int | None, str]:
        """The process that locked the folder and its purpose, as far as it has written them."""
        try:
            words = (self.path / LOCK_FILE).read_text().split()
        except OSError as error:
            raise self._unusable(error) from None
        if len(words) == 2 and words[0].isdecimal():
            return int(words[0]), words[1]
        return None, "unknown"

    def in_use(self) -> DatabaseNotStarted:
        pid, purpose = self.holder()
        who = "process" if pid is None else f"{purpose} (pid {pid})"
        way = "wait for its end" if purpose == "command" else "stop that one first"
        return DatabaseNotStarted(
            f"The data folder {self.path} is in use by another running {who}: {way}, "
            "or choose another folder with --data or TASKWELL_DATA."
        )

    def _unusable(self, error: OSError) -> DatabaseNotStarted:
        if isinstance(error, FileExistsError | NotADirectoryError):
            problem = "is not a folder, or lies under something that is none"
        else:
            problem = f"can't be used ({error.strerror})"
        return DatabaseNotStarted(
            f"The data folder {self.path} {problem}: "
            "choose another one with --data or TASKWELL_DATA."
        )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user with the number {uid}"
