"""Tables that look the same in a terminal and on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NOTHING = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, slots=True)
class Table:
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    # Columns that begin at the left; those after them are numbers.
    words: int = 1

    def plain(self) -> str:
        lines = [self.heads, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.heads))]
        aligned = ["  ".join(self._aligned(line, widths)).rstrip() for line in lines]
        return "\n".join([aligned[0], "-" * max(map(len, aligned)), *aligned[1:], ""])

    def _aligned(self, line: Sequence[str], widths: Sequence[int]) -> list[str]:
        return [
            cell.ljust(width) if column < self.words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]

    def markdown(self) -> str:
        rule = ["---" if column < self.words else "--:" for column in range(len(self.heads))]
        lines = [self.heads, rule, *self.rows]
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)
