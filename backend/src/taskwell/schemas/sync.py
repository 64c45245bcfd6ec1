from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import MISSING, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from taskwell.schemas.base import Input, Output
from taskwell.schemas.problems import Problem
from taskwell.schemas.tasks import Order, Task, TaskCompletion, TaskId, TaskPatch, TaskText

MOST_OPERATIONS = 500
MOST_CHANGES = 1000

OperationType = Literal["create", "update", "complete", "move", "delete", "restore"]


class NewContent(Input):
    text: TaskText
    completed: bool = False
    order: Order | MISSING = MISSING


class SomeContent(TaskPatch):
    @model_validator(mode="after")
    def _says_something(self) -> SomeContent:
        if not self.model_fields_set:
            raise PydanticCustomError("required", "must name at least one member to change")
        return self


class Move(Input):
    """Exactly one of the three."""

    model_config = ConfigDict(
        json_schema_extra={"minProperties": 1, "maxProperties": 1, "examples": [{"to": "first"}]}
    )

    before: TaskId | MISSING = Field(default=MISSING, description="The task that comes next.")
    after: TaskId | MISSING = Field(default=MISSING, description="The task that comes first.")
    to: Literal["first", "last"] | MISSING = MISSING

    @model_validator(mode="after")
    def _names_one_place(self) -> Move:
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError("one-of", "must have exactly one of before, after and to")
        return self


class Nothing(Input):
    pass


# What `set` carries, by the type of the operation.
CONTENTS: dict[str, type[BaseModel]] = {
    "create": NewContent,
    "update": SomeContent,
    "complete": TaskCompletion,
    "move": Move,
    "delete": Nothing,
    "restore": TaskPatch,
}


_EXAMPLE_OPERATION: dict[str, Any] = {
    "op_id": "01975b3e-9a1b-7d52-8c3f-0a1b2c3d4e5f",
    "type": "create",
    "id": "01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f",
    "set": {"text": "Buy milk"},
}


class SyncOperation(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE_OPERATION]})

    op_id: TaskId = Field(..., description="Made by the client; takes effect once.")
    type: OperationType
    id: TaskId = Field(..., description="The task.")
    base_rev: Annotated[int, Field(ge=0)] | MISSING = Field(
        default=MISSING,
        description="The task's `rev` that the change was made on; left out, the last write wins.",
    )
    set: dict[str, Any] = Field(
        default_factory=dict,
        description="create: text, completed, order; update: any of them; complete: completed; "
        "move: before, after or to; restore: any of text, completed, order, or nothing.",
    )


class SyncRequest(Input):
    """The operations are looked at one by one: a bad one is rejected and stops no other."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"cursor": None, "operations": [_EXAMPLE_OPERATION], "atomic": False}]
        }
    )

    cursor: str | None = Field(default=None, max_length=200)
    operations: list[Any] = Field(
        default_factory=list,
        max_length=MOST_OPERATIONS,
        json_schema_extra={"items": {"$ref": "#/components/schemas/SyncOperation"}},
    )
    atomic: bool = Field(default=False, description="All of them or none.")
    limit: Annotated[int, Field(ge=1, le=MOST_CHANGES)] = MOST_CHANGES


class Tombstone(Output):
    id: TaskId
    rev: int = Field(..., ge=1)
    deleted: Literal[True]


class FieldConflict(Output):
    base_rev: int
    mine: str | bool | int
    theirs: str | bool | int


class ConflictProblem(Problem):
    conflicts: dict[str, FieldConflict] | MISSING = Field(
        default=MISSING, description="Each member that both sides have changed."
    )


class SyncResult(Output):
    op_id: TaskId | None = Field(..., description="Null where it could not be read.")
    status: Literal["applied", "merged", "duplicate", "conflict", "rejected"]
    task: Task | Tombstone | MISSING = Field(
        default=MISSING, description="The task as it is after the batch."
    )
    problem: ConflictProblem | MISSING = MISSING


class Changes(Output):
    changes: list[Task | Tombstone] = Field(..., description="In the order of `rev`.")
    cursor: str = Field(..., description="Where the next request goes on.")
    has_more: bool


class SyncAnswer(Changes):
    results: list[SyncResult] = Field(..., description="One for each operation, in its order.")


class Nudge(Output):
    """What an event carries; the changes themselves are pulled."""

    rev: int = Field(..., ge=0)
