"""Schemathesis loads this before it runs."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import schemathesis

_KEY = "Idempotency-Key"


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: Any
) -> None:
    """A good key is used once: with one that was used before, a good request is refused."""
    if re.fullmatch("[!-~]{1,255}", str(case.headers.get(_KEY, ""))):
        case.headers[_KEY] = uuid4().hex
