from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from taskwell.server.joined import Joined

Scene = Callable[[Joined], Awaitable[None]]


class Line(asyncio.Transport):
    """Notes what is sent, and when it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.is_over = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.is_over
        self.sent.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.is_over

    def write_eof(self) -> None:
        self.is_over = True

    def close(self) -> None:
        self.is_over = True

    def abort(self) -> None:
        self.is_over = True


def pieces(scene: Scene) -> list[bytes]:
    async def main() -> list[bytes]:
        line = Line()
        await scene(Joined(line, asyncio.get_running_loop()))
        await asyncio.sleep(0)
        return line.sent

    return asyncio.run(main())


def test_what_is_written_at_one_time_leaves_in_one_piece() -> None:
    async def scene(joined: Joined) -> None:
        joined.write(b"head")
        joined.write(b"body")
        assert joined.get_write_buffer_size() == 8
        await asyncio.sleep(0)
        assert joined.get_write_buffer_size() == 0
        joined.write(b"next")

    assert pieces(scene) == [b"headbody", b"next"]


def test_nothing_is_left_behind_at_the_end() -> None:
    async def eof(joined: Joined) -> None:
        joined.write(b"last")
        joined.write_eof()

    async def close(joined: Joined) -> None:
        joined.write(b"last")
        joined.close()

    assert (pieces(eof), pieces(close)) == ([b"last"], [b"last"])


def test_a_broken_connection_is_not_written_to() -> None:
    async def scene(joined: Joined) -> None:
        joined.write(b"late")
        joined.abort()

    assert pieces(scene) == []
