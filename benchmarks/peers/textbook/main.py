from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from auth import CurrentUser
from database import SessionDep
from fastapi import FastAPI, HTTPException, Query, status
from models import Task, TaskCreate, TaskPublic, now
from sqlmodel import Session, col, func, select

ORDER_STEP = 1024

app = FastAPI()


def get_task_of(user: str, task_id: UUID, session: Session) -> Task:
    task = session.get(Task, task_id)
    if task is None or task.user_id != user:
        raise HTTPException(status_code=404, detail="Task not found")
    return task


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/tasks", response_model=list[TaskPublic])
def read_tasks(
    user: CurrentUser,
    session: SessionDep,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
) -> Sequence[Task]:
    tasks = select(Task).where(Task.user_id == user).order_by(col(Task.order))
    return session.exec(tasks.offset(offset).limit(limit)).all()


@app.get("/tasks/{task_id}", response_model=TaskPublic)
def read_task(task_id: UUID, user: CurrentUser, session: SessionDep) -> Task:
    return get_task_of(user, task_id, session)


@app.post("/tasks", response_model=TaskPublic, status_code=status.HTTP_201_CREATED)
def create_task(task: TaskCreate, user: CurrentUser, session: SessionDep) -> Task:
    last = session.exec(select(func.max(Task.order)).where(Task.user_id == user)).one()
    created = Task.model_validate(
        task,
        update={
            "user_id": user,
            "order": (last or 0) + ORDER_STEP,
            "completed_at": now() if task.completed else None,
        },
    )
    session.add(created)
    session.commit()
    session.refresh(created)
    return created


@app.patch("/tasks/{task_id}/toggle", response_model=TaskPublic)
def toggle_task(task_id: UUID, user: CurrentUser, session: SessionDep) -> Task:
    task = get_task_of(user, task_id, session)
    task.completed = not task.completed
    task.updated_at = now()
    task.completed_at = task.updated_at if task.completed else None
    session.add(task)
    session.commit()
    session.refresh(task)
    return task
