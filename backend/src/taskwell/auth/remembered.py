"""Tokens that were verified, each remembered by its hash until it expires."""

from __future__ import annotations

import hashlib
import os
from array import array
from struct import Struct

from taskwell.auth.claims import LEEWAY
from taskwell.auth.identity import Identity
from taskwell.auth.keys import Key

# A hash table of packed records, which grows when a quarter of it is taken: at last 176,000 places,
# which hold the tokens of 100,000 users in some 11 MB and can never take more than 20. A dict of
# objects takes three times as much.
BUCKETS = (550, 2_750, 11_000)
WAYS = 16
MOST_BYTES = 12_000_000

# One user may hold this many places, so that nobody pushes the others out with tokens of his own.
PLACES_OF_A_USER = 64
USER_COUNTERS = 65_536

HASH_BYTES = 15
_TIMES_AND_KEY = Struct(">III")
_USER_ID = HASH_BYTES + _TIMES_AND_KEY.size


class RememberedTokens:
    def __init__(self) -> None:
        self._sizes = iter(BUCKETS)
        self._buckets = next(self._sizes)
        self._places: list[bytes | None] = [None] * (self._buckets * WAYS)
        self._taken = 0
        self._held = array("B", bytes(USER_COUNTERS))
        self._bytes = 0
        # Nobody outside can compute where a token goes or which hash it has.
        self._seed = hashlib.sha256(os.urandom(32))

    def find(self, token: str, keys: dict[int, Key], now: float) -> Identity | None:
        """None for a token that the time has left, on either side should the clock have been put
        back, or whose key is no longer among the given ones."""
        digest = self._digest(token)
        start = self._bucket(digest)
        for record in self._places[start : start + WAYS]:
            if record is not None and record.startswith(digest):
                expires_at, issued_at, serial = _TIMES_AND_KEY.unpack_from(record, HASH_BYTES)
                key = keys.get(serial)
                if key is None or not issued_at - LEEWAY <= now < expires_at:
                    return None
                return Identity(record[_USER_ID:].decode(), expires_at, issued_at, key.key_id)
        return None

    def add(self, token: str, identity: Identity, key: Key) -> None:
        digest = self._digest(token)
        user_id = identity.user_id.encode()
        times_and_key = _TIMES_AND_KEY.pack(identity.expires_at, identity.issued_at, key.serial)
        record = digest + times_and_key + user_id
        place = self._place_for(digest)
        replaced = self._places[place]
        held, stored = self._held[_counter(user_id)], self._bytes
        if replaced is not None:
            held -= _counter(replaced[_USER_ID:]) == _counter(user_id)
            stored -= len(replaced)
        if held >= PLACES_OF_A_USER or stored + len(record) > MOST_BYTES:
            return
        if replaced is not None:
            self._held[_counter(replaced[_USER_ID:])] -= 1
        self._places[place] = record
        self._held[_counter(user_id)] += 1
        self._bytes = stored + len(record)
        if replaced is None:
            self._taken += 1
            if 4 * self._taken > len(self._places):
                self._grow()

    def _grow(self) -> None:
        """What falls into a bucket that is mostly empty has room there; should it not have, it is
        forgotten, and verified again."""
        buckets = next(self._sizes, None)
        if buckets is None:
            return
        former, self._buckets = self._places, buckets
        self._places = [None] * (buckets * WAYS)
        self._taken = 0
        for record in former:
            if record is None:
                continue
            start = self._bucket(record)
            try:
                place = self._places.index(None, start, start + WAYS)
            except ValueError:
                self._held[_counter(record[_USER_ID:])] -= 1
                self._bytes -= len(record)
            else:
                self._places[place] = record
                self._taken += 1

    def _place_for(self, digest: bytes) -> int:
        """The token's own place, else a free one, else that of the token that expires first."""
        start = self._bucket(digest)
        bucket = self._places[start : start + WAYS]
        taken = [record for record in bucket if record is not None]
        for record in taken:
            if record.startswith(digest):
                return start + bucket.index(record)
        if len(taken) < WAYS:
            return start + bucket.index(None)
        return start + bucket.index(min(taken, key=_expiry))

    def _bucket(self, digest: bytes) -> int:
        """Its first place. A record begins with its digest."""
        return int.from_bytes(digest[:6]) % self._buckets * WAYS

    def _digest(self, token: str) -> bytes:
        hashed = self._seed.copy()
        hashed.update(token.encode(errors="surrogatepass"))
        return hashed.digest()[:HASH_BYTES]


def _expiry(record: bytes) -> bytes:
    # The highest byte comes first, so that bytes compare as their numbers do.
    return record[HASH_BYTES : HASH_BYTES + 4]


def _counter(user_id: bytes) -> int:
    return hash(user_id) % USER_COUNTERS
