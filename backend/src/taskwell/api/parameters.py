"""What stands behind the question mark."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from pydantic_core import PydanticCustomError

from taskwell.api.call import Call
from taskwell.errors import Flaw, InputInvalid
from taskwell.schemas.sync import MOST_CHANGES
from taskwell.services.flaws import flaws_of
from taskwell.services.lists import LONGEST_SEARCH, MOST_ON_A_PAGE, ListQuery, SortKey, Status

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper

LONGEST_REMEMBERED = 256

StatusWord = Literal["all", "pending", "completed", "deleted"]
SortWord = Literal[
    "order",
    "-order",
    "created_at",
    "-created_at",
    "updated_at",
    "-updated_at",
    "completed_at",
    "-completed_at",
    "text",
    "-text",
]


_WHOLE = re.compile(r"-?[0-9]+")


def _whole(text: object) -> object:
    """No other way to write it than the one that is described."""
    if isinstance(text, str) and not _WHOLE.fullmatch(text):
        raise PydanticCustomError("wrong-type", "must be a whole number")
    return text


class ListParameters(BaseModel):
    status: Annotated[StatusWord, Field(description="Which tasks.")] = "all"
    q: Annotated[
        str | None,
        Field(
            max_length=LONGEST_SEARCH,
            json_schema_extra={"pattern": r"^[^\u0000]*$"},
            description="Part of the text, upper or lower case; `%` and `_` mean themselves.",
        ),
    ] = None
    sort: Annotated[SortWord, Field(description="With `-`: descending.")] = "order"
    limit: Annotated[
        int,
        Field(ge=1, le=MOST_ON_A_PAGE, description="The most that one answer has."),
        BeforeValidator(_whole),
    ] = MOST_ON_A_PAGE
    cursor: Annotated[
        str | None, Field(max_length=8192, description="From the Link of the page before.")
    ] = None

    def query(self) -> ListQuery:
        if self.q is not None and "\0" in self.q:
            raise InputInvalid(Flaw("/q", "nul-character", "must not contain the NUL character"))
        return ListQuery(
            status=Status(self.status),
            search=self.q or None,
            sort=SortKey(self.sort.removeprefix("-")),
            descending=self.sort.startswith("-"),
            limit=self.limit,
            cursor=self.cursor,
        )


class SyncParameters(BaseModel):
    since: Annotated[
        str | None,
        Field(max_length=200, description="The cursor of the last answer; none: everything."),
    ] = None
    limit: Annotated[
        int,
        Field(ge=1, le=MOST_CHANGES, description="The most that one answer has."),
        BeforeValidator(_whole),
    ] = MOST_CHANGES


Parameters = TypeVar("Parameters", bound=BaseModel)
Read = TypeVar("Read")


@lru_cache(maxsize=512)
def _list_query(query_string: bytes) -> ListQuery:
    return _read(query_string, ListParameters).query()


def list_query(call: Call) -> ListQuery:
    return _remembered(_list_query, call.scope["query_string"])


@lru_cache(maxsize=512)
def _list_link(query_string: bytes) -> str:
    kept = {name: value for name, value in _given(query_string).items() if name != "cursor"}
    return urlencode(kept) + "&" if kept else ""


def list_link(query_string: bytes) -> str:
    """The beginning of what leads to another page of the same list: all but the cursor."""
    return _remembered(_list_link, query_string)


def _remembered(read: _lru_cache_wrapper[Read], query_string: bytes) -> Read:
    """Front ends ask for the same few lists again and again."""
    is_short = len(query_string) < LONGEST_REMEMBERED
    return read(query_string) if is_short else read.__wrapped__(query_string)


def clears_completed(call: Call) -> bool:
    """Of all that a list can be asked for, nothing but this: what else is said would be passed
    over, and more be deleted than was meant."""
    said = parse_qsl(call.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    filters = [pair for pair in said if pair[0] in ListParameters.model_fields]
    return filters == [("status", Status.COMPLETED)]


def sync_parameters(call: Call) -> SyncParameters:
    return _read(call.scope["query_string"], SyncParameters)


def _read(query_string: bytes, model: type[Parameters]) -> Parameters:
    """By us: the framework takes 25 times as long for the same."""
    try:
        return model.model_validate(_given(query_string))
    except ValidationError as error:
        raise InputInvalid(*flaws_of(error.errors(include_url=False))) from None


def _given(query_string: bytes) -> dict[str, str]:
    return dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
