from datetime import UTC, datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Column, DateTime, Index
from sqlmodel import Field, SQLModel


def now() -> datetime:
    return datetime.now(UTC)


class TaskBase(SQLModel):
    text: str = Field(min_length=1, max_length=500)
    completed: bool = False


class Task(TaskBase, table=True):
    __table_args__ = (Index("task_user_id_order_idx", "user_id", "order"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: str
    order: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: datetime = Field(
        default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False)
    )
    updated_at: datetime = Field(
        default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False)
    )
    completed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class TaskCreate(TaskBase):
    pass


class TaskPublic(TaskBase):
    id: UUID
    user_id: str
    order: int
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
