"""Reading a JSON body: strictly, within the limit, and only once the caller is known."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from math import isinf
from typing import Any, NoReturn, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from taskwell.api.problems import HttpRefused
from taskwell.errors import Flaw, InputInvalid
from taskwell.services.flaws import flaws_of

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"

_UTF8 = re.compile(r'\s*(?:charset="?utf-8"?\s*)?', re.IGNORECASE)

# A length that fills these is more than any limit; Python refuses to read many thousand digits.
_MOST_DIGITS = 18

Body = TypeVar("Body", bound=BaseModel)


def json_body(
    model: type[Body], *media_types: str, limit: int | None = None
) -> Callable[[Request], Awaitable[Body]]:
    """`limit` is the body's, where it is not the one of the settings."""

    async def read(request: Request) -> Body:
        _check_media_type(request, media_types or (JSON,))
        return parse(await read_bytes(request, limit), model)

    return read


def optional_json_body(model: type[Body]) -> Callable[[Request], Awaitable[Body | None]]:
    """None for a body of no bytes; anything else is read as `json_body` does."""

    async def read(request: Request) -> Body | None:
        raw = await read_bytes(request)
        if not raw:
            return None
        _check_media_type(request, (JSON,))
        return parse(raw, model)

    return read


async def read_bytes(request: Request, limit: int | None = None) -> bytes:
    """Once for each request, however many ask for it."""
    known: bytes | None = getattr(request.state, "body", None)
    if known is None:
        # A setting that is larger than a path's own limit is meant for that path too.
        limit = max(limit or 0, request.app.state.settings.max_body)
        known = request.state.body = await _read_stream(request, limit)
    return known


async def _read_stream(request: Request, limit: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > _MOST_DIGITS or int(declared) > limit):
        raise HttpRefused("body-too-large")
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > limit:
            raise HttpRefused("body-too-large")
    return bytes(chunks)


def parse(raw: bytes, model: type[Body]) -> Body:
    try:
        return model.model_validate(_read_json(raw))
    except ValidationError as error:
        raise InputInvalid(*flaws_of(error.errors(include_url=False))) from None


def _check_media_type(request: Request, accepted: tuple[str, ...]) -> None:
    given = request.headers.getlist("content-type")
    essence, _, parameters = given[0].partition(";") if len(given) == 1 else ("", "", "")
    if essence.strip().lower() not in accepted or not _UTF8.fullmatch(parameters):
        raise HttpRefused("media-type-unsupported")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        # A body that grows when it is read would pass under the limit.
        raise HttpRefused("media-type-unsupported")


def _read_json(raw: bytes) -> object:
    """RFC 8259 in UTF-8. What is JSON but can't be meant is told from what is no JSON at all."""
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
    return int(number) if number.is_integer() else number
