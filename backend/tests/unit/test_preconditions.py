from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from taskwell.api.preconditions import ANY, has_if_match, if_match, if_none_match, wants_exact_count
from taskwell.api.problems import HttpRefused


def sent(name: str, *values: str) -> Headers:
    return Headers(raw=[(name.encode(), value.encode("latin-1")) for value in values])


@pytest.mark.parametrize(
    ("value", "strong", "all_tags"),
    [
        ('"a"', ["a"], ["a"]),
        ('W/"a"', [], ["a"]),
        ('"a", W/"b","c"', ["a", "c"], ["a", "b", "c"]),
        ('"a,b"', ["a,b"], ["a,b"]),
        ('"*"', ["*"], ["*"]),
        ('""', [""], [""]),
        ('"W/"', ["W/"], ["W/"]),
        ('"é!#~"', ["é!#~"], ["é!#~"]),
        (',, "a" ,\t,"b",', ["a", "b"], ["a", "b"]),
    ],
)
def test_lists_of_tags(value: str, strong: list[str], all_tags: list[str]) -> None:
    assert if_match(sent("if-match", value)) == strong
    assert if_none_match(sent("if-none-match", value)) == all_tags
    assert has_if_match(sent("if-match", value))


def test_lines_are_parts_of_one_list() -> None:
    assert if_match(sent("if-match", '"a"', 'W/"b", "c"')) == ["a", "c"]


def test_the_star() -> None:
    assert if_match(sent("if-match", " * ")) is None
    assert has_if_match(sent("if-match", "*"))
    assert if_none_match(sent("if-none-match", "*")) == ANY


def test_none_at_all() -> None:
    nothing = Headers(raw=[])
    assert if_match(nothing) is None
    assert not has_if_match(nothing)
    assert if_none_match(nothing) is None


@pytest.mark.parametrize(
    "value",
    ["", " ", ",", "a", '"', '"a', 'a"', "'a'", '"a" "b"', '*,"a"', '"a",*', 'w/"a"', '"a\tb"'],
)
def test_what_can_not_be_read(value: str) -> None:
    for read in (if_match, has_if_match):
        with pytest.raises(HttpRefused) as refused:
            read(sent("if-match", value))
        assert refused.value.code == "malformed-header"
    with pytest.raises(HttpRefused):
        if_none_match(sent("if-none-match", value))


@given(st.text(alphabet='*W/", a\t\x7f\xff', max_size=40))
def test_anything_is_read_or_refused(value: str) -> None:
    try:
        tags = if_none_match(sent("if-none-match", value))
    except HttpRefused:
        return
    assert tags == ANY or isinstance(tags, list)


@pytest.mark.timeout(10)
def test_a_long_list_that_breaks_off_at_its_end_is_refused_at_once() -> None:
    for value in ('"a",' * 8000 + "x", " ," * 16000 + "x", '"' * 32000, 'W/"a" ' * 5000):
        with pytest.raises(HttpRefused):
            if_match(sent("if-match", value))


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (["count=exact"], True),
        (['count="exact"'], True),
        ([" COUNT = EXACT ; a=b"], True),
        (["respond-async", "count=exact"], True),
        (["wait=10, count=exact"], True),
        ([], False),
        ([""], False),
        (["count=none"], False),
        (["discount=exact"], False),
        (["count=exacts"], False),
        (['count="exact'], False),
    ],
)
def test_an_exact_count_may_be_preferred(values: list[str], wanted: bool) -> None:
    assert wants_exact_count(sent("prefer", *values)) is wanted
