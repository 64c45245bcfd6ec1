"""Where settings come from: flags, the environment, a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from pydantic import ValidationError

from taskwell.config import Settings
from taskwell.errors import SettingsInvalid

# Those that the command line takes, too.
FLAGS = ("host", "port", "workers", "data")


def settings_file(named: Path | None = None) -> Path | None:
    """The one that is named, by whoever asks or by the environment, or the one that lies here."""
    if named is None and os.environ.get("TASKWELL_ENV_FILE"):
        named = Path(os.environ["TASKWELL_ENV_FILE"])
    if named is None:
        return Path(".env") if Path(".env").is_file() else None
    try:
        is_there = named.is_file()
    except OSError:
        # In a folder that this user may not look into.
        is_there = False
    if not is_there:
        raise SettingsInvalid(f"There is no file {named} to read settings from.")
    return named


def load_settings(env_file: Path | None = None, **flags: object) -> Settings:
    """Flags win over the environment, the environment over the file; a None flag was not given."""
    given = {name: value for name, value in flags.items() if value is not None}
    found = {**_in(env_file), **{name: value for name, value in os.environ.items() if value}}
    for name, field in Settings.model_fields.items():
        # What is empty is not set.
        if value := found.get(str(field.validation_alias)):
            given.setdefault(name, value)
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsInvalid(_sentence(error, flags)) from None


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
            raise SettingsInvalid(f"Line {binding.original.line} of {file} is no setting.")
    return dotenv_values(stream=StringIO(text))


def _sentence(error: ValidationError, flags: Mapping[str, object]) -> str:
    """One sentence that names the setting, as it was given, and never repeats its value."""
    first = error.errors(include_input=False, include_url=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return f"{message}."
    name = str(first["loc"][0])
    field = Settings.model_fields.get(name)
    if name in FLAGS and flags.get(name) is not None:
        name = f"--{name}"
    elif field is not None and isinstance(field.validation_alias, str):
        name = field.validation_alias
    return f"{name} is not usable: {message[0].lower()}{message[1:]}."
