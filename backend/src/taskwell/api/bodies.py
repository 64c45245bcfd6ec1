"""Reading a JSON body: strictly, within the limit, and only once the caller is known."""

from __future__ import annotations

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from math import isinf
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from taskwell.api.call import Call
from taskwell.api.large_bodies import SMALL, Share
from taskwell.api.problems import HttpRefused
from taskwell.errors import Flaw, InputInvalid
from taskwell.services.flaws import flaws_of

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"

# No object here has nearly as many, and no document as many values: what is cheap to send must
# not be dear to read.
_MOST_MEMBERS = 64
_MOST_VALUES = 2_000_000

# One large body at a time, beside the requests that wait for nothing but the event loop; and the
# others not behind an import.
_reader = ThreadPoolExecutor(1, "bodies")
_reader_of_large = ThreadPoolExecutor(1, "large bodies")

_UTF8 = re.compile(r'\s*(?:charset="?utf-8"?\s*)?', re.IGNORECASE)

# Above it every float is whole, and more than any number here may be.
_MOST_EXACT = 2**53

# A length that fills these is more than any limit; Python refuses to read many thousand digits.
_MOST_DIGITS = 18

Body = TypeVar("Body", bound=BaseModel)


async def json_body(call: Call, model: type[Body], *media_types: str) -> Body:
    _check_media_type(call, media_types or (JSON,))
    return await _parsed(await read_bytes(call), model, _reader)


async def large_json_body(call: Call, model: type[Body], limit: int, share: Share) -> Body:
    """`limit` is the body's, where it is more than that of the settings."""
    _check_media_type(call, (JSON,))
    return await _parsed(await read_bytes(call, limit, share), model, _reader_of_large)


async def optional_json_body(call: Call, model: type[Body]) -> Body | None:
    """None for a body of no bytes; anything else is read as `json_body` does."""
    raw = await read_bytes(call)
    if not raw:
        return None
    _check_media_type(call, (JSON,))
    return await _parsed(raw, model, _reader)


async def read_bytes(call: Call, limit: int = 0, share: Share | None = None) -> bytes:
    """Once for each request, however many ask for it."""
    if call.body_read is None:
        # A setting that is larger than a path's own limit is meant for that path too.
        limit = max(limit, call.app.state.settings.max_body)
        call.body_read = await _read_stream(call, limit, share)
    return call.body_read


async def _read_stream(call: Call, limit: int, share: Share | None) -> bytes:
    declared = call.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > _MOST_DIGITS or int(declared) > limit):
        raise HttpRefused("body-too-large")
    chunks = bytearray()
    async for chunk in call.stream():
        chunks += chunk
        if len(chunks) > limit:
            raise HttpRefused("body-too-large")
        if share is not None:
            share.grow_to(len(chunks))
    return bytes(chunks)


async def _parsed(raw: bytes, model: type[Body], reader: ThreadPoolExecutor) -> Body:
    if len(raw) <= SMALL:
        return parse(raw, model)
    return await asyncio.get_running_loop().run_in_executor(reader, parse, raw, model)


def parse(raw: bytes, model: type[Body]) -> Body:
    try:
        return model.model_validate(_read_json(raw))
    except ValidationError as error:
        raise InputInvalid(*flaws_of(error.errors(include_url=False))) from None


def _check_media_type(call: Call, accepted: tuple[str, ...]) -> None:
    given = call.headers.getlist("content-type")
    essence, _, parameters = given[0].partition(";") if len(given) == 1 else ("", "", "")
    if essence.strip().lower() not in accepted or not _UTF8.fullmatch(parameters):
        raise HttpRefused("media-type-unsupported")
    if call.headers.get("content-encoding", "identity").strip().lower() != "identity":
        # A body that grows when it is read would pass under the limit.
        raise HttpRefused("media-type-unsupported")


def _read_json(raw: bytes) -> object:
    """RFC 8259 in UTF-8. What is JSON but can't be meant is told from what is no JSON at all."""
    if len(raw) > _MOST_VALUES and sum(map(raw.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise InputInvalid(Flaw("", "too-many", "has too many values"))
    try:
        return json.loads(
            raw.decode(),
            object_pairs_hook=_members,
            parse_constant=_refuse_constant,
            parse_float=_number,
        )
    except RecursionError:
        raise InputInvalid(Flaw("", "too-deep", "is nested too deeply")) from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise HttpRefused("malformed-json") from None
    except ValueError:
        # Python reads no integer of more than 4300 digits.
        raise InputInvalid(Flaw("", "out-of-range", "has a number that is too long")) from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > _MOST_MEMBERS:
        raise InputInvalid(Flaw("", "too-many", "has an object with too many members"))
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InputInvalid(Flaw("", "duplicate-member", "has a member twice"))
    return members


def _refuse_constant(name: str) -> NoReturn:
    """Python reads NaN and Infinity, which JSON does not have."""
    raise InputInvalid(Flaw("", "not-a-number", "has a number that JSON does not have"))


def _number(digits: str) -> float:
    """A whole number may be written as 1.0 or 1e3: JSON knows no difference."""
    number = float(digits)
    if isinf(number):
        raise InputInvalid(Flaw("", "out-of-range", "has a number that is too large"))
    if not number.is_integer():
        return number
    if abs(number) > _MOST_EXACT:
        return int(number)
    try:
        # Not one that was made whole by rounding.
        return int(number) if Decimal(digits) == number else number
    except ArithmeticError:
        raise InputInvalid(Flaw("", "out-of-range", "has an exponent that is too large")) from None
