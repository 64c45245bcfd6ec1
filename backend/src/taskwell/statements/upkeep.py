"""What belongs to no user. Only `services.upkeep` may run it."""

from __future__ import annotations

from taskwell.statements.compiled import statement

SCHEMA = statement("SCHEMA")
SCHEMA_VERSION = statement("SCHEMA_VERSION")
NEW_EPOCHS = statement("NEW_EPOCHS")

DENY_LIST = statement("DENY_LIST")
DENY = statement("DENY")
ALLOW = statement("ALLOW")

PURGE_LOCK = statement("PURGE_LOCK")
PURGE_TASKS = statement("PURGE_TASKS")
PURGE_RECEIPTS = statement("PURGE_RECEIPTS")
PURGE_OPERATIONS = statement("PURGE_OPERATIONS")

REVISIONS = statement("REVISIONS")
NUDGE = statement("NUDGE")
