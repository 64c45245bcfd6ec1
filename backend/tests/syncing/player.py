"""One user with all their devices, at the service and at the model of it."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any
from uuid import UUID

from httpx2 import Response

from api_user import ApiUser
from syncing.device import Device
from syncing.model import Refused, Task
from syncing.server import Delta, ModelServer, Place, is_empty, write
from syncing.service import Service

MOST_TASKS = 24
# Requests until a device that is back has to be quiet.
PATIENCE = 60

_SHOWN = ("id", "rev", "text", "completed", "order")
_PATHS = {
    "create": ("POST", ""),
    "patch": ("PATCH", "/{}"),
    "put": ("PUT", "/{}"),
    "toggle": ("PATCH", "/{}/toggle"),
    "move": ("POST", "/{}/move"),
    "delete": ("DELETE", "/{}"),
    "restore": ("POST", "/{}/restore"),
    "clear": ("DELETE", "?status=completed"),
}


class Player:
    def __init__(self, service: Service, name: str, devices: int, seen: Counter[str]) -> None:
        self._service = service
        self._seen = seen
        self._operations = 0
        self.user_id, self._token = service.newcomer(name)
        self.server = ModelServer(MOST_TASKS)
        self.devices = [Device(self.user) for _ in range(devices)]

    @property
    def user(self) -> ApiUser:
        """At the instance of the service that runs now."""
        return ApiUser(self._service.client, self.user_id, self._token)

    def device(self, nth: int) -> Device:
        return self.devices[nth % len(self.devices)]

    @property
    def last_op_id(self) -> str:
        return str(UUID(int=self._operations))

    def new_op_id(self) -> str:
        """Another user has the same, and must never notice."""
        self._operations += 1
        return self.last_op_id

    def send(self, device: Device, most: int, limit: int, *, atomic: bool) -> None:
        request = device.request(most, limit, atomic=atomic)
        response = self.user.post("/sync", request)
        device.awaits(request["operations"], response)
        try:
            results, delta = self.server.exchange(request, device.self)
        except Refused as refused:
            self._is_reset(response, refused)
            self._seen["resets"] += 1
            return
        assert response.status_code == 200, response.text
        answer = response.json()
        for operation, told, predicted in zip(
            request["operations"], answer["results"], results, strict=True
        ):
            self._is_result(operation, told, predicted)
        self._is_delta(answer, delta)

    def pull(self, device: Device, limit: int) -> None:
        since = "" if device.cursor is None else f"&since={device.cursor}"
        response = self.user.get(f"/sync?limit={limit}{since}")
        device.awaits([], response)
        try:
            delta = self.server.delta(device.cursor, limit)
        except Refused as refused:
            self._is_reset(response, refused)
            self._seen["resets"] += 1
            return
        assert response.status_code == 200, response.text
        self._is_delta(response.json(), delta)

    def begin_with_list(self, device: Device) -> None:
        response = self.user.get("/tasks")
        device.begin_with_list(response)
        account = self.server.account
        assert [self._core(task) for task in response.json()] == [
            task.shown() for task in account.living
        ]
        self._hands_out(response.headers["x-sync-cursor"], Place(account.life, account.rev))

    def write(self, verb: str, task_id: str, body: dict[str, Any], key: str | None) -> None:
        method, path = _PATHS[verb]
        path = "/tasks" + path.format(task_id)
        if verb == "create":
            body = {"id": task_id, **body}
        headers = {} if key is None else {"idempotency-key": key}
        content: dict[str, Any] = {"json": body} if body else {}
        response = self.user.request(method, path, headers=headers, **content)
        asked = (method, path, body)
        known = None if key is None else self.server.receipts.get(key)
        if known is not None:
            self._is_replayed(response, asked, known)
            self._seen["replayed" if known[0] == asked else "keys reused"] += 1
            return
        status, told = write(self.server, verb, task_id, body)
        self._seen[f"{method} {status}"] += 1
        assert response.status_code == status, response.text
        if status >= 400:
            assert response.json()["code"] == told
            return
        if status != 204:
            answer = response.json()
            assert (answer if verb == "clear" else self._core(answer)) == told
        if key is not None:
            self.server.account.open()
            self.server.receipts[key] = (asked, status, response.content)

    def erase(self) -> None:
        assert self.user.delete("/me").status_code == 204
        self.server.erase()
        for device in self.devices:
            # What is acknowledged after this was done before it, and is gone with the account.
            if device.is_waiting:
                device.lose()
            device.acknowledged.clear()

    def export(self) -> tuple[Any, tuple[list[Task], list[Task]]]:
        document = self.user.get("/me/export").json()
        exported = self.server.exported()
        for told, predicted in zip(
            (document["tasks"], document["deleted_tasks"]), exported, strict=True
        ):
            assert [task["id"] for task in told] == [task.id for task in predicted]
        return document, exported

    def bring_back(self, document: Any, exported: tuple[list[Task], list[Task]]) -> None:
        response = self.user.post("/me/import", document)
        status, told = self.server.bring_back(copy.deepcopy(exported))
        assert response.status_code == status, response.text
        assert (response.json() if status == 200 else response.json()["code"]) == told

    def all_come_back(self) -> None:
        """Until nobody has anything to tell or to ask: all show what the server has."""
        for device in self.devices:
            if device.is_waiting:
                device.lose()
            for _ in range(PATIENCE):
                if not device.queue:
                    break
                self.send(device, 500, 1000, atomic=False)
                device.receive()
            assert device.queue == [], "a queue that is never done"
        shown = self.user.get("/tasks").json()
        for device in self.devices:
            device.has_more = True
            for _ in range(PATIENCE):
                if not device.has_more:
                    break
                self.pull(device, 5)
                device.receive()
            assert not device.has_more, "a walk that never ends"
            assert sorted(device.tasks.values(), key=lambda t: (t["order"], t["id"])) == shown
            assert device.acknowledged <= self._took_effect(), "an acknowledged operation is gone"

    def agrees_with_database(self) -> None:
        sql, account = self._service.sql, self.server.account
        row = sql.rows("SELECT rev, live, purged_rev FROM account WHERE user_id = $1", self.user_id)
        counted = [(account.rev, len(account.living), account.purged_rev)]
        assert [tuple(each) for each in row] == ([] if account.life is None else counted)
        tasks = sql.rows(
            'SELECT id::text, rev, text, completed, "order", text_rev, completed_rev, order_rev,'
            " deleted_at IS NOT NULL AS deleted FROM task WHERE user_id = $1 ORDER BY rev",
            self.user_id,
        )
        assert [tuple(each) for each in tasks] == [
            (t.id, t.rev, t.text, t.completed, t.order, *t.field_revs.values(), t.deleted)
            for t in sorted(account.tasks.values(), key=lambda task: task.rev)
        ]
        done = sql.rows("SELECT op_id::text FROM operation WHERE user_id = $1", self.user_id)
        assert {each["op_id"] for each in done} == set(self.server.done)
        kept = sql.rows("SELECT key FROM receipt WHERE user_id = $1", self.user_id)
        assert {each["key"] for each in kept} == set(self.server.receipts)

    def _took_effect(self) -> set[str]:
        return set(self.server.done) | self.server.repeated

    def _is_result(self, operation: Any, told: Any, predicted: Any) -> None:
        status, code, clashes = predicted
        self._seen[f"{status} {code}" if code else status] += 1
        problem = told.get("problem", {})
        assert told["op_id"] == operation["op_id"]
        assert (told["status"], problem.get("code")) == (status, code), told
        assert problem.get("conflicts") == clashes, (told, predicted)
        is_unread = code == "operation-reused" or is_empty(operation)
        shown = None if is_unread else self.server.shown(operation["id"])
        assert ("task" in told) == (shown is not None), (told, shown)
        if shown is not None:
            assert self._core(told["task"]) == shown, told

    def _is_delta(self, answer: Any, delta: Delta) -> None:
        assert [self._core(change) for change in answer["changes"]] == delta.changes
        assert answer["has_more"] == delta.has_more
        self._hands_out(answer["cursor"], delta.place)

    def _hands_out(self, cursor: str, place: Place) -> None:
        assert self.server.places.setdefault(cursor, place) == place

    def _core(self, told: Any) -> dict[str, Any]:
        if "deleted" in told:
            return dict(told)
        assert told["user_id"] == self.user_id
        assert told["completed"] == (told["completed_at"] is not None)
        return {name: told[name] for name in _SHOWN}

    @staticmethod
    def _is_reset(response: Response, refused: Refused) -> None:
        assert response.status_code == 410, response.text
        assert response.json()["code"] == refused.code

    @staticmethod
    def _is_replayed(response: Response, asked: Any, known: Any) -> None:
        if known[0] != asked:
            assert (response.status_code, response.json()["code"]) == (
                422,
                "idempotency-key-reused",
            )
            return
        assert (response.status_code, response.content) == known[1:]
        assert response.headers["idempotency-replayed"] == "true"
