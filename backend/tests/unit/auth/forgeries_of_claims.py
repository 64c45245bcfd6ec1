"""Forgeries that the issuer itself might sign: the signature is right, and the claims are not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from unit.auth.families import Attempt, control, family, forgery
from unit.auth.workshop import (
    ACCESS_ISSUER,
    AUDIENCES,
    ISSUER,
    NOW,
    SCOPE,
    SECRET,
    USER,
    claims,
    good,
    header,
    issuer_key,
    signed,
    with_secret,
)

NO_NUMBERS: list[Any] = [
    None, "", "0", str(NOW + 900), "soon", "1e99", "Infinity", True, False, [], [NOW + 900], {},
    {"exp": NOW + 900}, "\u0661\u0668", "0x7fffffff",
]  # fmt: skip
NUMBERS_OF_NO_JSON = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1e999",
    "+1",
    "0x10",
    "1_000",
    "01",
)


def with_raw(name: str, literal: str) -> str:
    """A claim in JSON that no serialiser would write."""
    body = json.dumps(claims(**{name: "@@"})).replace('"@@"', literal)
    return signed(header(), body, issuer_key("EdDSA"))


@family()
def expiry() -> Iterator[Attempt]:
    yield control("in 15 minutes", good())
    yield control("just expired, within the leeway", good(exp=NOW - 29))
    yield control("a fraction", good(exp=NOW + 0.5))
    yield control("very far", good(exp=10**18))
    yield forgery("missing", good(exp=...))
    for value in NO_NUMBERS:
        yield forgery(f"exp {value!r}", good(exp=value))
    for literal in NUMBERS_OF_NO_JSON:
        yield forgery(f"exp {literal}", with_raw("exp", literal))
    for past in (30, 31, 60, 900, 3600, 86_400, 10**9, NOW, NOW + 1):
        yield forgery(f"{past} s ago", good(exp=NOW - past))
    yield forgery("a fraction past the leeway", good(exp=NOW - 30.5))
    yield forgery("in milliseconds, long past", good(exp=-(NOW + 900) * 1000))
    yield forgery("far below zero", good(exp=-(10**400)))
    yield forgery("more digits than a number has", good(exp=10**1100))
    for algorithm in ("ES256", "ES512", "RS256", "PS256"):
        yield forgery(f"{algorithm} expired", good(algorithm, exp=NOW - 31))
        yield forgery(f"{algorithm} without exp", good(algorithm, exp=...))


@family()
def not_yet() -> Iterator[Attempt]:
    yield control("nbf now", good(nbf=NOW))
    yield control("nbf within the leeway", good(nbf=NOW + 30))
    yield control("iat within the leeway", good(iat=NOW + 30))
    yield control("no iat", good(iat=...))
    for name in ("nbf", "iat"):
        for value in NO_NUMBERS:
            yield forgery(f"{name} {value!r}", good(**{name: value}))
        for literal in NUMBERS_OF_NO_JSON:
            yield forgery(f"{name} {literal}", with_raw(name, literal))
        for ahead in (31, 60, 3600, 86_400, 10**9, 10**18, 10**400):
            yield forgery(
                f"{name} {str(ahead)[:5]}, {len(str(ahead))} digits, ahead",
                good(**{name: NOW + ahead}),
            )
        yield forgery(f"{name} in milliseconds", good(**{name: NOW * 1000}))


@family()
def issuers() -> Iterator[Attempt]:
    yield control("ours", good())
    yield forgery("missing", good(iss=...))
    wrong: list[Any] = [
        None, "", 0, 1, True, [], [ISSUER], {}, {"iss": ISSUER}, ISSUER + "/", ISSUER + "//",
        ACCESS_ISSUER, ISSUER + "/api", ISSUER + "?", ISSUER + "#", ISSUER + ":443", ISSUER + ".",
        ISSUER + " ", " " + ISSUER, ISSUER + "\n", ISSUER + "\x00", ISSUER + "\u200b",
        ISSUER.upper(), ISSUER.title(), ISSUER.replace("https", "http"), ISSUER[8:], ISSUER[6:],
        ISSUER[:-1], ISSUER[1:], ISSUER + ".evil.example", "https://evil.example",
        "https://app.example.com@evil.example", "https://evil.example/https://app.example.com",
        "https://xapp.example.com", "https://app-example.com", "https://app.example.co\u043c",
        "https://\u0430pp.example.com", "https://app%2eexample.com", "https:app.example.com",
        "https:\\\\app.example.com", "*", "https://*.example.com", "null", "undefined",
        f"{ISSUER},{ISSUER}", f"{ISSUER} {ISSUER}", AUDIENCES[1], "http://taskwell.localhost",
    ]  # fmt: skip
    for value in wrong:
        yield forgery(f"iss {value!r}", good(iss=value))


@family()
def audiences() -> Iterator[Attempt]:
    yield control("one of ours", good(aud=AUDIENCES[1]))
    yield control("a list with one of ours", good(aud=["https://other.example", AUDIENCES[0]]))
    yield forgery("missing", good(aud=...))
    wrong: list[Any] = [
        None, "", 0, 1, True, {}, [], [""], [None], [1], [True], [[]], [[ISSUER]], [{}],
        {ISSUER: True}, {"0": ISSUER}, {"aud": ISSUER}, [ISSUER, 1], [ISSUER, None],
        [ISSUER, ["x"]], [None, ISSUER], "https://other.example", ["https://other.example"],
        ["https://other.example", "https://third.example"], ISSUER + "/", ISSUER + " ",
        " " + ISSUER, ISSUER + "\x00", ISSUER.upper(), ISSUER[:-1], ISSUER[1:], ISSUER[8:],
        ISSUER.replace("https", "http"), ISSUER + ":443", ISSUER + "/tasks", "*",
        f"{ISSUER},https://other.example", f"{ISSUER} https://other.example", f'["{ISSUER}"]',
        [ISSUER + "/"], [ISSUER.upper()], ["*"], "better-auth:session-cache",
        ["better-auth:session-cache"], ACCESS_ISSUER, "some-client-id", "null", "undefined",
    ]  # fmt: skip
    for value in wrong:
        yield forgery(f"aud {value!r}", good(aud=value))


@family()
def subjects() -> Iterator[Attempt]:
    yield control("one character", good(sub="a"))
    yield control("255 characters", good(sub="\U0001f600" * 255))
    yield control("spaces, slashes, other scripts", good(sub="a b/\u00e9\u0416 \u4e2d?#%"))
    yield forgery("missing", good(sub=...))
    wrong: list[Any] = [
        None, "", 0, 1, -1, 1.5, True, False, [], [USER], {}, {"sub": USER}, {"$ne": None},
        "a" * 256, "a" * 1000, "\U0001f600" * 256, "\ud800", "\udfff", USER + "\ud800",
        "\udc00\ud800", 10**30,
    ]  # fmt: skip
    for value in wrong:
        name = f"{str(value)[:20]!r}, {len(str(value))} long, {type(value).__name__}"
        yield forgery(f"sub {name}", good(sub=value))
    for code in (*range(32), *range(127, 160)):
        yield forgery(f"sub with U+{code:04X}", good(sub=f"{USER}{chr(code)}"))
    for code in (0, 9, 10, 13, 27, 127, 133):
        yield forgery(f"sub begins with U+{code:04X}", good(sub=f"{chr(code)}{USER}"))
        yield forgery(f"sub is U+{code:04X}", good(sub=chr(code)))
    for other in ("id", "email", "user_id", "uid", "userId"):
        yield forgery(f"no sub but {other}", good(sub=..., **{other: USER}))


@family()
def twice_told() -> Iterator[Attempt]:
    yield control("each once", good())
    maker = issuer_key("EdDSA")
    body = json.dumps(claims())[1:-1]
    other = {
        "sub": "somebody-else", "iss": "https://evil.example", "aud": "https://other.example",
        "exp": NOW - 1000, "iat": NOW + 1000, "name": "Eve", "nbf": NOW,
    }  # fmt: skip
    for name, value in other.items():
        again = json.dumps({name: value})[1:-1]
        yield forgery(f"{name} first", signed(header(), f"{{{again}, {body}, {again}}}", maker))
        yield forgery(f"{name} last", signed(header(), f"{{{body}, {again}, {again}}}", maker))
        same = json.dumps({name: claims().get(name, value)})[1:-1]
        yield forgery(f"{name} the same", signed(header(), f"{{{same}, {body}, {same}}}", maker))
    spelled = body + ', "s\\u0075b": "somebody-else"'
    yield forgery("sub spelled another way", signed(header(), f"{{{spelled}}}", maker))
    nested = body + ', "extra": {"a": 1, "a": 2}'
    yield forgery("twice inside another", signed(header(), f"{{{nested}}}", maker))
    head = json.dumps(header())[1:-1]
    for again in (
        '"alg": "none"',
        '"alg": "EdDSA"',
        '"alg": "HS256"',
        '"kid": "x"',
        '"typ": "JWT"',
    ):
        for order in (f"{{{head}, {again}, {again}}}", f"{{{again}, {head}, {again}}}"):
            yield forgery(f"header {order[:20]}... {again}", signed(order, claims(), maker))


@family()
def other_kinds() -> Iterator[Attempt]:
    yield control("no typ, as Better Auth", good())
    yield control("JWT", good(head=header(typ="JWT")))
    yield control("jwt", good(head=header(typ="jwt")))
    wrong: list[Any] = [
        "better-auth.session-cache+jwt", "at+jwt", "AT+JWT", "application/at+jwt", "id+jwt",
        "logout+jwt", "dpop+jwt", "secevent+jwt", "kb+jwt", "dc+sd-jwt", "oauth-authz-req+jwt",
        "client-authentication+jwt", "token-introspection+jwt", "JWE", "JOSE", "JOSE+JSON", "JWS",
        "", " ", "JWT ", " JWT", "JWT\x00", "application/jwt", "text/plain", "J\u0174T", "jwt+jwt",
        None, 0, 1, True, [], ["JWT"], {}, {"typ": "JWT"},
    ]  # fmt: skip
    for value in wrong:
        yield forgery(f"typ {value!r}", good(head=header(typ=value)))
    cookie = claims(aud="better-auth:session-cache", session={"id": "s"}, user={"id": USER})
    for typ in ("better-auth.session-cache+jwt", "JWT"):
        head = header(typ=typ)
        yield forgery(f"session cache as {typ}", signed(head, cookie, issuer_key("EdDSA")))
    yield forgery("session cache for us", good(head=header(typ="better-auth.session-cache+jwt")))
    for name, value in {
        "nonce": "n-0S6_WzA2Mj",
        "at_hash": "x",
        "c_hash": "x",
        "s_hash": "x",
    }.items():
        yield forgery(f"id token with {name}", good(**{name: value}))
        yield forgery(f"id token with empty {name}", good(**{name: None}))
    yield forgery("id token of a client", good(aud="client-1", azp="client-1", iss=ACCESS_ISSUER))
    yield forgery("id token of a client, our issuer", good(aud="client-1", azp="client-1"))
    for value in ({"jkt": "0ZcOCORZNYy"}, {"x5t#S256": "x"}, {}, None):
        yield forgery(f"bound to its sender by {value}", good(cnf=value))


@family(gate="access tokens")
def access_tokens() -> Iterator[Attempt]:
    right = {"iss": ACCESS_ISSUER, "scope": f"openid {SCOPE}", "azp": "client-1"}
    for typ in ("at+jwt", "AT+JWT", "application/at+jwt"):
        yield control(typ, good(head=header(typ=typ), **right))
    yield control("a plain token still comes in", good())
    head = header(typ="at+jwt")
    scopes: list[Any] = [
        "", "openid", SCOPE, "openid tasks:write2", "openid,tasks:write", None, 1, True, {},
        ["openid", SCOPE], f"OPENID {SCOPE}", f"openid\t{SCOPE}", f"openid\n{SCOPE}",
    ]  # fmt: skip
    for scope in scopes:
        yield forgery(f"scope {scope!r}", good(head=head, **right | {"scope": scope}))
    yield forgery("no scope", good(head=head, **right | {"scope": ...}))
    for issuer in (ISSUER, ACCESS_ISSUER + "/", ISSUER + "/api", ISSUER + "/API/AUTH", "", None):
        yield forgery(f"iss {issuer!r}", good(head=head, **right | {"iss": issuer}))
    yield forgery("without typ", good(**right))
    yield forgery("as a plain JWT", good(head=header(typ="JWT"), **right))
    others: list[Any] = ["client-1", ACCESS_ISSUER + "/oauth2/userinfo", [], None, ...]
    for audience in others:
        yield forgery(f"aud {audience!r}", good(head=head, **right | {"aud": audience}))
    yield forgery("bound to its sender", good(head=head, cnf={"jkt": "x"}, **right))
    yield forgery("without sub", good(head=head, **right | {"sub": ...}))
    yield forgery("expired", good(head=head, **right | {"exp": NOW - 31}))
    yield forgery("id token", good(head=head, nonce="x", **right))
    for typ in (
        "at+jwt ",
        "at-jwt",
        "at",
        "application/at+JWT;v=1",
        "text/at+jwt",
        "application/jwt",
    ):
        yield forgery(f"typ {typ!r}", good(head=header(typ=typ), **right))


@family(gate="secret")
def claims_under_a_shared_secret() -> Iterator[Attempt]:
    def made(**changes: Any) -> str:
        return with_secret({"alg": "HS256"}, claims(**changes), SECRET.encode())

    yield control("right", made())
    wrong: list[Any] = [None, "", [], {}, True, "x\x00"]
    for name in ("exp", "iss", "aud", "sub"):
        yield forgery(f"no {name}", made(**{name: ...}))
        for value in wrong:
            yield forgery(f"{name} {value!r}", made(**{name: value}))
    yield forgery("expired", made(exp=NOW - 30))
    yield forgery("not yet", made(nbf=NOW + 31))
    yield forgery("from the future", made(iat=NOW + 31))
    yield forgery("another audience", made(aud="https://other.example"))
    yield forgery("another issuer", made(iss="https://other.example"))
    for typ in ("at+jwt", "better-auth.session-cache+jwt", "JWE"):
        head = {"alg": "HS256", "typ": typ}
        yield forgery(f"typ {typ}", with_secret(head, claims(), SECRET.encode()))
