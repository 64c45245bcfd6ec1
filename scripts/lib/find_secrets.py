"""Looks for passwords, keys and tokens in everything that belongs to the repository.

`known_secrets.txt` has the words that stand for a password in examples and tests.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).parents[2]
KNOWN = Path(__file__).with_name("known_secrets.txt")

# All but those that guess: at words such as "password", and at what looks random.
DETECTORS = (
    *("ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector"),
    *("DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector"),
    *("JwtTokenDetector", "MailchimpDetector", "NpmDetector", "OpenAIDetector"),
    *("PrivateKeyDetector", "PypiTokenDetector", "SendGridDetector", "SlackDetector"),
    *("SquareOAuthDetector", "StripeDetector", "TelegramBotTokenDetector", "TwilioKeyDetector"),
)
# Without them every example would be found: a word in place of the password, a local machine.
FILTERS = (
    "detect_secrets.filters.allowlist.is_line_allowlisted",
    "detect_secrets.filters.heuristic.is_templated_secret",
)
LEFT_OUT = (".git", "node_modules", "__pycache__", "results")


def files() -> list[Path]:
    """What git knows or would take; in an export without git, all but what is never in it."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others"]
    try:
        listed = subprocess.run(
            [*command, "--exclude-standard"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return sorted(_walk(ROOT))
    found = (ROOT / name for name in listed.split("\0") if name)
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in LEFT_OUT or path.name.startswith((".venv", ".hypothesis", ".mypy")):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        elif path.is_file() and not path.is_symlink():
            yield path


def known() -> set[str]:
    lines = KNOWN.read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def main() -> int:
    allowed = known()
    settings = {
        "plugins_used": [{"name": name} for name in DETECTORS],
        "filters_used": [{"path": path} for path in FILTERS],
    }
    unknown = 0
    with transient_settings(settings):
        for path in files():
            name = path.relative_to(ROOT).as_posix()
            for secret in scan_file(str(path)):
                if secret.secret_value not in allowed:
                    unknown += 1
                    # Not the secret itself: whoever reads the log of a build need not know it.
                    sys.stdout.write(f"{name}:{secret.line_number}: {secret.type}\n")
    if unknown:
        hint = "Take it out and make it worthless; a word that is none belongs into"
        sys.stdout.write(f"{hint} {KNOWN.relative_to(ROOT)}.\n")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
