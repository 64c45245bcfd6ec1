from __future__ import annotations

from typing import Literal

from taskwell.schemas.base import Output


class Health(Output):
    status: Literal["ok", "degraded"]
    database: Literal["ok", "full"]
    version: str


class Alive(Output):
    status: Literal["ok"]
