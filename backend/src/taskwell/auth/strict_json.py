"""JSON that has one reading only: UTF-8, no member twice, no NaN, no Infinity, not too deep."""

from __future__ import annotations

import json
import re

DEEPEST = 50
LONGEST_NUMBER = 1000

_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"')
_BRACKETS = re.compile(r"[\[\]{}]")


def read_object(data: bytes) -> dict[str, object]:
    """Raise ValueError, in words that never repeat the input."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    if _is_too_deep(text):
        raise ValueError("is nested too deeply")
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError:
        raise ValueError("is not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")
    return value


def _is_too_deep(text: str) -> bool:
    # Most texts have so few brackets that nothing has to be counted one by one.
    if text.count("{") + text.count("[") <= DEEPEST:
        return False
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        depth += 1 if bracket in "{[" else -1
        if depth > DEEPEST:
            return True
    return False


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("has a member twice")
    return members


def _refuse_constant(name: str) -> float:
    raise ValueError(f"has a number that JSON does not know: {name}")


def _bounded_integer(digits: str) -> int:
    # Python's own limit speaks of its settings; this one comes first, in plain words.
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"has a number of more than {LONGEST_NUMBER} digits")
    return int(digits)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_distinct,
    parse_constant=_refuse_constant,
    parse_int=_bounded_integer,
)
