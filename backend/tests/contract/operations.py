"""The operations of the service, as its own description tells them: a new route is among them by
itself, and so in every test that goes through them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from taskwell.configuring import load_settings
from taskwell.main import create_app

Json = dict[str, Any]


def _document() -> Json:
    settings = load_settings(database_url=SecretStr("postgresql://nobody@127.0.0.1:1/none"))
    return create_app(settings).openapi()


DOCUMENT = _document()


def resolve(reference: str) -> Any:
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


@dataclass(frozen=True, slots=True)
class Body:
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    description: Json

    @property
    def id(self) -> str:
        name: str = self.description["operationId"]
        return name

    @property
    def needs_token(self) -> bool:
        return bool(self.description.get("security"))

    @property
    def names_user(self) -> bool:
        return "{user_id}" in self.path

    @property
    def resources(self) -> list[str]:
        """What the path names beside the user."""
        return [name for name in re.findall(r"{(\w+)}", self.path) if name != "user_id"]

    @property
    def statuses(self) -> set[int]:
        return {int(status) for status in self.description["responses"]}

    def parameters(self, place: str) -> dict[str, Json]:
        return {
            parameter["name"]: parameter
            for parameter in self.description.get("parameters", ())
            if parameter["in"] == place
        }

    @property
    def bodies(self) -> list[Body | None]:
        """Every example of a body, in every media type; None where it may be left out."""
        described = self.description.get("requestBody")
        if described is None:
            return [None]
        found: list[Body | None] = [] if described["required"] else [None]
        for media_type, content in described["content"].items():
            examples = resolve(content["schema"]["$ref"]).get("examples")
            assert examples, f"{self.id}: its body has no example"
            found += [Body(media_type, json.dumps(example).encode()) for example in examples]
        return found

    @property
    def query(self) -> str:
        """The least that must be asked for."""
        required = [each for each in self.parameters("query").values() if each["required"]]
        return "&".join(f"{each['name']}={each['schema']['enum'][0]}" for each in required)

    def target(self, names: Mapping[str, str], query: str | None = None) -> str:
        path = re.sub(r"{(\w+)}", lambda match: quote(names[match[1]], safe=""), self.path)
        asked = self.query if query is None else query
        return f"{path}?{asked}" if asked else path


def _operations() -> Iterator[Operation]:
    for path, methods in DOCUMENT["paths"].items():
        for method, description in methods.items():
            yield Operation(method.upper(), path, description)


OPERATIONS = list(_operations())
GUARDED = [operation for operation in OPERATIONS if operation.needs_token]
OPEN = [operation for operation in OPERATIONS if not operation.needs_token]


def named(operation: Operation) -> str:
    return operation.id


def operation_called(name: str) -> Operation:
    (found,) = (operation for operation in OPERATIONS if operation.id == name)
    return found
