"""A backup as a file: a tar of the dump, a note about it, and the sums of both.

Anybody can open it without Taskwell: `tar xf`, `sha256sum -c SHA256SUMS`, `pg_restore`.
"""

from __future__ import annotations

import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO

from taskwell.errors import BackupRefused

DUMP = "database.dump"
NOTE = "about.json"
SUMS = "SHA256SUMS"
CONTENTS = [DUMP, NOTE, SUMS]

FORMAT = 1
PIECE = 1024 * 1024
# The two members at the end are a few lines each; a longer one is none of ours.
LONGEST_TEXT = 65536

Feed = Callable[[Callable[[bytes], object]], object]


@dataclass(frozen=True, slots=True)
class Note:
    made_at: str
    taskwell: str
    postgresql: str
    schema: str
    format: int = FORMAT

    @property
    def major(self) -> int:
        return int(self.postgresql.partition(".")[0])


def write(path: Path, note: Note, feed: Feed) -> int:
    """The size of the file, which has its name only once all of it is on the disk."""
    with _draft(path) as draft:
        draft.seek(tarfile.BLOCKSIZE)
        digest = sha256()

        def take(piece: bytes) -> None:
            digest.update(piece)
            draft.write(piece)

        feed(take)
        size = draft.tell() - tarfile.BLOCKSIZE
        _fill_up(draft, size)
        text = json.dumps(asdict(note), indent=1).encode() + b"\n"
        sums = f"{digest.hexdigest()}  {DUMP}\n{sha256(text).hexdigest()}  {NOTE}\n".encode()
        for name, content in ((NOTE, text), (SUMS, sums)):
            draft.write(_head(name, len(content)) + content)
            _fill_up(draft, len(content))
        draft.write(b"\0" * 2 * tarfile.BLOCKSIZE)
        whole = draft.tell()
        # How long it is was not known when it began.
        draft.seek(0)
        draft.write(_head(DUMP, size))
    return whole


def _head(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = 0o600
    return member.tobuf(tarfile.GNU_FORMAT)


def _fill_up(file: IO[bytes], size: int) -> None:
    file.write(b"\0" * (-size % tarfile.BLOCKSIZE))


@contextmanager
def _draft(path: Path) -> Iterator[IO[bytes]]:
    """Private to its owner, and renamed when it is complete and on the disk."""
    try:
        descriptor, name = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=".unfinished", dir=path.parent
        )
    except OSError as error:
        raise _not_written(path, error) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).rename(path)
    except BaseException as error:
        Path(name).unlink()
        if isinstance(error, OSError):
            raise _not_written(path, error) from None
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _not_written(path: Path, error: OSError) -> BackupRefused:
    return BackupRefused(
        f"The backup {path} can't be written ({error.strerror}): nothing of it was kept; "
        "choose another place."
    )


@contextmanager
def checked(path: Path) -> Iterator[tuple[Note, Iterator[bytes]]]:
    """The note and the dump, once every byte of them has been compared with its sum."""
    with ExitStack() as closing:
        try:
            archive = closing.enter_context(tarfile.open(path, "r:"))
            note = _check(archive, path)
        except (tarfile.TarError, EOFError):
            raise _damaged(path) from None
        except OSError as error:
            raise BackupRefused(f"The backup {path} can't be read ({error.strerror}).") from None
        yield note, _pieces(archive, DUMP)


def _check(archive: tarfile.TarFile, path: Path) -> Note:
    members = archive.getmembers()
    if [member.name for member in members] != CONTENTS or not all(
        member.isreg() for member in members
    ):
        raise _damaged(path)
    if max(member.size for member in members[1:]) > LONGEST_TEXT:
        raise _damaged(path)
    expected = "".join(f"{_sum(_pieces(archive, name))}  {name}\n" for name in CONTENTS[:2])
    if b"".join(_pieces(archive, SUMS)) != expected.encode():
        raise _damaged(path)
    try:
        written = json.loads(b"".join(_pieces(archive, NOTE)))
        if written["format"] != FORMAT:
            raise BackupRefused(
                f"The backup {path} was made by a newer version of Taskwell: restore it with that."
            )
        return Note(**written)
    except (ValueError, TypeError, KeyError):
        raise _damaged(path) from None


def _pieces(archive: tarfile.TarFile, name: str) -> Iterator[bytes]:
    content = archive.extractfile(name) or BytesIO()
    while piece := content.read(PIECE):
        yield piece


def _sum(pieces: Iterator[bytes]) -> str:
    digest = sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def _damaged(path: Path) -> BackupRefused:
    return BackupRefused(
        f"The backup {path} is damaged, or is none of Taskwell's: nothing was restored; "
        "take another one."
    )
