"""Tokens of a real Better Auth server, at a real Taskwell, over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from end_to_end.issuer import EXAMPLE, Account, Issuer, bare_environment, running_issuer
from end_to_end.node_packages import node, staged
from end_to_end.pgbouncer import free_port
from end_to_end.program import Program
from end_to_end.service import caller, running_service

pytestmark = pytest.mark.better_auth

HOUR = 3600

# From the documentation of the service: a new key of the issuer works within this time.
SECONDS_TO_LEARN_A_KEY = 10


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return staged(EXAMPLE, tmp_path_factory.mktemp("issuer"))


@contextmanager
def issuer_and_service(example: Path, **settings: str) -> Iterator[tuple[Issuer, str]]:
    with (
        running_issuer(example, **settings) as issuer,
        running_service(BETTER_AUTH_URL=issuer.url) as url,
    ):
        yield issuer, url


@pytest.fixture(scope="module")
def usual(example: Path) -> Iterator[tuple[Issuer, str]]:
    """EdDSA and Better Auth's own ids, as in most projects, and a session cookie that is a JWT."""
    with issuer_and_service(
        example, EXAMPLE_SESSION_COOKIE="jwt", EXAMPLE_TOKEN_LIFETIME="5s"
    ) as both:
        yield both


@pytest.fixture(scope="module")
def issuer(usual: tuple[Issuer, str]) -> Issuer:
    return usual[0]


@pytest.fixture(scope="module")
def service(usual: tuple[Issuer, str]) -> str:
    return usual[1]


def asking(url: str, token: str) -> httpx2.Response:
    with caller(url, token) as user:
        return user.get("/tasks")


def code_of(answer: httpx2.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    code: str = answer.json()["code"]
    return code


def kid_of(token: str) -> str:
    kid: str = jwt.get_unverified_header(token)["kid"]
    return kid


def assert_invalid(answer: httpx2.Response) -> None:
    assert (answer.status_code, code_of(answer)) == (401, "token-invalid")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def is_id_of_kind(kind: str, user_id: str) -> bool:
    if kind == "uuid":
        return str(UUID(user_id)) == user_id
    if kind == "serial":
        return user_id.isdecimal()
    return len(user_id) == 32 and user_id.isalnum()


def assert_works_at_once_and_for_one_user_only(issuer: Issuer, url: str, ids: str) -> None:
    ada, bob = issuer.sign_up("Ada"), issuer.sign_up("Bob")
    assert is_id_of_kind(ids, ada.user_id)
    with caller(url, issuer.token(ada)) as hers, caller(url, issuer.token(bob)) as his:
        created = hers.post("/tasks", json={"text": "Buy milk"})
        assert created.status_code == 201, created.text
        task = created.json()
        assert task["user_id"] == ada.user_id
        assert hers.get(f"/api/{ada.user_id}/tasks").json() == [task]

        for foreign in (f"/tasks/{task['id']}", f"/api/{ada.user_id}/tasks/{task['id']}"):
            assert code_of(his.get(foreign)) == "task-not-found"
            assert his.patch(foreign, json={"text": "Mine"}).status_code == 404
            assert his.patch(f"{foreign}/complete").status_code == 404
            assert his.delete(foreign).status_code == 404
        assert his.get(f"/api/{ada.user_id}/tasks").status_code == 404
        assert his.get("/tasks").json() == []
        assert hers.get("/tasks").json() == [task]


def test_eddsa_and_usual_ids(issuer: Issuer, service: str) -> None:
    token = issuer.token(issuer.sign_up())
    assert jwt.get_unverified_header(token)["alg"] == "EdDSA"
    assert_works_at_once_and_for_one_user_only(issuer, service, "default")


@pytest.mark.parametrize(
    ("algorithm", "ids"),
    [("ES256", "uuid"), ("ES512", "serial"), ("RS256", "default")],
)
def test_other_algorithms_and_other_ids(example: Path, algorithm: str, ids: str) -> None:
    settings = {"EXAMPLE_ALGORITHM": algorithm, "EXAMPLE_USER_IDS": ids}
    with issuer_and_service(example, **settings) as (issuer, url):
        token = issuer.token(issuer.sign_up())
        assert jwt.get_unverified_header(token)["alg"] == algorithm
        assert_works_at_once_and_for_one_user_only(issuer, url, ids)


def test_ps256_an_issuer_of_any_name_and_one_of_several_audiences(example: Path) -> None:
    name = "https://id.example.com/tenant/"
    audiences = ["https://app.example.com", "taskwell"]
    settings = {
        "EXAMPLE_ALGORITHM": "PS256",
        "EXAMPLE_USER_IDS": "uuid",
        "EXAMPLE_ISSUER": name,
        "EXAMPLE_AUDIENCES": ",".join(audiences),
    }
    with (
        running_issuer(example, **settings) as issuer,
        running_service(
            BETTER_AUTH_URL=issuer.url,
            TASKWELL_AUTH_ISSUER=name,
            TASKWELL_AUTH_AUDIENCE="elsewhere, taskwell",
        ) as url,
    ):
        token = issuer.token(issuer.sign_up())
        assert jwt.get_unverified_header(token)["alg"] == "PS256"
        claims = jwt.decode(token, options={"verify_signature": False})
        assert (claims["iss"], claims["aud"]) == (name, audiences)
        assert_works_at_once_and_for_one_user_only(issuer, url, "uuid")


def test_an_expired_token_says_so_and_a_new_one_works(issuer: Issuer, service: str) -> None:
    ada = issuer.sign_up()
    with issuer.clock_ahead_by(-HOUR):
        old = issuer.token(ada)
    claims = jwt.decode(old, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 5
    answer = asking(service, old)
    assert (answer.status_code, code_of(answer)) == (401, "token-expired")
    assert asking(service, issuer.token(ada)).status_code == 200


def test_what_else_the_issuer_hands_out_is_refused(issuer: Issuer, service: str) -> None:
    ada = issuer.sign_up()
    assert ada.session_cookie is not None
    token = issuer.token(ada)
    assert asking(service, token).status_code == 200
    assert kid_of(ada.session_cookie) == kid_of(token)
    assert_invalid(asking(service, ada.session_cookie))
    assert_invalid(asking(service, ada.session_token))


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_key_as_secret(key: dict[str, Any]) -> list[bytes]:
    """The key itself, as it is published, and in both shapes that a library may have loaded."""
    public = jwt.PyJWK(key).key
    assert isinstance(public, Ed25519PublicKey)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return [public.public_bytes_raw(), key["x"].encode(), json.dumps(key).encode(), pem]


def test_a_public_key_is_no_shared_secret(issuer: Issuer, service: str) -> None:
    token = issuer.token(issuer.sign_up())
    _, claims, _ = token.split(".")
    [key] = [key for key in issuer.published_keys() if key["kid"] == kid_of(token)]
    header = encoded(json.dumps({"alg": "HS256", "kid": key["kid"]}).encode())
    for secret in public_key_as_secret(key):
        signature = hmac.digest(secret, f"{header}.{claims}".encode(), hashlib.sha256)
        assert_invalid(asking(service, f"{header}.{claims}.{encoded(signature)}"))


def learns(url: str, issuer: Issuer, account: Account) -> None:
    """As a front end does it: after a refusal with a new token, after a 503 when told to."""
    waited = 0
    while (answer := asking(url, issuer.token(account))).status_code != 200:
        assert answer.status_code in (401, 503), answer.text
        pause = int(answer.headers.get("retry-after", "1"))
        waited += pause
        assert waited <= SECONDS_TO_LEARN_A_KEY, answer.text
        time.sleep(pause)


def test_a_new_key_is_learned_and_known_ones_outlive_the_issuer(example: Path) -> None:
    with issuer_and_service(example, EXAMPLE_KEY_LIFETIME=str(HOUR)) as (issuer, url):
        ada, bob = issuer.sign_up(), issuer.sign_up()
        first, first_of_bob = issuer.token(ada), issuer.token(bob)
        assert asking(url, first).status_code == 200

        issuer.rotate_key(HOUR)
        learns(url, issuer, ada)
        second = issuer.token(bob)
        assert kid_of(second) != kid_of(first)
        assert asking(url, first).status_code == 200

        issuer.rotate_key(HOUR)
        third = issuer.token(ada)
        assert kid_of(third) not in (kid_of(first), kid_of(second))
        issuer.stop()
        never_seen_before = (first_of_bob, second)
        assert [asking(url, token).status_code for token in never_seen_before] == [200, 200]
        answer = asking(url, third)
        assert (answer.status_code, code_of(answer)) == (503, "keys-unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert asking(url, first).status_code == 200


def test_an_issuer_that_lost_its_keys_is_learned_anew(example: Path) -> None:
    """With serial ids the next key has the name of the last one."""
    serial = {"EXAMPLE_USER_IDS": "serial"}
    with issuer_and_service(example, **serial) as (issuer, url):
        old = issuer.token(issuer.sign_up())
        assert asking(url, old).status_code == 200
        issuer.stop()
        port = issuer.url.rpartition(":")[2]
        with running_issuer(example, **serial, PORT=port) as again:
            ada = again.sign_up()
            assert kid_of(again.token(ada)) == kid_of(old)
            learns(url, again, ada)
            assert_invalid(asking(url, old))


def test_the_keys_are_there_under_any_name_of_the_machine(example: Path) -> None:
    """As between containers, which call each other by other names than the browser does."""
    port = free_port()
    environment = bare_environment() | {
        "PORT": str(port),
        "EXAMPLE_HOST": "127.0.0.1",
        "EXAMPLE_URL": "http://app.example.com",
    }
    with Program((node(), example / "server.js"), environment) as program:
        program.wait_for(r"the page: http://app\.example\.com$")
        keys = httpx2.get(f"http://127.0.0.1:{port}/api/auth/jwks", timeout=60)
        assert keys.status_code == 200
        assert keys.json()["keys"]
        page = httpx2.get(f"http://127.0.0.1:{port}/", timeout=60)
        assert (page.status_code, page.headers["location"]) == (307, "http://app.example.com/")
