"""What Better Auth says of the opaque token of a session, when somebody took it for a JWT."""

from __future__ import annotations

from urllib.parse import urlsplit

from taskwell.auth.advice import JWT_PATH
from taskwell.auth.fetching import FetchFailed, fetch
from taskwell.auth.tokens import is_key_id
from taskwell.config import Settings, is_loopback


def may_be_session(text: str, settings: Settings) -> bool:
    """Only what looks like one is sent, only to its own issuer, and where nobody can listen."""
    if settings.better_auth_url is None or text.count(".") > 1 or not is_key_id(text):
        return False
    parts = urlsplit(settings.better_auth_url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


async def ask_better_auth(text: str, settings: Settings) -> str:
    url = (settings.better_auth_url or "").rstrip("/") + JWT_PATH
    try:
        answer = await fetch(url, headers=(f"Authorization: Bearer {text}",))
    except FetchFailed as error:
        return f"Better Auth, asked for a JWT at {JWT_PATH}, {error}."
    return _meaning(answer.status)


def _meaning(status: int) -> str:
    if status == 200:
        return (
            f"Better Auth gives a JWT for it at {JWT_PATH}: let the front end fetch that "
            "(authClient.token()) and send it instead."
        )
    if status == 401:
        return (
            "Better Auth knows no such session: sign in again, and if that does not help, see "
            "that its bearer() plugin is on."
        )
    if status == 404:
        return f"Better Auth has no {JWT_PATH}: switch on its jwt() plugin."
    if status >= 500:
        return (
            f"Better Auth fails at {JWT_PATH} (status {status}): if BETTER_AUTH_SECRET was "
            "changed, it can't open its own signing keys any more, though it still publishes "
            "them. Put the old secret back, or empty its table jwks, so that it makes new keys."
        )
    return f"Better Auth answered with the status {status} at {JWT_PATH}."
