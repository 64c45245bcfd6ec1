"""What of the memory of a process can be let go: code that is still as it is in its file."""

from __future__ import annotations

from taskwell.server.mapped import _unchanged

SMAPS = """\
1000-2000 r--p 00000000 08:01 42                   /usr/lib/libpython.so
Size:                  4 kB
Anonymous:             0 kB
2000-4000 r-xp 00001000 08:01 42                   /usr/lib/libpython.so
Anonymous:             0 kB
4000-5000 r--p 00003000 08:01 42                   /usr/lib/libpython.so
Anonymous:             4 kB
5000-6000 rw-p 00004000 08:01 42                   /usr/lib/libpython.so
Anonymous:             0 kB
6000-7000 rw-p 00000000 00:00 0                    [heap]
Anonymous:             0 kB
7000-8000 r-xp 00000000 00:00 0                    [vdso]
Anonymous:             0 kB
8000-9000 r--s 00000000 08:01 43                   /usr/lib/locale/C.utf8
Anonymous:             0 kB
"""


def test_code_that_is_as_it_is_in_its_file_can_be_let_go_and_nothing_else() -> None:
    assert list(_unchanged(SMAPS.splitlines())) == [(0x1000, 0x2000), (0x2000, 0x4000)]
