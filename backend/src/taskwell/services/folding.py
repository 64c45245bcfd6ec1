from __future__ import annotations

from unicodedata import normalize


def fold(text: str) -> str:
    """The text without case, composed: what search and sorting compare.

    Done here and not by the database, whose idea of case depends on its locale.
    """
    if text.isascii():
        return text.lower()
    return normalize("NFC", normalize("NFC", text).casefold())
