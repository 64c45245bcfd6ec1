from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.catalogue import NAMES
from faults.proof import Proof


@pytest.fixture
def proof(request: pytest.FixtureRequest) -> Iterator[Proof]:
    marker = request.node.get_closest_marker("fault")
    assert marker is not None, "say which fault of the catalogue this test tries"
    (name,) = marker.args
    assert name in NAMES
    with Proof(name) as proof:
        yield proof
