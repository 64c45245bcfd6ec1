from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from taskwell.schemas.base import Input, Output
from taskwell.schemas.tasks import Order, Task, TaskId, TaskText

Format = Literal["taskwell-export-1"]


def _from_text(value: object) -> object:
    """JSON has no times: they are texts of RFC 3339."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
        if moment.tzinfo is not None and 1900 <= moment.year <= 9000:
            return moment.astimezone(UTC)
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_from_text)]


class ImportedTask(Input):
    """As it was exported. The order of events is made anew: `rev` is taken and ignored."""

    id: TaskId
    user_id: Any = Field(default=None, description="Ignored: the tasks become yours.")
    text: TaskText
    completed: bool
    order: Order
    created_at: Moment
    updated_at: Moment
    completed_at: Moment | None
    rev: Any = Field(default=None, description="Ignored.")

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> ImportedTask:
        if self.completed != (self.completed_at is not None):
            raise PydanticCustomError(
                "contradiction", "must have completed_at exactly if it is completed"
            )
        return self


class ImportDocument(Input):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "format": "taskwell-export-1",
                    "tasks": [
                        {
                            "id": "01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f",
                            "text": "Buy milk",
                            "completed": False,
                            "order": 1024,
                            "created_at": "2026-11-21T08:30:00.000000Z",
                            "updated_at": "2026-11-21T08:30:00.000000Z",
                            "completed_at": None,
                        }
                    ],
                }
            ]
        }
    )

    format: Format
    user_id: Any = Field(default=None, description="Ignored.")
    exported_at: Any = Field(default=None, description="Ignored.")
    tasks: list[ImportedTask]
    deleted_tasks: list[ImportedTask] = Field(default_factory=list)

    @model_validator(mode="after")
    def _names_each_once(self) -> ImportDocument:
        tasks = [*self.tasks, *self.deleted_tasks]
        if len({task.id for task in tasks}) != len(tasks):
            raise PydanticCustomError("duplicate-task", "has a task twice")
        return self


class ExportDocument(Output):
    format: Format
    user_id: str
    exported_at: datetime
    tasks: list[Task] = Field(..., description="In their order.")
    deleted_tasks: list[Task] = Field(..., description="Those that can still be restored.")


class Imported(Output):
    created: int = Field(..., ge=0)
    updated: int = Field(..., ge=0)
    unchanged: int = Field(..., ge=0)
