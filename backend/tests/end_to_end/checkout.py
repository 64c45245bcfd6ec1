"""A small checkout with the real scripts, and one package that needs no network."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

from uv import find_uv_bin

SCRIPTS = Path(__file__).parents[3] / "scripts"
TOOLS = (
    *("cat", "cksum", "cut", "dirname", "env", "grep", "ln"),
    *("mkdir", "readlink", "rm", "sh", "tail"),
)
DEAD_INDEX = "http://127.0.0.1:9/simple"

SERVICE = """
import sys
import small_package
print("served", small_package.ANSWER, *sys.argv[1:])
"""


class Checkout:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.backend = root / "backend"
        self.packages = root / "packages"
        self.path = root / "bin"
        shutil.copytree(SCRIPTS, root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        (self.backend / "requirements").mkdir(parents=True)
        source = self.backend / "src" / "taskwell"
        source.mkdir(parents=True)
        (source / "__main__.py").write_text(SERVICE)
        self.packages.mkdir()
        self.require(answer=42)
        self.path.mkdir()
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None
            (self.path / tool).symlink_to(found)

    def require(self, answer: int) -> None:
        pin = self.publish("small-package", f"1.{answer}", f"ANSWER = {answer}\n")
        self.requirements.write_text(pin)

    def publish(self, name: str, version: str, source: str = "", *, needs: str = "") -> str:
        """Its pin."""
        module = name.replace("-", "_")
        wheel = self.packages / f"{module}-{version}-py3-none-any.whl"
        about = f"{module}-{version}.dist-info"
        facts = f"Name: {name}\nVersion: {version}\n"
        if needs:
            facts += f"Requires-Dist: {needs}\n"
        files = {
            f"{module}.py": source,
            f"{about}/METADATA": f"Metadata-Version: 2.1\n{facts}Provides-Extra: more\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(
            f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items()
        )
        with ZipFile(wheel, "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
            archive.writestr(f"{about}/RECORD", f"{record}{about}/RECORD,,\n")
        digest = sha256(wheel.read_bytes()).hexdigest()
        return f"{name}=={version} --hash=sha256:{digest}\n"

    @property
    def requirements(self) -> Path:
        return self.backend / "requirements" / "runtime.txt"

    def have_python(self, name: str = "python3", before: str = "") -> None:
        wrapper = self.path / name
        wrapper.write_text(f'#!/bin/sh\n{before}exec "{_base_python()}" "$@"\n')
        wrapper.chmod(0o755)

    def have_uv(self) -> None:
        (self.path / "uv").symlink_to(find_uv_bin())

    def environment(self, **settings: str) -> dict[str, str]:
        here = self.packages.as_uri()
        return {
            "PATH": str(self.path),
            "HOME": str(self.root),
            "LANG": "C.UTF-8",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": here,
            "UV_NO_CONFIG": "1",
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": here,
            "UV_PYTHON_DOWNLOADS": "never",
            **settings,
        }

    def with_dead_index(self) -> dict[str, str]:
        settings = self.environment(PIP_INDEX_URL=DEAD_INDEX, UV_DEFAULT_INDEX=DEAD_INDEX)
        for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "UV_OFFLINE", "UV_FIND_LINKS"):
            del settings[name]
        return settings | {"UV_HTTP_RETRIES": "0"}

    def with_python_of_uv(self) -> dict[str, str]:
        """The layout in which uv keeps a Python that it has downloaded."""
        version = platform.python_version()
        name = f"cpython-{version}-linux-{platform.machine()}-gnu"
        binaries = self.root / "pythons" / name / "bin"
        binaries.mkdir(parents=True)
        python = _base_python()
        (binaries / f"python{version.rpartition('.')[0]}").symlink_to(python)
        (binaries / "python").symlink_to(python)
        return self.environment(UV_PYTHON_INSTALL_DIR=str(binaries.parents[1]))

    def serve(
        self, *arguments: str, settings: dict[str, str] | None = None, cwd: str = "/"
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.root / "scripts" / "serve", *arguments],
            env=self.environment() if settings is None else settings,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def environments(self) -> list[str]:
        return sorted(path.name for path in self.backend.glob(".venv*"))


def outcome(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    said, complained = process.communicate()
    return process.returncode, said, complained


def _base_python() -> Path:
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Path(sys.base_prefix) / "bin" / name


def _digest(text: str) -> str:
    return urlsafe_b64encode(sha256(text.encode()).digest()).rstrip(b"=").decode()
