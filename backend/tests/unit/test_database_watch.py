"""The parent's eye on PostgreSQL, where the system does not tell of the end of a process."""

from __future__ import annotations

import errno
import os
import selectors
from typing import cast

import pytest

from taskwell.database.embedded import EmbeddedPostgres
from taskwell.server.database_watch import GLANCE_WITHOUT_PIDFD, DatabaseWatch
from taskwell.server.signals import Signals


class RunningDatabase:
    pid = os.getpid()


# Of a kernel before 5.3, of one that may not be asked, and of a parent with all files open.
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM, errno.EMFILE])
def test_without_word_from_the_system_it_looks_more_often(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pid: int, flags: int = 0) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "pidfd_open", refuse, raising=False)
    database = cast(EmbeddedPostgres, RunningDatabase())
    with selectors.DefaultSelector() as selector:
        watch = DatabaseWatch(database, cast(Signals, None), selector)
        assert 0 < watch.seconds_until_look() <= GLANCE_WITHOUT_PIDFD
        assert not selector.get_map()
