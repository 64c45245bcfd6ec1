"""What a validator says, in words and places that stay the same whatever the validator is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from taskwell.errors import Flaw

MOST_FLAWS = 20

_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown-member",
    "string_too_short": "too-short",
    "string_too_long": "too-long",
    "greater_than_equal": "out-of-range",
    "less_than_equal": "out-of-range",
    "literal_error": "not-a-choice",
    "enum": "not-a-choice",
    "int_parsing": "wrong-type",
    "int_parsing_size": "out-of-range",
    "int_from_float": "wrong-type",
    "string_unicode": "lone-surrogate",
}
_MESSAGES = {
    "extra_forbidden": "has a member that is not known here",
    "model_type": "must be a JSON object",
    "string_unicode": "must not contain half of a surrogate pair",
}


def flaws_of(reports: Iterable[Any], *, skip: int = 0, under: str = "") -> tuple[Flaw, ...]:
    """Some of them, so that the answer to a few bytes of nonsense is no flood of words. `skip`
    leaves out the first parts of each place, such as "query"; `under` goes before it."""
    return tuple(_flaw(report, skip, under) for report in islice(reports, MOST_FLAWS))


def _flaw(report: Any, skip: int, under: str) -> Flaw:
    kind: str = report["type"]
    place: Sequence[object] = report["loc"][skip:]
    if kind == "extra_forbidden":
        # An unknown member's name is input: say where it stands, not what it is.
        place = place[:-1]
    elif kind == "read-only":
        place = (*place, report["ctx"]["member"])
    code = _CODES.get(kind) or ("wrong-type" if kind.endswith("_type") else kind.replace("_", "-"))
    pointer = under + "".join(f"/{part}" for part in place)
    return Flaw(pointer, code, _MESSAGES.get(kind, report["msg"]))
