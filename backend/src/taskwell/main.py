"""The service, put together: a contents page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import Depends, FastAPI

from taskwell import __version__
from taskwell.api import problems
from taskwell.api.dependencies import own_path
from taskwell.api.middleware import Frame
from taskwell.api.openapi import describe, operation_id
from taskwell.api.routes import events, health, me
from taskwell.api.routes import problems as problem_pages
from taskwell.api.routes import sync as sync_routes
from taskwell.api.routes import tasks as task_routes
from taskwell.auth.gate import build_gate
from taskwell.config import Settings
from taskwell.database.listener import Listener
from taskwell.database.pool import USUAL_PATIENCE, Database, Patience
from taskwell.migrations.head import HEAD
from taskwell.services.belongings import Belongings
from taskwell.services.lists import Lists
from taskwell.services.live import Live
from taskwell.services.receipts import Receipts
from taskwell.services.sync import Sync
from taskwell.services.tasks import Tasks
from taskwell.services.upkeep import DenyList, Purge, Revisions, Upkeep


def create_app(settings: Settings, patience: Patience = USUAL_PATIENCE) -> FastAPI:
    database = Database(settings, patience)
    gate = build_gate(settings)
    deny_list = DenyList(database)
    purge = Purge(database, settings.retention_days)
    live = Live(Revisions(database), deny_list, Listener(settings))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await database.open()
        gate.warm_up()
        try:
            yield
        finally:
            for part in (live, purge, deny_list, gate):
                await part.close()
            await database.close()

    app = FastAPI(
        title="Taskwell",
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    app.state.settings = settings
    app.state.draining = False
    app.state.gate = gate
    app.state.tasks = Tasks(database, settings.max_tasks)
    app.state.lists = Lists(database)
    app.state.sync = Sync(database, settings.max_tasks)
    app.state.belongings = Belongings(database, settings.max_tasks)
    app.state.receipts = Receipts(database)
    app.state.upkeep = Upkeep(database, HEAD)
    app.state.deny_list = deny_list
    app.state.purge = purge
    app.state.live = live
    app.include_router(task_routes.router)
    app.include_router(
        task_routes.router, prefix="/api/{user_id}", dependencies=[Depends(own_path)]
    )
    app.include_router(sync_routes.router)
    app.include_router(events.router)
    app.include_router(me.router)
    app.include_router(health.router)
    app.include_router(problem_pages.router)
    problems.install(app)
    app.add_middleware(Frame, service=app, origins=settings.cors_origins)
    app.openapi = partial(describe, app)  # type: ignore[method-assign]  # FastAPI's way to do it
    return app
