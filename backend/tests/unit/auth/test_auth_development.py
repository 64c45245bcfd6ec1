"""The development issuer: one key for a folder, and tokens that read like Better Auth's."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from base64 import urlsafe_b64decode
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE, Popen

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from taskwell.auth.development import DevelopmentIssuer
from taskwell.auth.jwks import KeySetUnusable, read_key_set
from taskwell.errors import SettingsInvalid, StartRefused
from unit.auth.workshop import NOW, Clock, Maker

LOCAL = "http://taskwell.localhost"


def parts_of(token: str) -> tuple[dict[str, object], dict[str, object]]:
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def key_id_of(issuer: DevelopmentIssuer) -> str:
    return str(json.loads(issuer.jwks())["keys"][0]["kid"])


def test_its_key_set_looks_like_better_auths(tmp_path: Path) -> None:
    [key] = json.loads(DevelopmentIssuer(tmp_path).jwks())["keys"]
    assert set(key) == {"alg", "crv", "x", "kty", "kid"}
    assert (key["alg"], key["crv"], key["kty"]) == ("EdDSA", "Ed25519", "OKP")


def test_its_tokens_look_like_better_auths(tmp_path: Path) -> None:
    issuer = DevelopmentIssuer(tmp_path, clock=Clock(NOW + 0.7))
    head, body = parts_of(issuer.token("ada", ttl=60))
    assert head == {"alg": "EdDSA", "kid": key_id_of(issuer)}
    assert body == {
        "iat": NOW,
        "name": "ada",
        "email": "ada@taskwell.localhost",
        "id": "ada",
        "sub": "ada",
        "exp": NOW + 60,
        "iss": LOCAL,
        "aud": LOCAL,
    }


def test_another_library_verifies_its_tokens(tmp_path: Path) -> None:
    issuer = DevelopmentIssuer(tmp_path)
    key = jwt.PyJWKSet.from_json(issuer.jwks().decode())[key_id_of(issuer)]
    token = issuer.token("Zoë")
    assert jwt.decode(token, key, algorithms=["EdDSA"], audience=LOCAL)["sub"] == "Zoë"


def test_a_token_lives_an_hour_unless_told_otherwise(tmp_path: Path) -> None:
    _, body = parts_of(DevelopmentIssuer(tmp_path, clock=Clock()).token("ada"))
    assert body["exp"] == NOW + 3600


def test_several_audiences_make_a_list(tmp_path: Path) -> None:
    issuer = DevelopmentIssuer(tmp_path, issuer="urn:me", audiences=["a", "b"])
    _, body = parts_of(issuer.token("ada"))
    assert (body["iss"], body["aud"]) == ("urn:me", ["a", "b"])


def test_its_key_is_named_by_its_fingerprint(tmp_path: Path) -> None:
    """The example of RFC 8037, appendix A."""
    secret = urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    key = Ed25519PrivateKey.from_private_bytes(secret)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "issuer.pem").write_bytes(pem)
    [jwk] = json.loads(DevelopmentIssuer(tmp_path).jwks())["keys"]
    assert jwk["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert jwk["kid"] == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_its_key_stays_in_the_folder(tmp_path: Path) -> None:
    first, second = DevelopmentIssuer(tmp_path), DevelopmentIssuer(tmp_path)
    assert first.jwks() == second.jwks()
    assert DevelopmentIssuer(tmp_path / "other").jwks() != first.jwks()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["issuer.pem"]
    assert set(asyncio.run(first.read()).by_serial).isdisjoint(
        read_key_set(second.jwks()).by_serial
    )


def test_only_its_owner_can_read_the_key(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "on the way"
    DevelopmentIssuer(folder)
    assert folder.stat().st_mode & 0o066 == 0
    path = folder / "issuer.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    DevelopmentIssuer(folder)
    assert path.stat().st_mode & 0o777 == 0o600


AT_ONCE = """
import sys
from pathlib import Path
from taskwell.auth.development import DevelopmentIssuer

for line in sys.stdin:
    print(DevelopmentIssuer(Path(line.strip())).jwks().decode(), flush=True)
"""


def test_processes_that_start_at_once_get_one_key(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", AT_ONCE]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                Popen(command, stdin=PIPE, stdout=PIPE, text=True, bufsize=1, env=environment)
            )
            for _ in range(4)
        ]
        for attempt in range(20):
            folder = tmp_path / str(attempt)
            for process in processes:
                assert process.stdin
                process.stdin.write(f"{folder}\n")
            answers = [process.stdout.readline() for process in processes if process.stdout]
            assert len(set(answers)) == 1
            assert answers[0].startswith('{"keys"')
            assert [path.name for path in folder.iterdir()] == ["issuer.pem"]


def read_by(issuer: DevelopmentIssuer) -> set[str | None]:
    return {key.key_id for key in asyncio.run(issuer.read()).by_serial.values()}


def kid_of(issuer: DevelopmentIssuer) -> str:
    kid: str = json.loads(issuer.jwks())["keys"][0]["kid"]
    return kid


def test_another_key_in_the_file_is_the_one_that_counts(tmp_path: Path) -> None:
    issuer = DevelopmentIssuer(tmp_path)
    (tmp_path / "issuer.pem").unlink()
    other = DevelopmentIssuer(tmp_path)
    assert kid_of(other) != kid_of(issuer)
    assert read_by(issuer) == {kid_of(other)}


def test_to_read_it_makes_no_key(tmp_path: Path) -> None:
    issuer = DevelopmentIssuer(tmp_path)
    (tmp_path / "issuer.pem").unlink()
    with pytest.raises(KeySetUnusable, match="can't be read"):
        asyncio.run(issuer.read())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("user_id", ["", "a" * 256, "a\n", "\ud800"])
def test_it_makes_no_token_that_would_be_refused(tmp_path: Path, user_id: str) -> None:
    with pytest.raises(SettingsInvalid, match="A user is 1 to 255 characters"):
        DevelopmentIssuer(tmp_path).token(user_id)


def foreign_keys() -> dict[str, bytes]:
    kind, plain = PrivateFormat.PKCS8, NoEncryption()
    other = ec.generate_private_key(ec.SECP256R1())
    locked = Maker("EdDSA", "x").private
    return {
        "empty": b"",
        "text": b"this is no key",
        "another kind": other.private_bytes(Encoding.PEM, kind, plain),
        "encrypted": locked.private_bytes(Encoding.PEM, kind, BestAvailableEncryption(b"x")),
        "half": locked.private_bytes(Encoding.PEM, kind, plain)[:60],
    }


@pytest.mark.parametrize("name", foreign_keys())
def test_a_file_that_is_not_its_key_is_left_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / "issuer.pem"
    content = foreign_keys()[name]
    path.write_bytes(content)
    with pytest.raises(StartRefused, match="is not the development issuer's key: delete it"):
        DevelopmentIssuer(tmp_path)
    assert path.read_bytes() == content


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartRefused, match=r"can't be read or made .*TASKWELL_DATA") as refused:
        DevelopmentIssuer(tmp_path / "file" / "folder")
    assert str(tmp_path / "file" / "folder" / "issuer.pem") in str(refused.value)


def test_a_draft_of_the_key_is_never_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        assert len(list(tmp_path.iterdir())) == 1
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StartRefused, match="No space left on device"):
        DevelopmentIssuer(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_key_of_a_quicker_process_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two find no key; one makes it while the other is still writing its own."""
    really_link = os.link
    quicker: list[bytes] = []

    def after_another(source: str, target: Path) -> None:
        monkeypatch.setattr(os, "link", really_link)
        quicker.append(DevelopmentIssuer(tmp_path).jwks())
        really_link(source, target)

    monkeypatch.setattr(os, "link", after_another)
    assert [DevelopmentIssuer(tmp_path).jwks()] == quicker
    assert [path.name for path in tmp_path.iterdir()] == ["issuer.pem"]
