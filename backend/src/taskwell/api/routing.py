"""What happens between the choice of a route and its function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, NoReturn

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from taskwell.api.bodies import read_bytes
from taskwell.api.call import Call
from taskwell.api.idempotency import once
from taskwell.api.openapi import operation_id
from taskwell.api.problems import HttpRefused, answer_to
from taskwell.errors import RequestRefused, TaskNotFound

# Under it everybody has their tasks too.
USER_PATH = "/api/{user_id}"


class _OwnRoute(APIRoute):
    def __init__(self, path: str, endpoint: Callable[..., Any], **declared: Any) -> None:
        self.declared = {**declared, "generate_unique_id_function": operation_id}
        super().__init__(path, endpoint, **self.declared)


class PersonalRoute(_OwnRoute):
    """Its function works for a user, who is made sure of before anything else is looked at.

    The framework has the function's declaration, and describes it; but it is we who call it, with
    the call and what stands in the path: the framework's own way there takes as long as the rest.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **declared: Any) -> None:
        super().__init__(path, endpoint, **declared)
        self._in_path = [name for name in self.param_convertors if name != "user_id"]
        self.app = self._run

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(scope, receive)
        try:
            await call.identify()
            if call.is_below_another:
                await _refuse_path(call)
            await call.take_share()
            response = await self._answer(call)
        except RequestRefused as refusal:
            response = answer_to(scope, refusal)
        await response(scope, receive, send)

    def _answer(self, call: Call) -> Awaitable[Response]:
        found = call.path_params
        answer: Awaitable[Response] = self.endpoint(call, *[found[name] for name in self._in_path])
        return answer


class KeyedRoute(PersonalRoute):
    """A route whose writes, sent again under their key, are answered again and not done again."""

    def _answer(self, call: Call) -> Awaitable[Response]:
        answer = super()._answer
        if call.method == "GET" or "idempotency-key" not in call.headers:
            return answer(call)
        return once(call, answer)


class StreamRoute(_OwnRoute):
    """One that stays open for long: the framework sends what its function yields."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def handle_personally(request: Request) -> Response:
            call = Call(request.scope, request.receive)
            await call.identify()
            call.open_stream()
            response: Response = await handle(call)
            return response

        return handle_personally


async def _refuse_path(call: Call) -> NoReturn:
    """As where a task is absent, which is seen once the body has come: the connection stays open
    behind it."""
    with suppress(HttpRefused):
        await read_bytes(call)
    raise TaskNotFound


def below(prefix: str, routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    """The same, under a longer path."""
    return [
        type(route)(prefix + route.path, route.endpoint, **route.declared)
        for route in routes
        if isinstance(route, _OwnRoute)
    ]
