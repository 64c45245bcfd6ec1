from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from taskwell.models.limits import GREATEST_ORDER, LONGEST_TEXT
from taskwell.schemas.base import Input, Output

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

# White space and control characters, as ranges that every regular expression dialect reads alike.
_INVISIBLE = r"\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_VISIBLE = re.compile(f"[^{_INVISIBLE}]")
_TEXT_PATTERN = rf"^[^\u0000]*[^{_INVISIBLE}][^\u0000]*$"

READ_ONLY = frozenset({"user_id", "created_at", "updated_at", "completed_at", "rev"})


def is_uuid(value: str) -> bool:
    return _UUID.fullmatch(value) is not None


def _canonical_uuid(value: str) -> str:
    if not is_uuid(value):
        raise PydanticCustomError(
            "not-a-uuid", "must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057"
        )
    return value.lower()


def _storable(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("nul-character", "must not contain the NUL character")
    if not _VISIBLE.search(value):
        raise PydanticCustomError(
            "blank", "must contain more than white space and control characters"
        )
    return value


TaskText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_TEXT,
        description="More than white space and control characters; no NUL. Stored exactly as sent.",
        json_schema_extra={"pattern": _TEXT_PATTERN},
    ),
    AfterValidator(_storable),
]
TaskId = Annotated[
    str,
    AfterValidator(_canonical_uuid),
    WithJsonSchema({"type": "string", "format": "uuid"}),
]
Order = Annotated[
    int,
    Field(
        ge=-GREATEST_ORDER,
        le=GREATEST_ORDER,
        description="Display order. Left out of a create: after the user's last task.",
    ),
]


class _Writable(Input):
    @model_validator(mode="before")
    @classmethod
    def _refuse_read_only(cls, data: object) -> object:
        """Says more than "unknown": the member exists, and is the server's."""
        if isinstance(data, dict):
            for name in READ_ONLY:
                if name in data:
                    raise PydanticCustomError(
                        "read-only", "{member} is set by the server", {"member": name}
                    )
        return data


_EXAMPLE_ID = "01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f"


class TaskCreate(_Writable):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Buy milk"}, {"id": _EXAMPLE_ID, "text": "Call"}]}
    )

    id: TaskId | MISSING = Field(
        default=MISSING,
        description="Made by the client, so that a create can be sent again safely.",
    )
    text: TaskText
    completed: bool = False
    order: Order | MISSING = MISSING


def _with_ignored_members(schema: dict[str, Any]) -> None:
    schema["examples"] = [{"text": "Buy milk", "completed": True}]
    for name in sorted(READ_ONLY):
        schema["properties"][name] = {"readOnly": True, "description": "Ignored."}


class TaskReplace(Input):
    """What the server sets is taken and ignored: get, edit, put works."""

    model_config = ConfigDict(json_schema_extra=_with_ignored_members)

    id: TaskId | MISSING = Field(default=MISSING, description="If given, the id in the path.")
    text: TaskText
    completed: bool = False
    order: Order | MISSING = Field(default=MISSING, description="Left out: keeps its value.")

    @model_validator(mode="before")
    @classmethod
    def _ignore_read_only(cls, data: object) -> object:
        if isinstance(data, dict):
            return {name: value for name, value in data.items() if name not in READ_ONLY}
        return data


class TaskPatch(_Writable):
    """A JSON merge patch: what is absent stays as it is; null is not a value of any member."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"completed": True}]})

    text: TaskText | MISSING = MISSING
    completed: bool | MISSING = MISSING
    order: Order | MISSING = MISSING


class TaskCompletion(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"completed": True}]})

    completed: bool


class Task(Output):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": _EXAMPLE_ID,
                    "user_id": "alice",
                    "text": "Buy milk",
                    "completed": False,
                    "order": 1024,
                    "created_at": "2026-11-21T08:30:00.000000Z",
                    "updated_at": "2026-11-21T08:30:00.000000Z",
                    "completed_at": None,
                    "rev": 1,
                }
            ]
        }
    )

    id: UUID
    user_id: str
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    completed: bool
    order: Order
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None = Field(..., description="Set while the task is completed.")
    rev: int = Field(..., ge=1, description="The user's revision at which this task last changed.")


class Cleared(Output):
    model_config = ConfigDict(json_schema_extra={"examples": [{"deleted": 3}]})

    deleted: int = Field(..., ge=0)
