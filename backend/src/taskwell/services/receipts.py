"""A write that is sent again under its key takes effect once, and gets its first answer again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from taskwell.database.transaction import Runner, Transaction
from taskwell.errors import KeyInUse, KeyReused
from taskwell.services.workbench import lock_account
from taskwell.statements.catalogue import FIND_RECEIPT, SAVE_RECEIPT


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    etag: str | None
    location: str | None
    body: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A key, held for one request: nobody else gets past it until its transaction ends.

    `answer` is the one that was given before; None where the request is to be carried out, by
    `runner`, and its answer kept.
    """

    runner: Transaction
    answer: Answer | None
    _user_id: str
    _key: str
    _fingerprint: bytes

    async def keep(self, answer: Answer) -> None:
        await self.runner.row(
            SAVE_RECEIPT,
            user_id=self._user_id,
            key=self._key,
            fingerprint=self._fingerprint,
            status=answer.status,
            etag=answer.etag,
            location=answer.location,
            body=answer.body,
        )


class Receipts:
    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    @asynccontextmanager
    async def claim(self, user_id: str, key: str, fingerprint: bytes) -> AsyncIterator[Claim]:
        async with self._runner.transaction() as transaction:
            try:
                await lock_account(transaction, user_id)
            except TimeoutError:
                # Which key the one has that holds the lock, if any, nobody else can see yet.
                raise KeyInUse from None
            row = await transaction.row(FIND_RECEIPT, user_id=user_id, key=key)
            answer = None
            if row is not None:
                if row["fingerprint"] != fingerprint:
                    raise KeyReused
                answer = Answer(row["status"], row["etag"], row["location"], row["body"])
            yield Claim(transaction, answer, user_id, key, fingerprint)
