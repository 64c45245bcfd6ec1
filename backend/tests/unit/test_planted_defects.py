"""Defects that `python -m syncing.defects` plants, one at a time, to see that each is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

import taskwell
from syncing.defects import DEFECTS, Defect

SOURCE = Path(taskwell.__file__).parent


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_each_has_its_place_in_the_source(defect: Defect) -> None:
    assert (SOURCE / defect.file).read_text().count(defect.right) == 1
