from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from taskwell.schemas.base import Input, Output
from taskwell.schemas.tasks import Order, Task, TaskId, TaskText

_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
# As much as clocks may differ.
_AHEAD = timedelta(days=1)

Format = Literal["taskwell-export-1"]


def _from_text(value: object) -> object:
    """JSON has no times: they are texts of RFC 3339."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
        if moment.tzinfo is not None:
            return _possible(moment)
    return value


def _possible(moment: datetime) -> datetime:
    """A task that is changed later than it was before stays so for ever if that is in the future,
    and would be kept until then."""
    if not _EARLIEST <= moment <= datetime.now(UTC) + _AHEAD:
        raise PydanticCustomError("out-of-range", "must be in the past, and not before 1900")
    return moment.astimezone(UTC)


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
    # As far as the first that is wrong: the flaws of all would be many times the document.
    tasks: Annotated[list[ImportedTask], FailFast()]
    deleted_tasks: Annotated[list[ImportedTask], FailFast()] = Field(default_factory=list)

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
