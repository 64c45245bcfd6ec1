from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from end_to_end.checkout import Checkout, outcome

SETTING_UP = "Setting up the Python environment in "


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "a folder, with ümläuts")


@pytest.fixture
def ready(checkout: Checkout) -> Checkout:
    """With uv, since it is quicker."""
    checkout.have_python()
    checkout.have_uv()
    return checkout


@pytest.fixture(params=["venv", "uv"])
def installer(request: pytest.FixtureRequest, checkout: Checkout) -> str:
    checkout.have_python()
    if request.param == "uv":
        checkout.have_uv()
    return str(request.param)


@pytest.mark.usefixtures("installer")
def test_the_first_run_sets_up_and_the_second_just_runs(checkout: Checkout) -> None:
    status, said, complained = outcome(checkout.serve("--port", "0", "a b"))
    assert (status, said) == (0, "served 42 serve --port 0 a b\n"), complained
    assert complained.startswith(SETTING_UP)
    assert complained.count("\n") == 1
    assert outcome(checkout.serve()) == (0, "served 42 serve\n", "")
    command = checkout.backend / ".venv" / "bin" / "taskwell"
    for_alice = subprocess.check_output([command, "token", "alice"], text=True, cwd="/")
    assert for_alice == "served 42 token alice\n"


def test_uv_alone_is_enough(checkout: Checkout) -> None:
    checkout.have_uv()
    settings = checkout.with_python_of_uv()
    assert outcome(checkout.serve(settings=settings))[:2] == (0, "served 42 serve\n")


@pytest.mark.usefixtures("installer")
def test_two_at_once_end_up_with_one_environment(checkout: Checkout) -> None:
    with checkout.serve("1") as first, checkout.serve("2") as second:
        assert outcome(first)[:2] == (0, "served 42 serve 1\n")
        assert outcome(second)[:2] == (0, "served 42 serve 2\n")
    link, made = checkout.environments()
    assert link == ".venv"
    assert ".draft" not in made


def test_other_requirements_make_another_environment(ready: Checkout) -> None:
    assert outcome(ready.serve())[1] == "served 42 serve\n"
    _, first = ready.environments()
    for answer in (43, 44):
        ready.require(answer)
        assert outcome(ready.serve())[1] == f"served {answer} serve\n"
    assert len(ready.environments()) == 3
    assert first not in ready.environments()


def test_requirements_that_were_taken_back_lead_back_to_their_environment(ready: Checkout) -> None:
    command = ready.backend / ".venv" / "bin" / "taskwell"
    for answer in (42, 43, 42):
        ready.require(answer)
        assert outcome(ready.serve())[1] == f"served {answer} serve\n"
        assert subprocess.check_output([command], text=True) == f"served {answer}\n"


def test_a_checkout_that_was_moved_runs_its_own_code(ready: Checkout) -> None:
    assert outcome(ready.serve())[0] == 0
    moved = ready.root.with_name("moved")
    shutil.copytree(ready.root, moved, symlinks=True)
    source = moved / "backend" / "src" / "taskwell" / "__main__.py"
    source.write_text("print('moved')")
    settings = ready.environment()
    assert subprocess.check_output([moved / "scripts" / "serve"], env=settings) == b"moved\n"


def test_a_broken_environment_is_made_again(ready: Checkout) -> None:
    assert outcome(ready.serve())[0] == 0
    (ready.backend / ".venv" / "bin" / "python").unlink()
    status, said, complained = outcome(ready.serve())
    assert (status, said) == (0, "served 42 serve\n"), complained
    assert len(ready.environments()) == 2


def test_an_environment_of_somebody_else_is_left_alone(ready: Checkout) -> None:
    (ready.backend / ".venv").mkdir()
    assert outcome(ready.serve())[1] == "served 42 serve\n"
    assert not (ready.backend / ".venv").is_symlink()
    assert list((ready.backend / ".venv").iterdir()) == []


def test_a_checkout_that_cannot_be_written(ready: Checkout) -> None:
    ready.backend.chmod(0o500)
    settings = ready.environment(XDG_CACHE_HOME=str(ready.root / "cache"))
    assert outcome(ready.serve(settings=settings))[:2] == (0, "served 42 serve\n")
    ready.backend.chmod(0o700)
    in_cache = list((ready.root / "cache").glob("taskwell/venv-serve-*"))
    # Root can write everywhere.
    assert bool(in_cache) is (os.geteuid() != 0)
    assert bool(ready.environments()) is (os.geteuid() == 0)


def test_settings_of_the_caller_do_not_leak_in(ready: Checkout, tmp_path: Path) -> None:
    (tmp_path / "small_package.py").write_text("ANSWER = 'leaked'")
    settings = ready.environment(
        PYTHONPATH=str(tmp_path), PYTHONHOME="/nowhere", PIP_USER="1", PIP_TARGET="/nowhere"
    )
    process = ready.serve(settings=settings, cwd=str(tmp_path))
    assert outcome(process)[:2] == (0, "served 42 serve\n")


@pytest.mark.usefixtures("installer")
def test_without_an_index_it_says_so_and_leaves_nothing(checkout: Checkout) -> None:
    status, said, complained = outcome(checkout.serve(settings=checkout.with_dead_index()))
    assert (status, said) == (1, "")
    first, second = complained.splitlines()
    assert first.startswith(SETTING_UP)
    assert second.startswith("The package index cannot be reached, so the Python packages cannot ")
    assert checkout.environments() == []
    assert outcome(checkout.serve())[1] == "served 42 serve\n"


@pytest.mark.usefixtures("installer")
def test_a_package_that_was_exchanged_is_not_installed(checkout: Checkout) -> None:
    pinned = checkout.requirements.read_text()
    checkout.requirements.write_text(pinned[:-5] + "0000\n")
    status, said, complained = outcome(checkout.serve())
    assert (status, said) == (1, "")
    assert "hash" in complained.lower()
    assert complained.endswith("could not be installed, for the reason above.\n")
    assert checkout.environments() == []


@pytest.mark.usefixtures("installer")
def test_a_newer_release_of_a_pinned_package_changes_nothing(checkout: Checkout) -> None:
    """Not even of one that is wanted with an extra, which older versions of pip miss."""
    pins = checkout.publish(
        "small-package", "2.0", "ANSWER = 42\n", needs="connection-timeout[more]"
    )
    pins += checkout.publish("connection-timeout", "1.0")
    checkout.requirements.write_text(pins)
    checkout.publish("connection-timeout", "1.1")
    assert outcome(checkout.serve())[:2] == (0, "served 42 serve\n")


@pytest.mark.usefixtures("installer")
def test_a_name_that_sounds_like_trouble_is_not_taken_for_it(checkout: Checkout) -> None:
    pin = checkout.publish("connection-timeout", "1.0")
    checkout.requirements.write_text(pin[:-5] + "0000\n")
    status, _, complained = outcome(checkout.serve())
    assert status == 1
    assert complained.endswith("could not be installed, for the reason above.\n")


def test_without_any_python_it_says_what_to_install(checkout: Checkout) -> None:
    status, _, complained = outcome(checkout.serve())
    assert status == 1
    assert complained == (
        "Taskwell needs Python 3.11 or later, or uv: install one of them, "
        'for example with "apt install python3 python3-venv".\n'
    )


def test_a_name_that_leads_to_no_python_is_passed_over(checkout: Checkout) -> None:
    shim = checkout.path / "python3.13"
    shim.write_text("#!/bin/sh\necho 'python3.13: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    checkout.have_python("python3.11")
    checkout.have_uv()
    assert outcome(checkout.serve())[:2] == (0, "served 42 serve\n")


def test_a_python_without_venv_says_which_package_is_missing(checkout: Checkout) -> None:
    """As Debian ships it: ensurepip can't be imported."""
    lacking = checkout.root / "lacking"
    lacking.mkdir()
    (lacking / "ensurepip.py").write_text("raise ModuleNotFoundError('ensurepip')\n")
    checkout.have_python(before=f'export PYTHONPATH="{lacking}"\n')
    status, said, complained = outcome(checkout.serve())
    assert (status, said) == (1, "")
    assert complained.startswith("python3.1")
    assert 'install its venv package, for example with "apt install python3.1' in complained
    assert complained.count("\n") == 1
    assert checkout.environments() == []


def test_a_chosen_python_that_is_none_is_refused(checkout: Checkout) -> None:
    settings = checkout.environment(TASKWELL_PYTHON="/bin/false")
    status, _, complained = outcome(checkout.serve(settings=settings))
    assert status == 1
    assert complained == "TASKWELL_PYTHON names no Python 3.11 or later: /bin/false\n"


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_setup_that_is_interrupted_leaves_nothing(
    checkout: Checkout, kind: signal.Signals
) -> None:
    checkout.have_python()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = checkout.with_dead_index()
        settings["PIP_INDEX_URL"] = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        process = checkout.serve(settings=settings)
        # From here on pip waits for an answer.
        connection, _ = silent.accept()
        with connection:
            if kind is signal.SIGKILL:
                os.killpg(process.pid, kind)
            else:
                process.send_signal(kind)
            status, _, _ = outcome(process)
    assert status == (-kind if kind is signal.SIGKILL else 128 + kind)
    deadline = time.monotonic() + 30
    while any_of_session(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    if kind is signal.SIGKILL:
        assert ".draft-" in checkout.environments()[0]
    else:
        assert checkout.environments() == []
    assert outcome(checkout.serve())[1] == "served 42 serve\n"
    assert len(checkout.environments()) == 2


def any_of_session(session: int) -> bool:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            state = (process / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state[0] != "Z" and int(state[3]) == session:
            return True
    return False
