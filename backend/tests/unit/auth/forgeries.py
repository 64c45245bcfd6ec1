"""The whole corpus: forgeries by family, and near each family the tokens that are good."""

from __future__ import annotations

from unit.auth import forgeries_of_claims, forgeries_of_keys, forgeries_of_shape
from unit.auth.families import FAMILIES

PARTS = (forgeries_of_keys, forgeries_of_claims, forgeries_of_shape)

__all__ = ["FAMILIES", "PARTS"]
