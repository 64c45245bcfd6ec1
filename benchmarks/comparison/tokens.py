"""Real tokens: signed with an Ed25519 key, in the shape in which Better Auth signs them."""

from __future__ import annotations

from pathlib import Path

from comparison import data
from taskwell.auth.development import DevelopmentIssuer

ISSUER = "https://issuer.example.com"
A_WEEK = 7 * 86400


class Tokens:
    """One for each user, made when it is first needed."""

    def __init__(self, issuer: DevelopmentIssuer) -> None:
        self._issuer = issuer
        self._made: dict[int, str] = {}

    def header_of(self, user: int) -> dict[str, str]:
        if user not in self._made:
            self._made[user] = self._issuer.token(data.user_id(user), A_WEEK)
        return {"authorization": f"Bearer {self._made[user]}"}


def peers_issuer(folder: Path) -> DevelopmentIssuer:
    """Its key set is left beside the key, for those who read it at their start."""
    issuer = DevelopmentIssuer(folder, issuer=ISSUER, audiences=(ISSUER,))
    (folder / "jwks.json").write_bytes(issuer.jwks())
    return issuer
