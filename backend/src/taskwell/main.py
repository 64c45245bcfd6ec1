"""The service, put together: a contents page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI

from taskwell import __version__
from taskwell.api import problems, telemetry
from taskwell.api.admission import Admission
from taskwell.api.middleware import Frame
from taskwell.api.openapi import describe, operation_id
from taskwell.api.operations import operations, statuses
from taskwell.api.routes import events, health, me
from taskwell.api.routes import problems as problem_pages
from taskwell.api.routes import sync as sync_routes
from taskwell.api.routes import tasks as task_routes
from taskwell.api.routing import USER_PATH, below
from taskwell.api.shortcut import Shortcut
from taskwell.auth.gate import build_gate
from taskwell.config import Settings
from taskwell.database.listener import Listener
from taskwell.database.pool import USUAL_PATIENCE, Database, Patience
from taskwell.database.storage import Storage
from taskwell.measuring import build_meter
from taskwell.migrations.head import HEAD
from taskwell.services.belongings import Belongings
from taskwell.services.deny_list import DenyList
from taskwell.services.lists import Lists
from taskwell.services.live import Live
from taskwell.services.receipts import Receipts
from taskwell.services.sync import Sync
from taskwell.services.tasks import Tasks
from taskwell.services.upkeep import Purge, Revisions, Upkeep


def create_app(
    settings: Settings, patience: Patience = USUAL_PATIENCE, storage: Storage | None = None
) -> FastAPI:
    database = Database(settings, patience, storage)
    gate = build_gate(settings)
    deny_list = DenyList(database)
    purge = Purge(database, settings.retention_days)
    admission = Admission(settings)
    live = Live(Revisions(database), deny_list, Listener(settings))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await database.open()
        gate.warm_up()
        if telemetry.is_on(settings):
            telemetry.keep_queries_at_home()
        try:
            yield
        finally:
            for part in (live, purge, deny_list, gate):
                await part.close()
            if app.state.meter is not None:
                app.state.meter.close()
            await database.close()

    app = FastAPI(
        title="Taskwell",
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        telemetry=telemetry.configuration(settings),
    )
    app.state.settings = settings
    app.state.draining = False
    app.state.gate = gate
    app.state.admission = admission
    app.state.tasks = Tasks(database, settings.max_tasks)
    app.state.lists = Lists(database)
    app.state.sync = Sync(database, settings.max_tasks)
    app.state.belongings = Belongings(database, settings.max_tasks)
    app.state.receipts = Receipts(database)
    app.state.upkeep = Upkeep(database, HEAD)
    app.state.deny_list = deny_list
    app.state.purge = purge
    app.state.live = live
    _route(app)
    problems.install(app)
    meter = None
    if settings.metrics_port is not None:
        meter = build_meter(
            operations(app),
            statuses(),
            database=database,
            gate=gate,
            live=live,
            admission=admission,
        )
    app.state.meter = meter
    if not telemetry.is_on(settings):
        # On its way the framework notes the route, which a span tells.
        app.add_middleware(Shortcut, service=app)
    app.add_middleware(
        Frame,
        service=app,
        admission=admission,
        meter=meter,
        origins=settings.cors_origins,
        tells_times=settings.server_timing,
    )
    app.openapi = partial(describe, app)  # type: ignore[method-assign]  # FastAPI's way to do it
    return app


def _route(app: FastAPI) -> None:
    # As they are: in a router that is included the framework looks for each route twice. And
    # first, since it looks at one after the other.
    app.router.routes[:0] = [
        *sync_routes.router.routes,
        *task_routes.router.routes,
        *below(USER_PATH, task_routes.router.routes),
        *events.router.routes,
        *me.router.routes,
    ]
    app.include_router(health.router)
    app.include_router(problem_pages.router)
    _end_paths(app)


def _end_paths(app: FastAPI) -> None:
    """The framework's patterns end in `$`, which lets a line end at the end of a path pass."""
    for route in app.router.routes:
        # An included router has patterns of its own for its routes.
        included = getattr(route, "effective_route_contexts", None)
        routes: Iterable[Any] = included() if included else (route,)
        for each in routes:
            each.path_regex = re.compile(each.path_regex.pattern.removesuffix("$") + r"\Z")
