from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.rows import Rows
from contract.running import Running, running


@pytest.fixture(scope="session")
def rows(database_url: str) -> Rows:
    return Rows(database_url)


@pytest.fixture(scope="session")
def server(database_url: str, data_folder: Path) -> Iterator[Running]:
    with running(database_url, data_folder) as found:
        yield found
