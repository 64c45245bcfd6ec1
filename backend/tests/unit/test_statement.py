from __future__ import annotations

import pytest
from sqlalchemy import Text, bindparam, column, literal, literal_column, select

from taskwell.queries.compiling import reading, writing

NAME = bindparam("name", type_=Text)
OTHER = bindparam("other", type_=Text)


def test_it_is_compiled_to_the_drivers_own_text() -> None:
    statement = reading("EXAMPLE", select(column("a")).where(column("b") == NAME))
    assert statement.name == "EXAMPLE"
    assert "$1" in statement.sql
    assert statement.parameters == ("name",)
    assert statement.reads
    assert not writing("EXAMPLE", select(column("a"))).reads


def test_arguments_come_in_the_order_of_the_text() -> None:
    statement = reading("EXAMPLE", select(OTHER, NAME))
    assert statement.arguments({"name": 1, "other": 2, "unused": 3}) == [2, 1]


def test_an_argument_that_is_missing() -> None:
    with pytest.raises(KeyError):
        reading("EXAMPLE", select(NAME)).arguments({})


def test_a_value_of_its_own_is_refused_when_the_module_is_read() -> None:
    with pytest.raises(ValueError, match="EXAMPLE carries values of its own: param_1"):
        reading("EXAMPLE", select(literal("x")))
    assert reading("EXAMPLE", select(literal_column("'x'"))).parameters == ()
