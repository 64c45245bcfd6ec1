"""The project's documents, as far as a test can read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    language: str
    text: str


def documents() -> list[Path]:
    """Ours only, not those that come along with an installed package."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "backend" / "README.md"]
    return sorted(found)


def section(path: Path, title: str) -> str:
    """What stands below a heading of the second rank, up to the next one."""
    _, found, rest = path.read_text().partition(f"\n## {title}\n")
    assert found, f"{path.name} has no section {title!r}"
    return rest.partition("\n## ")[0]


def blocks(text: str) -> list[Block]:
    return [Block(language, content) for language, content in _FENCE.findall(text)]


def rows(text: str) -> list[list[str]]:
    """The cells of all tables, without their heads."""
    found: list[list[str]] = []
    for line in _ROW.findall(text):
        cells = [cell.strip() for cell in line.split("|")]
        if set("".join(cells)) == {"-"}:
            found.pop()
        else:
            found.append(cells)
    return found


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def relative_links(path: Path) -> Iterator[str]:
    text = _FENCE.sub("", path.read_text())
    return (link for link in _LINK.findall(text) if "://" not in link)


def anchors(path: Path) -> set[str]:
    """As GitHub makes them out of headings."""
    text = _FENCE.sub("", path.read_text())
    words = (re.sub(r"[^\w\- ]", "", heading).lower() for heading in _HEADING.findall(text))
    return {word.strip().replace(" ", "-") for word in words}
