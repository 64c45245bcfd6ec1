from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.testclient import TestClient

from taskwell.config import Settings
from taskwell.database.pool import USUAL_PATIENCE, Patience
from taskwell.main import create_app


@contextmanager
def running(
    settings: Settings, patience: Patience = USUAL_PATIENCE, **changes: object
) -> Iterator[TestClient]:
    """An instance of the service of one's own, with some settings changed."""
    app = create_app(settings.model_copy(update=changes), patience)
    with TestClient(app, base_url="http://taskwell.test") as client:
        yield client
