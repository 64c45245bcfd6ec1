from __future__ import annotations

import os
import time


def new_task_id() -> str:
    """A UUID of version 7 (RFC 9562): in the order of creation, to a fraction of a millisecond.

    All that is random comes from the operating system, so that forked workers share no state.
    """
    nanoseconds = time.time_ns()
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    fraction = (rest << 12) // 1_000_000
    chance = int.from_bytes(os.urandom(8)) & (2**62 - 1)
    number = milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | chance
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
