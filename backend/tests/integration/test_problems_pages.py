"""GET /problems/{code}: what the `type` of a problem leads to."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from expectations import expect_problem
from taskwell.api.catalogue import CATALOGUE


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_problem_has_a_page(client: TestClient, code: str) -> None:
    page = client.get(f"/problems/{code}")
    assert page.status_code == 200
    assert page.headers["content-type"] == "application/json"
    assert page.headers["cache-control"] == "public, max-age=3600"
    assert "Accept" in page.headers["vary"]
    kind = CATALOGUE[code]
    assert page.json() == {
        "type": f"/problems/{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.detail,
        "code": code,
    }


def test_the_type_of_a_problem_leads_to_its_page(client: TestClient) -> None:
    problem = client.get("/tasks").json()
    page = client.get(problem["type"]).json()
    assert {name: problem[name] for name in page} == page


@pytest.mark.parametrize("accept", ["text/html", "text/html,application/xhtml+xml,*/*;q=0.8"])
def test_a_browser_gets_html(client: TestClient, accept: str) -> None:
    page = client.get("/problems/malformed-header", headers={"accept": accept})
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.startswith("<!doctype html>")
    assert "<h1>A header can&#x27;t be read</h1>" in page.text
    assert "take &quot;*&quot; or a list" in page.text


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "application/problem+json"])
def test_everybody_else_gets_json(client: TestClient, accept: str) -> None:
    page = client.get("/problems/not-found", headers={"accept": accept})
    assert page.headers["content-type"] == "application/json"


@pytest.mark.parametrize("code", ["nonsense", "NOT-FOUND", "<script>", "%00"])
def test_an_unknown_code(client: TestClient, code: str) -> None:
    expect_problem(client.get(f"/problems/{code}"), 404, "not-found")
