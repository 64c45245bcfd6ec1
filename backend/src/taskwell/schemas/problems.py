from __future__ import annotations

from pydantic import MISSING, Field

from taskwell.schemas.base import Output
from taskwell.schemas.tasks import Task


class FlawReport(Output):
    pointer: str = Field(
        ..., description="Where: a JSON pointer into the body, or a parameter's name after a slash."
    )
    code: str = Field(..., description="What, in a stable word.")
    message: str = Field(..., description="What, in a sentence.")


class Problem(Output):
    """Every error looks like this (RFC 9457)."""

    type: str = Field(..., description="Where this kind of problem is explained; relative.")
    title: str
    status: int = Field(..., ge=400, le=599)
    detail: str
    code: str = Field(..., description="Stable; the last part of `type`.")
    request_id: str = Field(..., description="The X-Request-ID, under which the log has it.")
    errors: list[FlawReport] | MISSING = Field(
        default=MISSING, description="Each place that is wrong; with status 422."
    )
    current: Task | MISSING = Field(
        default=MISSING, description="The task as it is now; with status 412."
    )
    database: str | MISSING = Field(
        default=MISSING, description="What is wrong with it; only from the health checks."
    )
    version: str | MISSING = Field(
        default=MISSING, description="Taskwell's; only from the health checks."
    )


class ProblemPage(Output):
    type: str
    title: str
    status: int = Field(..., ge=400, le=599)
    detail: str
    code: str
