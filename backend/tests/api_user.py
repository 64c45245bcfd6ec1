from __future__ import annotations

from typing import Any
from urllib.parse import quote

from httpx2 import Response
from starlette.testclient import TestClient

from contract.conformance import hold


class ApiUser:
    """One user's way to the API: every request carries their token, and every answer is held
    against the description of the service."""

    def __init__(self, client: TestClient, user_id: str, token: str) -> None:
        self.client = client
        self.user_id = user_id
        self.token = token
        self.own_path = f"/api/{quote(user_id, safe='')}/tasks"

    def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **kwargs: Any
    ) -> Response:
        carried = {"authorization": f"Bearer {self.token}", **(headers or {})}
        response = self.client.request(method, path, headers=carried, **kwargs)
        hold(
            method,
            response.request.url.raw_path.partition(b"?")[0].decode(),
            response.status_code,
            response.headers.items(),
            response.content,
        )
        return response

    def get(self, path: str, **kwargs: Any) -> Response:
        return self.request("GET", path, **kwargs)

    def post(self, path: str, json: object, **kwargs: Any) -> Response:
        return self.request("POST", path, json=json, **kwargs)

    def put(self, path: str, json: object, **kwargs: Any) -> Response:
        return self.request("PUT", path, json=json, **kwargs)

    def patch(self, path: str, json: object = None, **kwargs: Any) -> Response:
        body: dict[str, Any] = {} if json is None else {"json": json}
        return self.request("PATCH", path, **body, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Response:
        return self.request("DELETE", path, **kwargs)

    def create(self, text: str = "Buy milk", **members: object) -> dict[str, Any]:
        response = self.post("/tasks", {"text": text, **members})
        assert response.status_code == 201, response.text
        task: dict[str, Any] = response.json()
        return task
