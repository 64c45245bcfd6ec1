"""Keys, each bound to one algorithm, and the sets they come in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from taskwell.auth.algorithms import HMAC, IMPLEMENTATIONS
from taskwell.auth.tokens import Token
from taskwell.errors import SettingsInvalid, TokenInvalid

_serials = count(1)


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """`print` tells whether two keys are the same one; `serial` names this one in this process."""

    key_id: str | None
    algorithm: str
    material: Any = field(repr=False)
    print: tuple[str, ...] = field(repr=False)
    serial: int = field(default_factory=lambda: next(_serials))

    def signed(self, token: Token) -> bool:
        """The key decides the algorithm; the token only had to name the same one."""
        algorithm = IMPLEMENTATIONS[self.algorithm]
        return algorithm.is_valid(token.signed, token.signature, self.material)


class KeySet:
    """Never changed once made: a new answer of the issuer makes a new set."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self.by_serial: dict[int, Key] = {}
        self._by_name: dict[tuple[str | None, str], list[Key]] = {}
        self._key_ids: set[str | None] = set()
        for key in keys:
            self.by_serial[key.serial] = key
            self._by_name.setdefault((key.key_id, key.algorithm), []).append(key)
            self._key_ids.add(key.key_id)

    def __len__(self) -> int:
        return len(self.by_serial)

    def find(self, token: Token) -> Key | None:
        """None when another answer of the issuer might have the key; TokenInvalid when none can."""
        named = self._by_name.get((token.key_id, token.algorithm), ())
        if token.key_id is None:
            named = [key for key in self.by_serial.values() if key.algorithm == token.algorithm]
        elif not named:
            if token.key_id in self._key_ids:
                raise TokenInvalid(f"the key of this kid is not one for {token.algorithm}")
            named = self._by_name.get((None, token.algorithm), ())
        if len(named) > 1:
            raise TokenInvalid(f"several keys for {token.algorithm} fit and no kid tells which")
        return named[0] if named else None

    def keeping(self, previous: KeySet) -> KeySet:
        """The same set, with the serial of every key that was in the previous one already."""
        known = {key.print: key for key in previous.by_serial.values()}
        return KeySet(known.get(key.print, key) for key in self.by_serial.values())


class SharedSecret:
    """The one key that is not published; it is read like the others, from memory."""

    name = "TASKWELL_AUTH_SECRET"
    is_near = True

    def __init__(self, secret: str) -> None:
        from jwt.algorithms import HMACAlgorithm  # noqa: PLC0415  # only with a secret
        from jwt.exceptions import InvalidKeyError  # noqa: PLC0415  # as above

        material = secret.encode()
        try:
            HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(material)
        except InvalidKeyError:
            raise SettingsInvalid(
                "TASKWELL_AUTH_SECRET looks like a key or a certificate, which others may know: "
                "set it to a random text of at least 32 bytes."
            ) from None
        self._keys = KeySet([Key(None, HMAC, material, (HMAC,))])

    async def read(self) -> KeySet:
        return self._keys
