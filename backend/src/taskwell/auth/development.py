"""The development issuer: an Ed25519 key in the data folder, and tokens like Better Auth's."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from taskwell.auth.claims import is_user_id
from taskwell.auth.jwks import KeySetUnusable, read_key_set
from taskwell.auth.keys import KeySet
from taskwell.config import DEVELOPMENT_ISSUER
from taskwell.errors import SettingsInvalid, StartRefused

KEY_FILE = "issuer.pem"
HOUR = 3600


class DevelopmentIssuer:
    name = "the development issuer"
    is_near = True

    def __init__(
        self,
        folder: Path,
        *,
        issuer: str = DEVELOPMENT_ISSUER,
        audiences: Sequence[str] = (DEVELOPMENT_ISSUER,),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = folder / KEY_FILE
        _see_to_key(self._path)
        self._key = _read_key(self._path)
        self._issuer = issuer
        self._audiences = tuple(audiences)
        self._clock = clock

    def jwks(self) -> bytes:
        return _published(self._key)

    async def read(self) -> KeySet:
        """Out of the file, where another key may be by now; never makes one."""
        try:
            return read_key_set(_published(_read_key(self._path)))
        except StartRefused as error:
            raise KeySetUnusable(str(error).partition(": ")[0]) from None

    def token(self, user_id: str, ttl: int = HOUR) -> str:
        if not is_user_id(user_id):
            raise SettingsInvalid("A user is 1 to 255 characters without control characters.")
        now = int(self._clock())
        claims = {
            "iat": now,
            "name": user_id,
            "email": f"{user_id}@taskwell.localhost",
            "id": user_id,
            "sub": user_id,
            "exp": now + ttl,
            "iss": self._issuer,
            "aud": self._audiences[0] if len(self._audiences) == 1 else list(self._audiences),
        }
        # No `typ`, as with Better Auth.
        header = {"alg": "EdDSA", "kid": _jwk(self._key)["kid"]}
        signed = f"{_part(header)}.{_part(claims)}"
        return f"{signed}.{_base64url(self._key.sign(signed.encode()))}"


def _part(members: dict[str, Any]) -> str:
    return _base64url(json.dumps(members, separators=(",", ":")).encode())


def _published(key: Ed25519PrivateKey) -> bytes:
    return json.dumps({"keys": [_jwk(key)]}).encode()


def _jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    members = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(public)}
    # RFC 7638: the key's own fingerprint, so that every process gives it the same name.
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    return {"alg": "EdDSA", **members, "kid": _base64url(hashlib.sha256(canonical).digest())}


def has_key(folder: Path) -> bool:
    """Whether there is one, be it one that this user may not read."""
    try:
        (folder / KEY_FILE).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _see_to_key(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make_key(path)
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise _unreadable(path, error) from None


def _read_key(path: Path) -> Ed25519PrivateKey:
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise StartRefused(
            f"{path} is not the development issuer's key: "
            "delete it, and a new one is made at the next start."
        )
    return key


def _unreadable(path: Path, error: OSError) -> StartRefused:
    return StartRefused(
        f"The development issuer's key {path} can't be read or made ({error.strerror}): "
        "give this user access to it, or choose another folder with TASKWELL_DATA."
    )


def _make_key(path: Path) -> None:
    """Whole or not at all; of several processes that start at once, the first one's key stays."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    descriptor, draft = tempfile.mkstemp(prefix=KEY_FILE, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(descriptor)
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
