"""If-Match, If-None-Match and Prefer, as RFC 9110 and RFC 7240 write them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.datastructures import Headers

from taskwell.api.problems import HttpRefused

ANY = "*"

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_LIST = re.compile(r'[ \t,]*(?:(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*(?:,[ \t,]*|$))+', re.ASCII)


def if_match(headers: Headers) -> list[str] | None:
    """The tags of which one must be current; a weak one never is. None: whatever is there.

    "*" asks for something to be there, which every write to a task asks anyway; with
    If-None-Match it asks for nothing to be there.
    """
    if if_none_match(headers) == ANY:
        return []
    tags = _tags(headers.getlist("if-match"))
    if tags is None or isinstance(tags, str):
        return None
    return [tag for weak, tag in tags if not weak]


def has_if_match(headers: Headers) -> bool:
    return _tags(headers.getlist("if-match")) is not None


def if_none_match(headers: Headers) -> Sequence[str] | None:
    """The tags that the client has, weak ones too; "*" as itself."""
    tags = _tags(headers.getlist("if-none-match"))
    if tags is None or isinstance(tags, str):
        return tags
    return [tag for _, tag in tags]


def wants_exact_count(headers: Headers) -> bool:
    preferences = ",".join(headers.getlist("prefer")).lower().split(",")
    return any(
        re.fullmatch(r'\s*count\s*=\s*(exact|"exact")\s*(;.*)?', preference)
        for preference in preferences
    )


def _tags(lines: list[str]) -> list[tuple[str, str]] | str | None:
    if not lines:
        return None
    value = ", ".join(lines).strip()
    if value == ANY:
        return ANY
    if not _LIST.fullmatch(value):
        raise HttpRefused("malformed-header")
    return _TAG.findall(value)
