"""POST /tasks with something that does not fit: nothing is stored, no revision is used up."""

from __future__ import annotations

from typing import Any

import pytest

from api_user import ApiUser
from expectations import expect_flaws, expect_problem

GREATEST = 2**53 - 1
JSON = {"content-type": "application/json"}


def text_of(raw: str) -> bytes:
    return f'{{"text": {raw}}}'.encode()


class TestInvalid:
    """Nothing is stored, and no revision is used up."""

    @pytest.fixture(autouse=True)
    def _leaves_nothing(self, alice: ApiUser) -> Any:
        yield
        assert alice.get("/tasks").json() == []
        assert alice.create()["rev"] == 1

    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            ('""', "too-short"),
            ('" "', "blank"),
            (r'"\t\n\r\u00a0\u2003\u3000\u2028\u001f"', "blank"),
            (f'"{"x" * 501}"', "too-long"),
            (f'"{"🧀" * 501}"', "too-long"),
            (r'"a\u0000b"', "nul-character"),
            (r'"\ud800"', "lone-surrogate"),
            (r'"\udc00\ud800"', "lone-surrogate"),
            ("null", "wrong-type"),
            ("5", "wrong-type"),
            ("true", "wrong-type"),
            ('["a"]', "wrong-type"),
            ('{"a": "b"}', "wrong-type"),
            ("[" * 500 + "]" * 500, "wrong-type"),
        ],
    )
    def test_text(self, alice: ApiUser, tasks: str, raw: str, code: str) -> None:
        refused = alice.request("POST", tasks, content=text_of(raw), headers=JSON)
        expect_flaws(refused, ("/text", code))

    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            (str(GREATEST + 1), "out-of-range"),
            (str(-GREATEST - 1), "out-of-range"),
            ("1" + "0" * 500, "out-of-range"),
            ("-1" + "0" * 500, "out-of-range"),
            ("1.5", "wrong-type"),
            ("true", "wrong-type"),
            ('"1"', "wrong-type"),
            ("null", "wrong-type"),
        ],
    )
    def test_order(self, alice: ApiUser, tasks: str, raw: str, code: str) -> None:
        body = f'{{"text": "a", "order": {raw}}}'.encode()
        refused = alice.request("POST", tasks, content=body, headers=JSON)
        expect_flaws(refused, ("/order", code))

    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            ("1" * 5000, "out-of-range"),
            ("1e400", "out-of-range"),
            ("-1e400", "out-of-range"),
            ("NaN", "not-a-number"),
            ("Infinity", "not-a-number"),
            ("-Infinity", "not-a-number"),
        ],
    )
    def test_numbers_that_can_not_be_read(
        self, alice: ApiUser, tasks: str, raw: str, code: str
    ) -> None:
        for member in ("order", "text", "completed", "unknown"):
            body = f'{{"text": "a", "{member}": {raw}}}'.replace('"text": "a", "text"', '"text"')
            refused = alice.request("POST", tasks, content=body.encode(), headers=JSON)
            expect_flaws(refused, ("", code))

    @pytest.mark.parametrize("completed", ["true", 0, 1, None, [], {}])
    def test_completed(self, alice: ApiUser, tasks: str, completed: object) -> None:
        refused = alice.post(tasks, {"text": "a", "completed": completed})
        expect_flaws(refused, ("/completed", "wrong-type"))

    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ("", "not-a-uuid"),
            ("1", "not-a-uuid"),
            ("01975b3e8f2a7c419d0e5a6b7c8d9e0f", "not-a-uuid"),
            ("{01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f}", "not-a-uuid"),
            ("01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f\n", "not-a-uuid"),
            ("01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0\u0661", "not-a-uuid"),
            (1, "wrong-type"),
            (None, "wrong-type"),
        ],
    )
    def test_id(self, alice: ApiUser, tasks: str, given: object, code: str) -> None:
        expect_flaws(alice.post(tasks, {"id": given, "text": "a"}), ("/id", code))

    @pytest.mark.parametrize("name", ["user_id", "created_at", "updated_at", "completed_at", "rev"])
    def test_what_the_server_sets(self, alice: ApiUser, tasks: str, name: str) -> None:
        refused = alice.post(tasks, {"text": "a", name: None})
        expect_flaws(refused, (f"/{name}", "read-only"))
        assert name in refused.json()["errors"][0]["message"]

    @pytest.mark.parametrize("name", ["deleted_at", "heading", "Text", "", "__proto__", "a/b~c"])
    def test_unknown_members_are_not_echoed(self, alice: ApiUser, tasks: str, name: str) -> None:
        refused = alice.post(tasks, {"text": "a", name: "SECRET"})
        expect_flaws(refused, ("", "unknown-member"))
        assert "SECRET" not in refused.text
        assert name == "" or f'"{name}"' not in refused.text

    def test_a_member_twice(self, alice: ApiUser, tasks: str) -> None:
        body = b'{"text": "a", "text": "b"}'
        refused = alice.request("POST", tasks, content=body, headers=JSON)
        expect_flaws(refused, ("", "duplicate-member"))

    def test_a_member_whose_name_is_half_a_surrogate_pair(self, alice: ApiUser, tasks: str) -> None:
        body = rb'{"text": "a", "\ud800": 1}'
        refused = alice.request("POST", tasks, content=body, headers=JSON)
        assert refused.json()["errors"][0]["pointer"] == ""
        expect_problem(refused, 422, "validation-failed", "errors")

    def test_every_flaw_is_told_at_once(self, alice: ApiUser, tasks: str) -> None:
        refused = alice.post(tasks, {"completed": 1, "order": "x", "id": "y"})
        expect_flaws(
            refused,
            ("/id", "not-a-uuid"),
            ("/text", "required"),
            ("/completed", "wrong-type"),
            ("/order", "wrong-type"),
        )

    @pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"a"', b"true"])
    def test_something_else_than_an_object(self, alice: ApiUser, tasks: str, raw: bytes) -> None:
        refused = alice.request("POST", tasks, content=raw, headers=JSON)
        expect_flaws(refused, ("", "wrong-type"))
        assert "TaskCreate" not in refused.text

    @pytest.mark.parametrize("opening", [b"[", b'{"a":'])
    def test_nested_too_deeply(self, alice: ApiUser, tasks: str, opening: bytes) -> None:
        refused = alice.request("POST", tasks, content=opening * 100_000, headers=JSON)
        expect_flaws(refused, ("", "too-deep"))

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b" ",
            b"{",
            b'{"text": "a"',
            b'{"text": "a"} x',
            b"{'text': 'a'}",
            b'{"text": "a",}',
            b'{"text": "a\nb"}',
            b'{"text": "\\x"}',
            b'{"text": "\xff"}',
            b'\xef\xbb\xbf{"text": "a"}',
            '{"text": "a"}'.encode("utf-16"),
            b"text=a",
        ],
    )
    def test_no_json(self, alice: ApiUser, tasks: str, raw: bytes) -> None:
        refused = alice.request("POST", tasks, content=raw, headers=JSON)
        expect_problem(refused, 400, "malformed-json")

    @pytest.mark.parametrize(
        "media_type",
        [
            None,
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonp",
            "application/merge-patch+json",
            "application/json; charset=latin-1",
            "application/json; charset=utf8",
            "application/json, text/plain",
        ],
    )
    def test_another_media_type(self, alice: ApiUser, tasks: str, media_type: str | None) -> None:
        headers = {} if media_type is None else {"content-type": media_type}
        refused = alice.request("POST", tasks, content=text_of('"a"'), headers=headers)
        expect_problem(refused, 415, "media-type-unsupported")


@pytest.mark.parametrize(
    "form", [{"data": {"text": "a"}}, {"files": {"text": ("a.txt", b"a", "text/plain")}}]
)
def test_forms_are_not_read(alice: ApiUser, tasks: str, form: dict[str, Any]) -> None:
    expect_problem(alice.request("POST", tasks, **form), 415, "media-type-unsupported")
