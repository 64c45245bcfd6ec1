"""Who a verified token speaks for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """`kid` and `issued_at` are what a deny list asks for; both times are whole seconds since 1970.

    `expires_at` is the moment from which the token is refused, leeway included. A token that does
    not say when it was issued counts as issued at 0: before every cut-off.
    """

    user_id: str
    expires_at: int
    issued_at: int
    kid: str | None
