"""How many requests one user may send, and how many refused tokens one address."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from api_user import ApiUser
from expectations import expect_problem
from newcomers import Newcomer
from running import running
from taskwell.config import Settings
from taskwell.configuring import load_settings
from taskwell.main import create_app

# The smallest rate there is, so that no machine is too slow to meet its limit.
RATE = 1
QUOTA = 5
# More than any test needs: an end to loops that should not need one.
MANY = 100


@pytest.fixture
def limited(settings: Settings) -> Iterator[TestClient]:
    with running(settings, rate_limit=RATE) as client:
        yield client


def until_refused(ask: Callable[[], Response]) -> tuple[list[int], Response]:
    """The statuses before, and the refusal."""
    statuses: list[int] = []
    while len(statuses) < MANY:
        answer = ask()
        if answer.status_code == 429:
            return statuses, answer
        statuses.append(answer.status_code)
    raise AssertionError("there was no end")


def expect_limited(answer: Response, name: str) -> None:
    expect_problem(answer, 429, "rate-limited")
    assert answer.headers["ratelimit-policy"] == f'"{name}";q={QUOTA};w=5'
    assert answer.headers["ratelimit"] == f'"{name}";r=0;t=1'
    assert answer.headers["retry-after"] == "1"


class TestOfAUser:
    def test_after_the_quota_come_refusals(self, limited: TestClient, newcomer: Newcomer) -> None:
        user = newcomer(limited)
        before, refused = until_refused(lambda: user.get("/tasks"))
        assert set(before) == {200}
        assert len(before) >= QUOTA
        expect_limited(refused, "user")

    def test_a_refused_write_has_done_nothing(
        self, limited: TestClient, settings: Settings, newcomer: Newcomer
    ) -> None:
        user = newcomer(limited)
        before, refused = until_refused(lambda: user.post("/tasks", {"text": "a"}))
        assert refused.status_code == 429
        with running(settings) as elsewhere:
            assert len(newcomer(elsewhere, user.user_id).get("/tasks").json()) == len(before)

    def test_other_users_notice_nothing(self, limited: TestClient, newcomer: Newcomer) -> None:
        user, other = newcomer(limited), newcomer(limited)
        until_refused(lambda: user.get("/tasks"))
        assert other.get("/tasks").status_code == 200

    def test_both_spellings_and_a_foreign_path_count(
        self, limited: TestClient, newcomer: Newcomer
    ) -> None:
        user = newcomer(limited)
        before, refused = until_refused(lambda: user.get("/api/somebody-else/tasks"))
        assert set(before) == {404}
        expect_limited(refused, "user")
        # One more may be let in each second.
        assert len(until_refused(lambda: user.get(user.own_path))[0]) < QUOTA

    def test_a_write_with_a_key_counts_once(self, limited: TestClient, newcomer: Newcomer) -> None:
        user = newcomer(limited)
        headers = {"idempotency-key": "one"}
        before, _ = until_refused(lambda: user.post("/tasks", {"text": "a"}, headers=headers))
        assert len(before) >= QUOTA

    @pytest.mark.parametrize("path", ["/health", "/health/live", "/docs", "/openapi.json"])
    def test_what_takes_no_token_has_no_limit(
        self, limited: TestClient, newcomer: Newcomer, path: str
    ) -> None:
        user = newcomer(limited)
        until_refused(lambda: user.get("/tasks"))
        assert {limited.get(path).status_code for _ in range(4 * QUOTA)} == {200}

    def test_the_refusal_is_in_the_log_with_its_reason(
        self, limited: TestClient, newcomer: Newcomer, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO", "taskwell.request")
        user = newcomer(limited)
        until_refused(lambda: user.get("/tasks"))
        members = caplog.records[-1].members  # type: ignore[attr-defined]  # put there by the frame
        assert (members["status"], members["user"]) == (429, user.user_id)
        assert members["reason"] == "the rate limit per user"

    def test_without_a_limit_there_is_none(self, client: TestClient, newcomer: Newcomer) -> None:
        user = newcomer(client)
        assert {user.get("/health/live").status_code for _ in range(MANY)} == {200}
        assert {user.get("/tasks?limit=1").status_code for _ in range(MANY)} == {200}

    def test_the_default_lets_a_page_load_its_tasks(
        self, settings: Settings, newcomer: Newcomer
    ) -> None:
        rate = load_settings().rate_limit
        assert rate == 100
        with running(settings, rate_limit=rate) as client:
            user = newcomer(client)
            assert {user.get("/tasks?limit=1").status_code for _ in range(MANY)} == {200}


@contextmanager
def reached_from(
    settings: Settings, peer: str, **changes: object
) -> Iterator[Callable[[ApiUser, dict[str, str]], Response]]:
    app = create_app(settings.model_copy(update={"rate_limit": RATE, **changes}))
    with TestClient(app, base_url="http://taskwell.test", client=(peer, 50000)) as client:
        yield lambda user, headers: ApiUser(client, user.user_id, user.token).get(
            "/tasks", headers=headers
        )


BROKEN = {"authorization": "Bearer nonsense"}


class TestOfAnAddress:
    def test_refused_tokens_are_counted(self, limited: TestClient, newcomer: Newcomer) -> None:
        user = newcomer(limited)
        before, refused = until_refused(lambda: user.get("/tasks", headers=BROKEN))
        assert set(before) == {401}
        assert len(before) >= QUOTA
        expect_limited(refused, "address")

    def test_a_good_token_is_never_refused_for_the_others(
        self, limited: TestClient, newcomer: Newcomer
    ) -> None:
        user = newcomer(limited)
        until_refused(lambda: user.get("/tasks", headers=BROKEN))
        assert user.get("/tasks").status_code == 200

    def test_every_address_has_a_count_of_its_own(self, settings: Settings, alice: ApiUser) -> None:
        trusting = {"trusted_proxies": ("10.0.0.0/8",)}
        with reached_from(settings, "10.0.0.1", **trusting) as ask:
            at_home = {**BROKEN, "x-forwarded-for": "198.51.100.1"}
            until_refused(lambda: ask(alice, at_home))
            elsewhere = {**BROKEN, "x-forwarded-for": "198.51.100.2"}
            assert ask(alice, elsewhere).status_code == 401
            lying = {**BROKEN, "x-forwarded-for": "203.0.113.5, 198.51.100.1"}
            assert len(until_refused(lambda: ask(alice, lying))[0]) < QUOTA

    def test_an_untrusted_header_gives_nobody_another_address(
        self, settings: Settings, alice: ApiUser
    ) -> None:
        with reached_from(settings, "203.0.113.9") as ask:
            numbers = iter(range(MANY))
            _, refused = until_refused(
                lambda: ask(alice, {**BROKEN, "x-forwarded-for": f"198.51.100.{next(numbers)}"})
            )
            expect_limited(refused, "address")

    def test_one_network_of_ipv6_is_one_address(self, settings: Settings, alice: ApiUser) -> None:
        with reached_from(settings, "2001:db8::1", trusted_proxies=("2001:db8::1",)) as ask:
            numbers = iter(range(MANY))
            _, refused = until_refused(
                lambda: ask(alice, {**BROKEN, "forwarded": f'for="[2001:db8:5::{next(numbers)}]"'})
            )
            expect_limited(refused, "address")
            neighbour = {**BROKEN, "forwarded": 'for="[2001:db8:5:1::1]"'}
            assert ask(alice, neighbour).status_code == 401


def test_the_description_has_the_refusals(client: TestClient) -> None:
    read = client.get("/openapi.json").json()["paths"]["/tasks"]["get"]["responses"]["429"]
    examples = read["content"]["application/problem+json"]["examples"]
    assert set(examples) == {"rate-limited", "too-many-at-once"}
    pattern = read["headers"]["RateLimit"]["schema"]["pattern"]
    assert re.fullmatch(pattern, '"user";r=0;t=1')
