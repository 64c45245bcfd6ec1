from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskwell.services.folding import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("", ""),
        ("Buy MILK", "buy milk"),
        ("Straße", "strasse"),
        ("STRASSE", "strasse"),
        ("ΟΔΟΣ", "οδοσ"),
        ("οδος", "οδοσ"),
        ("cafe\u0301", "caf\u00e9"),
        ("CAFE\u0301", "caf\u00e9"),
        ("CAF\u00c9", "caf\u00e9"),
        ("ﬀ", "ff"),
        ("İ", "i\u0307"),
        ("\u212b", "\u00e5"),
        ("日本", "日本"),
    ],
)
def test_case_and_composition_do_not_count(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_what_is_folded_stays_as_it_is(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_ascii_takes_the_short_way_to_the_same_place(text: str) -> None:
    assert fold(text) == fold(text.upper()) == text.casefold()


@given(st.text(max_size=500))
def test_a_folded_text_has_at_most_twelve_bytes_for_each_letter(text: str) -> None:
    """What a cursor has room for."""
    assert len(fold(text).encode()) <= 12 * len(text)
