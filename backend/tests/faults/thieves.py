"""What somebody does with what is another's. Each time the same is asked about something that never
was: not a byte of the answers may differ."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from httpx2 import Response

from contract.asking import BY_RESOURCE, BY_USER, name_resources, send
from faults.ten_users import Crowd, Person
from syncing.world import Pick

SAME = {"x-request-id": "the-same"}
OPERATIONS: list[tuple[str, dict[str, Any]]] = [
    *(("update", {"text": "stolen"}), ("complete", {"completed": True}), ("delete", {})),
    *(("move", {"to": "first"}), ("restore", {})),
]


def everything_of(response: Response) -> tuple[Any, ...]:
    headers = [pair for pair in response.headers.raw if pair[0].lower() != b"date"]
    return response.status_code, headers, response.content


def never_was() -> str:
    return str(uuid4())


class Theft:
    """Of one thing of a victim's that the thief does not have."""

    def __init__(self, crowd: Crowd, pick: Pick) -> None:
        self.thief: Person = pick(crowd.people)
        self.victim: Person = pick([each for each in crowd.people if each is not self.thief])
        self.pick = pick
        mine = self.thief.server.account.tasks
        theirs = [each for each in self.victim.server.account.tasks if each not in mine]
        self.id = pick(theirs) if theirs else never_was()

    def same(self, *responses: Response) -> None:
        first, *others = map(everything_of, responses)
        assert all(other == first for other in others), f"{first}\n{others}"

    def by_id(self) -> None:
        """With their tags, too: nothing of it fits the thief."""
        operation, user = self.pick(BY_RESOURCE), self.thief.user
        body = self.pick(operation.bodies)
        tags = [*self.victim.loot["tag"], "*"]
        headers = self.pick([{}, {"if-match": self.pick(tags)}, {"if-none-match": self.pick(tags)}])
        found, absent = (
            send(
                user,
                operation,
                name_resources(operation, user.user_id, task_id),
                body,
                headers=headers,
            )
            for task_id in (self.id, never_was())
        )
        self.same(found, absent)
        assert found.status_code == 404

    def by_path(self) -> None:
        operation, user = self.pick(BY_USER), self.thief.user
        body = self.pick(operation.bodies)
        found = send(user, operation, name_resources(operation, self.victim.user_id, self.id), body)
        nobody = send(
            user, operation, name_resources(operation, "nobody-at-all", never_was()), body
        )
        self.same(found, nobody)
        assert found.status_code == 404

    def by_operation(self) -> None:
        """What is refused is not remembered, so the op_id may be one that the victim used."""
        kind, values = self.pick(OPERATIONS)
        op_id = str(UUID(int=self.pick(range(2**64, 2**64 + 5))))
        base = self.pick([{}, {"base_rev": self.pick(range(20))}])
        answers = [
            self.thief.user.post(
                "/sync",
                {"operations": [{"op_id": op_id, "type": kind, "id": each, "set": values, **base}]},
                headers=SAME,
            )
            for each in (self.id, never_was())
        ]
        self.thief.server.account.open()
        self.same(*answers)

    def by_neighbour(self) -> None:
        mine = [task.id for task in self.thief.server.account.living]
        target, side = self.pick(mine or [never_was()]), self.pick(["before", "after"])
        answers = [
            self.thief.user.post(f"/tasks/{target}/move", {side: each}, headers=SAME)
            for each in (self.id, never_was())
        ]
        self.same(*answers)
        assert answers[0].status_code in (404, 422)

    def by_cursor(self) -> None:
        """Their epoch is as good as one that never was."""
        cursors = self.victim.loot["cursor"] or ["new.0"]
        cursor = self.pick(cursors)
        rev = cursor.partition(".")[2]
        foreign = [cursor, f"{'A' * 16}.{rev}"] if rev != "0" else [cursor, cursor]
        user = self.thief.user
        self.same(*(user.get(f"/sync?since={each}", headers=SAME) for each in foreign))
        self.same(
            *(
                user.post("/sync", {"cursor": each, "operations": []}, headers=SAME)
                for each in foreign
            )
        )

    def by_page(self) -> None:
        """A page's cursor says where it is, and nothing of whose: it leads to one's own."""
        pages = self.victim.loot["page"] or ["</tasks>"]
        target = self.pick(pages).partition(">")[0].removeprefix("<")
        found = self.thief.user.get(target)
        assert found.status_code == 200
        mine = {task.id for task in self.thief.server.account.tasks.values()}
        assert {task["id"] for task in found.json()} <= mine

    def by_tag(self) -> None:
        """A list is not unchanged because another's is."""
        query = self.pick(["", "?status=pending", "?limit=2&sort=-text", "?q=e&status=completed"])
        self.victim.user.get(f"/tasks{query}")
        tag = self.victim.loot["tag"][-1]
        if tag.startswith('"new.'):
            return  # Of everybody who has nothing yet.
        absent = f'"{"A" * 16}.1.{tag.rpartition(".")[2]}'
        user = self.thief.user
        self.same(
            *(
                user.get(f"/tasks{query}", headers={**SAME, "if-none-match": each})
                for each in (tag, absent)
            )
        )


THEFTS = [
    *[Theft.by_id] * 5,
    *[Theft.by_path] * 2,
    *[Theft.by_operation] * 2,
    *(Theft.by_neighbour, Theft.by_cursor, Theft.by_page, Theft.by_tag),
]


def steal(crowd: Crowd, pick: Pick) -> None:
    theft = Theft(crowd, pick)
    deed = pick(THEFTS)
    deed(theft)
    crowd.seen[deed.__name__] += 1
