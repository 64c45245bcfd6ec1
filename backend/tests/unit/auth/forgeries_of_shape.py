"""Forgeries that are no compact token at all, or one in a spelling that only a lax reader takes."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from string import ascii_letters, digits
from typing import Any

from unit.auth.families import Attempt, control, family, forgery, headers
from unit.auth.workshop import (
    PUBLIC,
    attacker_key,
    b64,
    claims,
    good,
    header,
    issuer_key,
    raw,
    signed,
)

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LONGEST = 8192


@family()
def numbers_of_parts() -> Iterator[Attempt]:
    token = good()
    head, body, signature = token.split(".")
    yield control("three parts", token)
    for name, value in {
        "nothing but dots": "..", "one part": head, "a payload": body, "a signature": signature,
        "two parts": f"{head}.{body}", "signature cut off": f"{head}.{body}.",
        "no header": f".{body}.{signature}", "no payload": f"{head}..{signature}",
        "four parts": f"{token}.", "five parts": f"{token}..", "a dot before": f".{token}",
        "five full parts": f"{token}.{body}.{signature}", "header twice": f"{head}.{token}",
        "two tokens": f"{token}.{token}", "many dots": "." * 8000, "empty parts": "....",
        "a word": "token", "null": "null", "undefined": "undefined", "an object": "[object Object]",
        "a session token": "u5xK2mQ9vTnR7wYbL3cJ8hF4dS6gA1pE",
        "a signed session": "u5xK2mQ9vTnR7wYbL3cJ8hF4dS6gA1pE.Vb0Qx9mJ2sT4kL8nR6wY1zC3hF5dG7aE=",
        "Basic's content": b64encode(b"user:password").decode(), "a UUID": "0" * 36,
        "an API key": "sk_live_51H8x", "dots of another script": token.replace(".", "\uff0e"),
        "dots as %2E": token.replace(".", "%2E"), "slashes": token.replace(".", "/"),
    }.items():  # fmt: skip
        yield forgery(name, value)


@family()
def encrypted_and_nested() -> Iterator[Attempt]:
    token = good()
    head, body, signature = token.split(".")
    yield control("signed only", token)
    for algorithm in ("dir", "RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "A256KW", "PBES2-HS256+A128KW"):
        jwe = b64(json.dumps({"alg": algorithm, "enc": "A256GCM"}))
        yield forgery(
            f"JWE {algorithm}", f"{jwe}.{b64(b'k' * 32)}.{b64(b'i' * 12)}.{body}.{b64(b't' * 16)}"
        )
        three = {"alg": algorithm, "enc": "A256GCM", "kid": issuer_key("EdDSA").key_id}
        yield forgery(f"JWE {algorithm} in 3 parts", signed(three, claims(), issuer_key("EdDSA")))
    for algorithm in PUBLIC:
        maker = issuer_key(algorithm)
        inner = good(algorithm)
        yield forgery(f"{algorithm} nested", signed(header(algorithm), inner, maker))
        quoted = json.dumps(inner)
        yield forgery(f"{algorithm} nested as text", signed(header(algorithm), quoted, maker))
        outer = header(algorithm, cty="JWT")
        yield forgery(f"{algorithm} nested, cty", signed(outer, inner, maker))
        outside = signed(header(algorithm), inner, attacker_key(algorithm))
        yield forgery(f"{algorithm} nested in a forged one", outside)
    flat = {"protected": head, "payload": body, "signature": signature}
    general = {"payload": body, "signatures": [{"protected": head, "signature": signature}]}
    loose = {"header": header(), "payload": body, "signature": signature}
    for name, form in {"flattened": flat, "general": general, "unprotected": loose}.items():
        yield forgery(f"JSON {name}", json.dumps(form))
        yield forgery(f"JSON {name}, compact", json.dumps(form, separators=(",", ":")))
        yield forgery(f"JSON {name}, base64url", b64(json.dumps(form)))
    yield forgery("the claims alone", json.dumps(claims()))


@family()
def base64_in_other_spellings() -> Iterator[Attempt]:
    for algorithm in ("EdDSA", "ES512", "RS256"):
        for pad in range(3):
            token = good(algorithm, header(algorithm, x="y" * pad), name="n" * pad)
            yield control(f"{algorithm}, {pad} more", token)
            parts = token.split(".")
            for place, name in enumerate(("header", "payload", "signature")):
                for spelling, changed in _spellings(parts[place]):
                    whole = ".".join([*parts[:place], changed, *parts[place + 1 :]])
                    yield forgery(f"{algorithm} {pad} {name} {spelling}", whole)


def _spellings(part: str) -> Iterator[tuple[str, str]]:
    """The same bytes for a lax reader, in other characters."""
    data = urlsafe_b64decode(part + "==")
    padded = urlsafe_b64encode(data).decode()
    if padded != part:
        yield "padded", padded
        yield "half padded", part + "="
    yield "over-padded", part + "===="
    standard = b64encode(data).decode().rstrip("=")
    if standard != part:
        yield "standard alphabet", standard
    if len(part) % 4:
        last = ALPHABET.index(part[-1])
        for bit in (1, 2, 3) if len(part) % 4 == 3 else (1, 2, 4, 8, 15):
            yield f"unused bits {bit}", part[:-1] + ALPHABET[last | bit]
    yield "a space inside", part[:5] + " " + part[5:]
    yield "a line end inside", part[:8] + "\n" + part[8:]
    yield "a stray character", part[:4] + "!" + part[4:]
    yield "one character more", part + "A"
    yield "a NUL behind", part + "\x00"
    yield "hex", data.hex()


@family()
def signed_in_other_spellings() -> Iterator[Attempt]:
    """The issuer itself signs a spelling that is not canonical: still refused."""
    maker = issuer_key("EdDSA")
    yield control("canonical", good())
    for extra in range(3):
        head, body = b64(raw(header(x="y" * extra))), b64(raw(claims(name="n" * extra)))
        for name, (one, two) in {
            "padded header": (head + "=" * (-len(head) % 4 or 4), body),
            "padded payload": (head, body + "=" * (-len(body) % 4 or 4)),
            "spaced header": (head[:4] + " " + head[4:], body),
            "spaced payload": (head, body[:4] + " " + body[4:]),
            "line end in payload": (head, body + "\n"),
            "plain JSON header": (raw(header(x="y" * extra)).decode(), body),
            "plain JSON payload": (head, json.dumps(claims(name="n" * extra)).replace(".", "")),
            "standard alphabet": (head, body + "+/8="),
        }.items():
            signature = maker.sign(f"{one}.{two}".encode())
            yield forgery(f"{name}, {extra} more", f"{one}.{two}.{b64(signature)}")


@family()
def other_json() -> Iterator[Attempt]:
    maker = issuer_key("EdDSA")
    yield control(
        "with white space", signed(f" {json.dumps(header(), indent=2)}\n", claims(), maker)
    )
    yield control("escaped", signed(header(), json.dumps(claims()).replace("/", "\\/"), maker))
    for part in ("header", "payload"):
        whole = header() if part == "header" else claims()
        text = json.dumps(whole)
        variants: dict[str, Any] = {
            "empty": b"", "white space": b"  ", "null": "null", "true": "true", "a number": "1",
            "a string": json.dumps(text), "a list": f"[{text}]", "an empty list": "[]",
            "an empty object": "{}", "two objects": text + text, "an object and more": text + "x",
            "an object and NUL": text + "\x00", "a comma behind": text[:-1] + ",}",
            "a comma after": text + ",", "unclosed": text[:-1], "closed twice": text + "}",
            "single quotes": text.replace('"', "'"), "no quotes": text.replace('"', ""),
            "a comment": text[:-1] + "/* */}", "a line comment": text[:-1] + "//\n}",
            "a hash comment": text + "#", "a byte order mark": b"\xef\xbb\xbf" + text.encode(),
            "UTF-16": text.encode("utf-16"), "UTF-16 LE": text.encode("utf-16-le"),
            "UTF-16 BE": text.encode("utf-16-be"), "UTF-32": text.encode("utf-32"),
            "UTF-32 LE": text.encode("utf-32-le"), "UTF-7": b"+AHs-" + text[1:].encode(),
            "Latin-1": text[:-1].encode() + b', "x": "\xe9"}',
            "overlong UTF-8": text[:-1].encode() + b', "x": "\xc0\xaf"}',
            "a surrogate in UTF-8": text[:-1].encode() + b', "x": "\xed\xa0\x80"}',
            "NaN elsewhere": text[:-1] + ', "x": NaN}', "Infinity": text[:-1] + ', "x": Infinity}',
            "a raw line end": text[:-1] + ', "x": "\n"}', "a raw NUL": text[:-1] + ', "x": "\x00"}',
            "a bad escape": text[:-1] + ', "x": "\\x41"}',
            "half an escape": text[:-1] + ', "x": "\\u12"}',
            "a huge number": text[:-1] + f', "x": {"9" * 1500}}}',
            "octal": text[:-1] + ', "x": 010}',
            "deep lists": text[:-1] + ', "x": ' + "[" * 2500 + "]" * 2500 + "}",
            "deep lists, open": "[" * 5000, "deep objects": '{"a":' * 900 + "1" + "}" * 900,
            "YAML": "alg: EdDSA", "XML": "<alg>EdDSA</alg>", "a pair": "alg=EdDSA",
            "CBOR": b"\xa1\x01\x27", "gzip": b"\x1f\x8b\x08\x00", "NULs": bytes(64),
            "white space of another kind": "\u00a0" + text, "a form feed": "\x0c" + text,
        }  # fmt: skip
        for name, value in variants.items():
            head, body = (value, claims()) if part == "header" else (header(), value)
            yield forgery(f"{part}: {name}", signed(head, body, maker))


@family()
def too_long() -> Iterator[Attempt]:
    yield control("8192 bytes", _of_length(LONGEST))
    for size in (LONGEST + 1, LONGEST + 2, 9000, 10_240, 65_536, 1_000_000):
        yield forgery(f"{size} bytes, well signed", _of_length(size))
    yield forgery("a long header", good(head=header(x="y" * 9000)))
    yield forgery("a long kid", good(head=header() | {"kid": "k" * 10_000}))
    yield forgery("a long signature", good() + "A" * 9000)
    yield forgery("long and of one character", "A" * 10_000)


def _of_length(size: int) -> str:
    """Well signed, exactly so long: a part of base64url can't have every length."""
    for extra in ("", "y", "yy", "yyy"):
        head = header(x=extra)
        room = (size - len(good(head=head, pad=""))) * 3 // 4
        for more in range(room - 4, room + 5):
            if more >= 0 and len(token := good(head=head, pad="p" * more)) == size:
                return token
    raise AssertionError(f"no token of {size} bytes can be made")


@family()
def authorization_headers() -> Iterator[Attempt]:
    token, other = good(), good(sub="somebody-else")
    for scheme in ("Bearer", "bearer", "BEARER", "bEaReR"):
        yield headers(f"{scheme} in this case", f"{scheme} {token}", is_good=True)
    for scheme in (
        "Basic", "Digest", "DPoP", "JWT", "Token", "Negotiate", "Bearer:", "Bearer,", "Bearer=",
        "Bearers", "Beare", "BearerToken", "X-Bearer", '"Bearer"', "OAuth",
    ):  # fmt: skip
        yield headers(f"scheme {scheme}", f"{scheme} {token}")
    for name, value in {
        "no scheme": token, "no space": f"Bearer{token}", "two spaces": f"Bearer  {token}",
        "a tab": f"Bearer\t{token}", "a space before": f" Bearer {token}",
        "a space behind": f"Bearer {token} ", "a no-break space": f"Bearer\xa0{token}",
        "the scheme twice": f"Bearer Bearer {token}", "in quotes": f'Bearer "{token}"',
        "as a parameter": f'Bearer token="{token}"',
        "as access_token": f"Bearer access_token={token}",
        "two tokens": f"Bearer {token} {other}", "two with comma": f"Bearer {token},{other}",
        "two joined headers": f"Bearer {token}, Bearer {other}",
        "the same joined": f"Bearer {token}, Bearer {token}",
        "a semicolon": f"Bearer {token};", "CRLF": f"Bearer {token}\r\nX-User: root",
        "NUL behind": f"Bearer {token}\x00", "NUL before": f"Bearer \x00{token}",
        "angle brackets": f"Bearer <{token}>", "in braces": f"Bearer {{{token}}}",
        "high bytes": f"Bearer \xff{token}", "scheme in other letters": f"B\xe9arer {token}",
        "empty": "", "the scheme alone": "Bearer", "scheme and space": "Bearer ", "a space": " ",
    }.items():  # fmt: skip
        yield headers(name, value)
    yield headers("none at all")
    yield headers("the same twice", f"Bearer {token}", f"Bearer {token}")
    yield headers("two tokens in two headers", f"Bearer {token}", f"Bearer {other}")
    yield headers("a good one and an empty one", f"Bearer {token}", "")
    yield headers("an empty one and a good one", "", f"Bearer {token}")
    yield headers("a good one and Basic", f"Bearer {token}", "Basic dXNlcjpwYXNz")
    yield headers("Basic and a good one", "Basic dXNlcjpwYXNz", f"Bearer {token}")
    yield headers("three", *[f"Bearer {token}"] * 3)


@family()
def characters_around_and_inside() -> Iterator[Attempt]:
    token = good()
    yield control("bare", token)
    middle = len(token) // 2
    for character in sorted(set(map(chr, range(256))) - set(ascii_letters + digits + "-_")):
        code = f"U+{ord(character):04X}"
        yield forgery(f"{code} before", character + token)
        yield forgery(f"{code} behind", token + character)
        yield forgery(f"{code} inside", token[:middle] + character + token[middle:])
