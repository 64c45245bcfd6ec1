"""Where settings come from: flags, the environment, a file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

from pydantic import ValidationError

from taskwell.config import Settings, expanded
from taskwell.errors import SettingsInvalid

# Those that the command line takes, too.
FLAGS = ("host", "port", "workers", "data")

PREFIX = "TASKWELL_"
ENV_FILE = "TASKWELL_ENV_FILE"
# Of the scripts, and of programs that ask a service.
OF_OTHERS = {
    *(ENV_FILE, "TASKWELL_PYTHON", "TASKWELL_HANDOVER", "TASKWELL_DATABASE_PASSWORD"),
    *("TASKWELL_URL", "TASKWELL_TOKEN", "TASKWELL_OTHER_TOKEN", "TASKWELL_COMMAND"),
}
# Set by it for a service of that name: among others TASKWELL_PORT, which is no number then.
OF_KUBERNETES = re.compile(r"TASKWELL_(SERVICE_|PORT_\d)")
LINK_OF_KUBERNETES = re.compile(r"(tcp|udp|sctp)://\S+:\d+")


def settings_file(named: Path | None = None) -> Path | None:
    """The one that is named, by whoever asks or by the environment, or the one that lies here."""
    if named is None and os.environ.get(ENV_FILE):
        named = Path(os.environ[ENV_FILE])
    if named is None:
        return Path(".env") if Path(".env").is_file() else None
    try:
        named = expanded(named)
        if named.is_dir():
            raise SettingsInvalid(
                f"{named} is a folder: name the file in it, such as {named}/.env."
            )
        is_there = named.is_file()
    except ValueError as error:
        raise SettingsInvalid(f"The file {named} {error}.") from None
    except OSError:
        # In a folder that this user may not look into.
        is_there = False
    if not is_there:
        raise SettingsInvalid(f"There is no file {named} to read settings from.")
    return named


def load_settings(env_file: Path | None = None, **flags: object) -> Settings:
    """Flags win over the environment, the environment over the file; a None flag was not given."""
    given = {name: value for name, value in flags.items() if value is not None}
    found = {**_in(env_file), **_environment()}
    for name, field in Settings.model_fields.items():
        # What is empty is not set.
        if value := found.get(str(field.validation_alias)):
            given.setdefault(name, value)
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsInvalid(_sentence(error, flags)) from None


def unknown_settings(env_file: Path | None = None) -> list[str]:
    """A sentence for each name that looks like one of ours, is none, and so has no effect."""
    known = {str(field.validation_alias) for field in Settings.model_fields.values()}
    named = {name for name in (*_in(env_file), *os.environ) if name.startswith(PREFIX)}
    sentences = []
    for name in sorted(named - known - OF_OTHERS):
        if not OF_KUBERNETES.match(name):
            near = get_close_matches(name, known | {ENV_FILE}, 1, 0.8)
            advice = f"is {near[0]} meant?" if near else "docs/operations.md has those there are."
            sentences.append(f"{name} is no setting and has no effect: {advice}")
    return sentences


def as_given(message: str, flags: Mapping[str, object]) -> str:
    """By its flag where that was given."""
    for name in FLAGS:
        if flags.get(name) is not None:
            alias = str(Settings.model_fields[name].validation_alias)
            message = re.sub(rf"\b{alias}\b", f"--{name}", message)
    return message


def _environment() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if value and not (name.endswith("_PORT") and LINK_OF_KUBERNETES.fullmatch(value))
    }


def _in(file: Path | None) -> dict[str, str | None]:
    if file is None:
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415  # where there is such a file
    from dotenv.parser import parse_stream  # noqa: PLC0415  # as above

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(
            f"The settings in {file} can't be read ({type(error).__name__}): it has to be a text "
            "file in UTF-8 that this user may read."
        ) from None
    for binding in parse_stream(StringIO(text)):
        # Else it would be passed over, and the service would start without that setting.
        if binding.error:
            raise SettingsInvalid(
                f"Line {binding.original.line} of {file} is no setting: one looks like NAME=value."
            )
    return dotenv_values(stream=StringIO(text))


def _sentence(error: ValidationError, flags: Mapping[str, object]) -> str:
    """One sentence that names the setting, as it was given, and never repeats its value."""
    first = error.errors(include_input=False, include_url=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return as_given(f"{message}.", flags)
    name = str(first["loc"][0])
    field = Settings.model_fields.get(name)
    if name in FLAGS and flags.get(name) is not None:
        name = f"--{name}"
    elif field is not None and isinstance(field.validation_alias, str):
        name = field.validation_alias
    return f"{name} is not usable: {message[0].lower()}{message[1:]}."
