"""What the tables hold at most, for those who check it before; no table is needed to know it."""

from __future__ import annotations

from enum import StrEnum

LONGEST_USER_ID = 255
LONGEST_TEXT = 500
# The integers that JSON numbers carry exactly in every language.
GREATEST_ORDER = 2**53 - 1
# Room between neighbours, so that a task can be moved without touching the others.
ORDER_STEP = 1024


class Denied(StrEnum):
    USER = "user"
    KEY = "key"
