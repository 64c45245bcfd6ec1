"""The file that a backup is: read back as it was written, or refused."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from taskwell.database import archive
from taskwell.database.archive import PIECE, Note
from taskwell.errors import BackupRefused

NOTE = Note("2026-11-21T10:00:00+00:00", "0.1.0", "18.6", "0004")
CONTENT = b"the dump"


def written(path: Path, content: bytes = CONTENT, note: Note = NOTE) -> Path:
    size = archive.write(path, note, lambda take: take(content))
    assert size == path.stat().st_size
    return path


def read(path: Path) -> tuple[Note, bytes]:
    with archive.checked(path) as (note, pieces):
        return note, b"".join(pieces)


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, PIECE + 1])
def test_what_is_written_is_read_back(size: int, tmp_path: Path) -> None:
    content = os.urandom(size)
    path = written(tmp_path / "backup.tar", content)
    assert read(path) == (NOTE, content)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_the_usual_programs_open_it(tmp_path: Path) -> None:
    path = written(tmp_path / "backup.tar")
    subprocess.run(["tar", "xf", path], cwd=tmp_path, check=True, timeout=60)
    subprocess.run(
        ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True, timeout=60
    )
    assert (tmp_path / "database.dump").read_bytes() == CONTENT


def test_no_byte_that_matters_can_change_unseen(tmp_path: Path) -> None:
    content = written(tmp_path / "backup.tar").read_bytes()
    changed = tmp_path / "changed.tar"
    refusals = []
    for place in range(len(content)):
        changed.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        try:
            assert read(changed) == (NOTE, CONTENT), place
        except BackupRefused as error:
            refusals.append(str(error))
    assert len(refusals) > 3 * 512
    assert {refusal.partition(" is ")[2][:7] for refusal in refusals} == {"damaged"}


def test_none_of_its_beginnings_will_do(tmp_path: Path) -> None:
    content = written(tmp_path / "backup.tar").read_bytes()
    cut = tmp_path / "cut.tar"
    # After the sums only empty blocks follow, which nobody needs.
    for size in range(0, 5 * 512, 64):
        cut.write_bytes(content[:size])
        with pytest.raises(BackupRefused, match="is damaged"):
            read(cut)


def test_a_later_format_is_told_apart_from_damage(tmp_path: Path) -> None:
    path = written(tmp_path / "backup.tar", note=replace(NOTE, format=2))
    with pytest.raises(BackupRefused, match="made by a newer version of Taskwell"):
        read(path)


def test_what_fails_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def feed(take: object) -> None:
        raise BackupRefused("in the middle")

    with pytest.raises(BackupRefused, match="in the middle"):
        archive.write(tmp_path / "backup.tar", NOTE, feed)
    assert list(tmp_path.iterdir()) == []


def test_what_can_not_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackupRefused, match=r"can't be read \(No such file or directory\)"):
        read(tmp_path / "none.tar")
    with pytest.raises(BackupRefused, match=r"can't be written \(No such file or directory\)"):
        written(tmp_path / "nowhere" / "backup.tar")
