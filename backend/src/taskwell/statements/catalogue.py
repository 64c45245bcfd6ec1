"""What is done with the rows of one user."""

from __future__ import annotations

from taskwell.statements.compiled import statement

OPEN_ACCOUNT = statement("OPEN_ACCOUNT")
LOOK_AT_ACCOUNT = statement("LOOK_AT_ACCOUNT")
LOCK_ACCOUNT = statement("LOCK_ACCOUNT")
SAVE_ACCOUNT = statement("SAVE_ACCOUNT")

GET_TASK = statement("GET_TASK")
LOOK_AT_ID = statement("LOOK_AT_ID")
CREATE_TASK = statement("CREATE_TASK")
CHANGE_TASK = statement("CHANGE_TASK")
DELETE_TASK = statement("DELETE_TASK")
CLEAR_COMPLETED = statement("CLEAR_COMPLETED")
NEIGHBOURS = statement("NEIGHBOURS")

CHANGES = statement("CHANGES")
LOAD_TASKS = statement("LOAD_TASKS")
SAVE_TASKS = statement("SAVE_TASKS")
SHOW_TASKS = statement("SHOW_TASKS")
LOAD_OPERATIONS = statement("LOAD_OPERATIONS")
SAVE_OPERATIONS = statement("SAVE_OPERATIONS")

FIND_RECEIPT = statement("FIND_RECEIPT")
SAVE_RECEIPT = statement("SAVE_RECEIPT")

EXPORT = statement("EXPORT")
COUNT_DELETED = statement("COUNT_DELETED")
ERASE = statement("ERASE")
