"""The documents say what the code says: settings, endpoints, problems, links, versions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo

import documents
from documents import README, ROOT, code, rows, section
from taskwell import __version__
from taskwell.api.catalogue import CATALOGUE
from taskwell.commands import COMMANDS
from taskwell.config import Settings, default_data_folder
from taskwell.configuring import load_settings
from taskwell.main import create_app
from taskwell.services import flaws

OPERATIONS = ROOT / "docs" / "operations.md"
API = ROOT / "docs" / "api.md"
ENV_EXAMPLE = ROOT / "backend" / ".env.example"
DOCUMENTATION = {("GET", "/docs"), ("GET", "/redoc"), ("GET", "/openapi.json")}
METHODS = {"get", "post", "put", "patch", "delete"}


# Flaws that our own code finds; the validator's are translated by a table.
FOUND_BY_US = re.compile(r'(?:Flaw\([^,()]+, |PydanticCustomError\(\s*)"([a-z-]+)"')


def flaw_codes() -> set[str]:
    sources = (path.read_text() for path in Path(flaws.__file__).parents[1].rglob("*.py"))
    found = {name for source in sources for name in FOUND_BY_US.findall(source)}
    assert "blank" in found
    return found | set(flaws._CODES.values())


def shown_default(field: FieldInfo) -> str:
    """As the tables write it; None where the default is found out at the start."""
    if field.default in (None, ()):
        return "none"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return f"`{field.default}`"


DEFAULTS = {
    str(field.validation_alias): shown_default(field)
    for field in Settings.model_fields.values()
    if field.default_factory is None
}
FOUND_AT_THE_START = {
    "TASKWELL_WORKERS": "one per CPU",
    "TASKWELL_DATA": "`~/.local/share/taskwell`",
}


def test_the_table_of_settings_is_the_settings() -> None:
    table = {code(name)[0]: default for name, default, _ in rows(section(README, "Settings"))}
    assert table == DEFAULTS | FOUND_AT_THE_START


def test_the_data_folder_is_the_one_that_the_documents_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    folder = str(default_data_folder()).replace(str(Path.home() / ".local"), "~/.local")
    assert f"`{folder}`" in section(README, "Settings")
    assert f"`{folder}`" in section(OPERATIONS, "Settings")


@pytest.mark.parametrize("name", sorted(DEFAULTS | FOUND_AT_THE_START))
def test_each_setting_is_explained(name: str) -> None:
    assert f"**`{name}`**" in section(OPERATIONS, "Settings")


def test_the_example_of_an_env_file_has_every_setting() -> None:
    named = re.findall(r"^# ([A-Z_]+)=(.*)$", ENV_EXAMPLE.read_text(), re.MULTILINE)
    assert sorted(name for name, _ in named) == sorted(DEFAULTS | FOUND_AT_THE_START)
    for name, value in named:
        if DEFAULTS.get(name, "none") != "none":
            assert f"`{value}`" == DEFAULTS[name], name


def test_the_example_of_an_env_file_sets_nothing_as_it_stands() -> None:
    assert load_settings(ENV_EXAMPLE) == load_settings()


def test_the_table_of_endpoints_is_the_api(tmp_path: Path) -> None:
    settings = load_settings(
        database_url=SecretStr("postgresql://nowhere.example.com/none"), data=tmp_path
    )
    described = {
        (method.upper(), path)
        for path, operations in create_app(settings).openapi()["paths"].items()
        for method in METHODS & operations.keys()
    }
    listed = {
        tuple(request.split(" "))
        for cells in rows(section(README, "Endpoints"))
        for request in code(cells[0])
    }
    of_user = {
        (method, f"/api/{{user_id}}{path}") for method, path in listed if path.startswith("/tasks")
    }
    assert listed | of_user == described | DOCUMENTATION


def test_the_table_of_problems_is_the_catalogue() -> None:
    table = {
        code(cells[1])[0]: int(cells[0])
        for cells in rows(section(API, "Errors"))
        if cells[0].isdecimal()
    }
    assert table == {name: kind.status for name, kind in CATALOGUE.items()}


@pytest.mark.parametrize("name", sorted(flaw_codes()))
def test_each_flaw_is_explained(name: str) -> None:
    assert f"`{name}`" in section(API, "Errors")


def test_the_table_of_commands_is_the_commands() -> None:
    listed = {code(cells[0])[0].split(" ")[1] for cells in rows(section(OPERATIONS, "Start"))}
    assert listed == set(COMMANDS)


@pytest.mark.parametrize("path", documents.documents(), ids=lambda path: path.name)
def test_each_link_leads_somewhere(path: Path) -> None:
    for link in documents.relative_links(path):
        name, _, anchor = link.partition("#")
        target = (path.parent / name) if name else path
        assert target.exists(), link
        assert not anchor or anchor in documents.anchors(target), link


def test_each_decision_has_a_number_of_its_own() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        assert page.read_text().startswith(f"# {int(page.name[:4])}. "), page.name


def test_the_changelog_has_this_version() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    project = tomllib.loads((ROOT / "backend" / "pyproject.toml").read_text())["project"]
    assert headings[0] == __version__ == project["version"]
