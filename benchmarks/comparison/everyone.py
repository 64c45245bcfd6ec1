"""Who takes part."""

from __future__ import annotations

from collections.abc import Callable

from comparison.contender import Contender
from comparison.fastify import Fastify
from comparison.pocketbase import PocketBase
from comparison.taskwell import Taskwell
from comparison.textbook import Textbook

# By the name that the command line has for it; the first is the one whose bars these are.
CONTENDERS: dict[str, Callable[[], Contender]] = {
    "taskwell": Taskwell,
    "pocketbase": PocketBase,
    "textbook": Textbook,
    "fastify": Fastify,
}
