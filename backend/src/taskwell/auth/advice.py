"""What to change, and on which side, when a token is refused."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Any
from urllib.parse import urlsplit

from taskwell.auth.claims import LATEST
from taskwell.auth.strict_json import read_object
from taskwell.auth.tokens import LONGEST_TOKEN, shown
from taskwell.config import Settings
from taskwell.errors import TokenInvalid

JWT_PATH = "/api/auth/token"
FETCH_A_JWT = f"Ask Better Auth for a JWT at {JWT_PATH} and send that"
MAKE_A_TOKEN = "Print a token with `taskwell token USER` and send that"
BASE_PATH = "/api/auth"


def _another(settings: Settings) -> str:
    return MAKE_A_TOKEN if settings.uses_development_issuer else FETCH_A_JWT


def on_form(text: str, error: TokenInvalid, settings: Settings) -> str:
    if text != text.strip() or text.lower().startswith("bearer ") or text[:1] in ("'", '"'):
        return "There is something around the token: give it without spaces, quotes or 'Bearer'."
    parts = text.count(".") + 1
    if parts == 5:
        return f"This token is encrypted, as a session cookie may be. {_another(settings)}."
    if parts < 3:
        another = _another(settings)
        return f"This is no JWT; it looks like the opaque token of a session. {another}."
    if len(text) > LONGEST_TOKEN:
        return (
            f"It is longer than {LONGEST_TOKEN} bytes: put less into it "
            "(Better Auth's jwt.definePayload decides what goes in)."
        )
    return _on_header(text, error, settings)


def _on_header(text: str, error: TokenInvalid, settings: Settings) -> str:
    header = _header(text)
    if "session-cache" in str(header.get("typ")):
        return _on_session_cache(settings)
    if "alg" in header and error.reason.startswith("the algorithm"):
        if header["alg"] == "HS256":
            return (
                "It is signed with a shared secret, but Taskwell checks against a key set: "
                f"{_lower(_another(settings))}, or set TASKWELL_AUTH_SECRET to that secret."
            )
        if settings.auth_secret is not None:
            return (
                f"It is signed with {shown(header['alg'])}, but TASKWELL_AUTH_SECRET is set, so "
                "that only HS256 is accepted: unset it to check against the issuer's key set."
            )
        return (
            f"It is signed with {shown(header['alg'])}: let the issuer sign with EdDSA, ES256, "
            "ES512, RS256 or PS256 (Better Auth's jwks.keyPairConfig.alg)."
        )
    if settings.uses_development_issuer:
        return (
            f"It is no token that `taskwell token` made: {error.reason}. "
            "Copy it again, whole, or print a new one."
        )
    return (
        f"It is no token that Better Auth made: {error.reason}. "
        "Copy it again, whole, or sign in again."
    )


def _on_session_cache(settings: Settings) -> str:
    return f"This is the cache of a session cookie, signed with the same key. {_another(settings)}."


def _header(text: str) -> dict[str, object]:
    first = text.partition(".")[0]
    try:
        return read_object(urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except ValueError:
        return {}


def on_kind(reason: str, settings: Settings) -> str:
    if settings.uses_development_issuer:
        return f"It was refused because {reason}. {MAKE_A_TOKEN}."
    if "not switched on" in reason:
        return (
            "This is an OAuth access token (at+jwt): set TASKWELL_ACCESS_TOKENS=true to accept "
            f"such tokens. Or else: {_lower(FETCH_A_JWT)}."
        )
    if "id token" in reason:
        return f"This is an id token, which tells a client who signed in. {FETCH_A_JWT}."
    if "scope" in reason:
        return (
            f"It was refused because {reason}: let the client ask for every scope in "
            "TASKWELL_AUTH_SCOPES, or take it out of that setting."
        )
    return f"It was refused because {reason}. {FETCH_A_JWT}."


def on_issuer(reason: str, claims: dict[str, object], expected: str, settings: Settings) -> str:
    if settings.uses_development_issuer:
        return (
            f"It was refused because {reason}. No issuer is set, so that only tokens of the "
            f"development issuer are good: {_lower(MAKE_A_TOKEN)}, or set BETTER_AUTH_URL."
        )
    issuer = claims.get("iss")
    if not isinstance(issuer, str):
        return f"It was refused because {reason}: the issuer must put its address into iss."
    if issuer.rstrip("/") == expected.rstrip("/"):
        difference = "Only the slash at the end differs"
    elif issuer.partition("://")[2] == expected.partition("://")[2]:
        difference = "Only http and https differ"
    elif _origin(issuer) == _origin(expected):
        difference = "Only the path differs"
    else:
        difference = "They are two different addresses"
    return (
        f"The token says that {shown(issuer)} made it, and Taskwell expects {shown(expected)}. "
        f"{difference}: set TASKWELL_AUTH_ISSUER to what the token says if that is your "
        "issuer, or give Better Auth the same BETTER_AUTH_URL that Taskwell has."
    )


def on_audience(reason: str, claims: dict[str, object], settings: Settings) -> str:
    if claims.get("aud") == "better-auth:session-cache":
        return _on_session_cache(settings)
    if settings.uses_development_issuer:
        return (
            f"It was refused because {reason}: print one with `taskwell token USER` and the same "
            "TASKWELL_AUTH_AUDIENCE as the service has."
        )
    return (
        f"It was refused because {reason}: set TASKWELL_AUTH_AUDIENCE to what the token says if "
        "it is meant for Taskwell, or Better Auth's jwt.audience to what Taskwell expects."
    )


def on_user(reason: str) -> str:
    return f"It was refused because {reason}: the issuer must put the user's id into sub."


def on_time(reason: str, claims: dict[str, object], now: float) -> str:
    if reason.startswith("the exp lies"):
        return (
            f"It expired {_distance(claims.get('exp'), now)}: fetch a new one. If it was made "
            "just now, the clock of this machine is ahead or the issuer's is behind."
        )
    if "future" in reason:
        name = reason.split()[1]
        return (
            f"Its {name} lies {_distance(claims.get(name), now)}: the clock of this machine is "
            "behind or the issuer's is ahead. Let both follow a time server."
        )
    return f"It was refused because {reason}: the issuer must put seconds since 1970 there."


def on_key_set(reason: str, name: str) -> str:
    if urlsplit(name).path.endswith(f"{BASE_PATH}{BASE_PATH}/jwks"):
        return (
            f"The key set at {name} is of no use: {reason}. Drop {BASE_PATH} from the end of "
            "BETTER_AUTH_URL: it is added to it."
        )
    hint = "See that Better Auth runs there with its jwt() plugin"
    if "redirect" in reason:
        hint = "Set TASKWELL_AUTH_JWKS_URL to the address that it leads to"
    elif "no key that can be used" in reason:
        hint = "Better Auth makes its first key when somebody first asks for a token: sign in once"
    return (
        f"The key set at {name} is of no use: {reason}. {hint}, "
        "and that BETTER_AUTH_URL or TASKWELL_AUTH_JWKS_URL is right."
    )


def on_no_key(settings: Settings) -> str:
    return (
        f"none in {settings.data} yet: `taskwell serve` makes it, or `taskwell token` with the "
        "same data folder"
    )


def on_clock(ahead: float) -> str:
    direction = "ahead of" if ahead > 0 else "behind"
    return (
        f"The clock of this machine is {abs(ahead):.0f} seconds {direction} the issuer's: "
        "let both follow a time server."
    )


def on_unfit_key(reason: str) -> str:
    return (
        f"It was refused because {reason}: the token was not made with the keys that the issuer "
        "publishes now. Sign in again, and see that each key has a kid of its own."
    )


def on_unknown_key(settings: Settings) -> str:
    if settings.uses_development_issuer:
        return (
            "The key that it names is not the development issuer's: print a new token with "
            "'taskwell token', with the same TASKWELL_DATA as the service has."
        )
    return (
        "The issuer does not publish the key that it names: either the token comes from another "
        "installation than the key set (compare BETTER_AUTH_URL on both sides), or Better Auth's "
        "table jwks was emptied since. Sign in again."
    )


def on_signature(*, has_secret: bool) -> str:
    if has_secret:
        return (
            "It was signed with another secret than TASKWELL_AUTH_SECRET, or altered on its way: "
            "set both sides to the same secret, without a space or line break at its end."
        )
    return (
        "The key that it names did not sign it: it was altered or cut on its way, or the issuer "
        "has given the name of an old key to a new one (a database that was made anew, with ids "
        "that count from 1). Sign in again."
    )


def _distance(moment: Any, now: float) -> str:
    """Of a claim that was found to be a number, however large."""
    moment = min(max(moment, 0), LATEST)
    seconds = abs(moment - now)
    direction = "ago" if moment < now else "in the future"
    if seconds < 120:
        return f"{seconds:.0f} seconds {direction}"
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes {direction}"
    return f"{seconds / 3600:.0f} hours {direction}"


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
