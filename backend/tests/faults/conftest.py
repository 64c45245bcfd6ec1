from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.catalogue import NAMES
from faults.line import Line, line_to
from faults.proof import Proof
from second_connection import SecondConnection


@pytest.fixture
def proof(request: pytest.FixtureRequest) -> Iterator[Proof]:
    marker = request.node.get_closest_marker("fault")
    assert marker is not None, "say which fault of the catalogue this test tries"
    (name,) = marker.args
    assert name in NAMES
    with Proof(name) as proof:
        yield proof


@pytest.fixture
def line(database_url: str) -> Iterator[Line]:
    with line_to(database_url) as line:
        yield line


@pytest.fixture
def sql(database_url: str) -> Iterator[SecondConnection]:
    with SecondConnection(database_url) as connection:
        yield connection
