"""Forgeries that play with the key, the algorithm or the signature."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from unit.auth.families import Attempt, control, family, forgery
from unit.auth.workshop import (
    PUBLIC,
    SECRET,
    Maker,
    attacker_key,
    b64,
    claims,
    good,
    header,
    hmac_of,
    issuer_key,
    key_set,
    raw,
    sealed,
    signed,
    with_secret,
)

ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
ORDERS = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES512": int(
        "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa"
        "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
        16,
    ),
}


@family()
def unsigned() -> Iterator[Attempt]:
    yield control("EdDSA", good())
    signature = issuer_key("EdDSA").sign(b"anything")
    for letters in product(*(letter + letter.upper() for letter in "none")):
        name = "".join(letters)
        yield forgery(f"{name} without signature", sealed(header() | {"alg": name}, claims(), b""))
        yield forgery(f"{name} signed", sealed(header() | {"alg": name}, claims(), signature))
        yield forgery(f"{name} without kid", sealed({"alg": name}, claims(), b"\x00"))
    odd: list[Any] = [
        " none", "none ", "none\x00", "n\u043ene", "\uff4e\uff4f\uff4e\uff45", "nonee", "",
        " ", None, 0, 1, True, False, [], ["none"], ["EdDSA"], {}, {"alg": "EdDSA"}, 3.5,
        "EdDSA,none", "none,EdDSA", "null", "undefined", "-", "*",
    ]  # fmt: skip
    for value in odd:
        head = header() | {"alg": value}
        yield forgery(f"alg {value!r}, no signature", sealed(head, claims(), b""))
        yield forgery(f"alg {value!r}, well signed", signed(head, claims(), issuer_key("EdDSA")))
    without = {"kid": issuer_key("EdDSA").key_id}
    yield forgery("no alg, no signature", sealed(without, claims(), b""))
    yield forgery("no alg, well signed", signed(without, claims(), issuer_key("EdDSA")))


def public_forms(maker: Maker) -> Iterator[tuple[str, bytes]]:
    """Every form in which somebody may hold a public key, and feed it to an HMAC."""
    public, jwk = maker.public, maker.jwk()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ssh = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    yield "PEM", pem
    yield "PEM without line end", pem.rstrip()
    yield "PEM with CRLF", pem.replace(b"\n", b"\r\n")
    yield "PEM on one line", pem.replace(b"\n", b"")
    yield "PEM body", b"".join(pem.splitlines()[1:-1])
    yield "DER", der
    yield "SSH", ssh
    yield "SSH with comment", ssh + b" issuer@app\n"
    yield "JWK", json.dumps(jwk).encode()
    yield "JWK compact", json.dumps(jwk, separators=(",", ":")).encode()
    yield "JWK sorted", json.dumps(jwk, sort_keys=True).encode()
    yield "JWK set", key_set(maker)
    yield "kid", maker.key_id.encode()
    for member in ("x", "y", "n", "e"):
        if member in jwk:
            yield f"member {member}", jwk[member].encode()
    if maker.algorithm == "EdDSA":
        yield "raw", public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    if maker.algorithm.startswith("ES"):
        yield "point", public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        yield "short point", public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    if maker.algorithm[0] in "RP":
        yield "PKCS1 PEM", public.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
        yield "PKCS1 DER", public.public_bytes(Encoding.DER, PublicFormat.PKCS1)
        yield "modulus", public.public_numbers().n.to_bytes(256)


@family()
def public_key_as_shared_secret() -> Iterator[Attempt]:
    for algorithm in PUBLIC:
        maker = issuer_key(algorithm)
        yield control(algorithm, good(algorithm))
        for (form, secret), mac in product(public_forms(maker), ("HS256", "HS384", "HS512")):
            head = {"alg": mac, "kid": maker.key_id}
            yield forgery(
                f"{mac} with {algorithm} {form}", with_secret(head, claims(), secret, mac)
            )
            if mac == "HS256":
                yield forgery(
                    f"{mac} with {algorithm} {form}, no kid",
                    with_secret({"alg": mac}, claims(), secret, mac),
                )


@family(gate="secret")
def wrong_shared_secret() -> Iterator[Attempt]:
    head = {"alg": "HS256", "typ": "JWT"}
    yield control("the secret", with_secret(head, claims(), SECRET.encode()))
    yield control(
        "the secret, with a kid", with_secret(head | {"kid": "k"}, claims(), SECRET.encode())
    )
    near = {
        "empty": b"", "NUL": b"\x00", "a space behind": SECRET.encode() + b" ",
        "a line end behind": SECRET.encode() + b"\n", "upper case": SECRET.upper().encode(),
        "first 32": SECRET.encode()[:32], "the last byte less": SECRET.encode()[:-1],
        "base64": b64(SECRET).encode(), "hex": SECRET.encode().hex().encode(),
        "quoted": f'"{SECRET}"'.encode(), "UTF-16": SECRET.encode("utf-16"),
        "its name": b"TASKWELL_AUTH_SECRET", "secret": b"secret", "twice": SECRET.encode() * 2,
        "32 zero bytes": bytes(32), "null": b"null", "undefined": b"undefined",
    }  # fmt: skip
    for name, secret in near.items():
        yield forgery(f"secret: {name}", with_secret(head, claims(), secret))
    for mac in ("HS384", "HS512"):
        yield forgery(mac, with_secret({"alg": mac}, claims(), SECRET.encode(), mac))
        body = with_secret({"alg": "HS256"}, claims(), SECRET.encode(), mac)
        yield forgery(f"{mac} that says HS256", body)
    for name in ("hs256", "Hs256", "HS256 ", "HS-256", "HMAC", "none", "HS1"):
        yield forgery(f"alg {name}", with_secret({"alg": name}, claims(), SECRET.encode()))
    for cut in range(1, 32):
        whole = with_secret(head, claims(), SECRET.encode())
        message = whole.rpartition(".")[0].encode()
        tag = hmac_of(message, SECRET.encode())
        yield forgery(f"first {cut} bytes", f"{message.decode()}.{b64(tag[:cut])}")
    for algorithm in PUBLIC:
        yield forgery(f"signed by the issuer with {algorithm}", good(algorithm))
        maker = attacker_key(algorithm)
        head = {"alg": algorithm, "kid": maker.key_id}
        yield forgery(f"signed by an attacker with {algorithm}", signed(head, claims(), maker))
        for form, secret in public_forms(issuer_key(algorithm)):
            body = with_secret({"alg": "HS256"}, claims(), secret)
            yield forgery(f"HMAC with {algorithm} {form}", body)


@family()
def algorithm_and_key_of_different_families() -> Iterator[Attempt]:
    for named, used in product(PUBLIC, PUBLIC):
        if named == used:
            yield control(named, good(named))
            continue
        head = {"alg": named, "kid": issuer_key(used).key_id}
        yield forgery(f"{named}, kid and key of {used}", signed(head, claims(), issuer_key(used)))
        head = {"alg": named, "kid": issuer_key(named).key_id}
        yield forgery(f"{named}, key of {used}", signed(head, claims(), issuer_key(used)))
        head = {"alg": named, "kid": issuer_key(used).key_id}
        yield forgery(f"{named}, kid of {used}", signed(head, claims(), issuer_key(named)))
    for used in ("RS256", "PS256"):
        for other in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"):
            if other == used:
                continue
            maker = issuer_key(used)
            honest = {"alg": other, "kid": maker.key_id}
            yield forgery(f"{used} key, {other}", signed(honest, claims(), maker, other))
            head = header(used)
            yield forgery(f"{used} said, {other} used", signed(head, claims(), maker, other))
    for used, other in product(("ES256", "ES512"), ("ES256", "ES384", "ES512")):
        if other != used:
            maker = issuer_key(used)
            head = {"alg": other, "kid": maker.key_id}
            yield forgery(f"{used} key, hash of {other}", signed(head, claims(), maker, other))
            head = header(used)
            yield forgery(f"{used} said, hash of {other}", signed(head, claims(), maker, other))
    spellings = (
        "eddsa", "EDDSA", "EdDSA ", " EdDSA", "Ed25519", "Ed448", "ES256K", "ES521", "es256",
        "ED25519", "EdDSA\x00", "Ed DSA", "rs256", "ps256", "RS1", "RSA", "ECDSA", "X25519",
        "ECDH-ES", "RSA-OAEP", "dir", "A128KW", "ML-DSA-44", "HS256", "HS384", "HS512",
    )  # fmt: skip
    for name, algorithm in product(spellings, ("EdDSA", "RS256")):
        head = header(algorithm) | {"alg": name}
        yield forgery(
            f"{algorithm} called {name!r}", signed(head, claims(), issuer_key(algorithm), algorithm)
        )


@family()
def keys_that_the_token_brings() -> Iterator[Attempt]:
    for algorithm in PUBLIC:
        yield control(algorithm, good(algorithm))
        maker, issuer = attacker_key(algorithm), issuer_key(algorithm)
        pem = maker.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        brought = {
            "jwk": maker.jwk(),
            "jwk with the issuer's kid": maker.jwk() | {"kid": issuer.key_id},
            "jku": "https://evil.example/jwks",
            "jku of the issuer": "https://app.example.com/api/auth/jwks",
            "jku by userinfo": "https://app.example.com@evil.example/jwks",
            "jku of a file": "file:///etc/passwd",
            "x5u": "https://evil.example/cert.pem",
            "x5c": [b64(pem)],
        }
        for what, value in brought.items():
            member = what.split()[0]
            for kid in (maker.key_id, issuer.key_id, None):
                head = {"alg": algorithm, member: value} | ({"kid": kid} if kid else {})
                yield forgery(f"{algorithm} {what}, kid {kid}", signed(head, claims(), maker))
            head = header(algorithm, **{member: value})
            yield forgery(f"{algorithm} {what}, well signed", signed(head, claims(), issuer))
        yield forgery(
            f"{algorithm} issuer's own jwk", good(algorithm, header(algorithm, jwk=issuer.jwk()))
        )


@family()
def members_that_change_what_is_signed() -> Iterator[Attempt]:
    yield control("an unknown member is ignored", good(head=header(x5t="abc", hint=1)))
    members: dict[str, list[Any]] = {
        "crit": [["exp"], ["b64"], [], ["http://example.com/ext"], "exp", None, True],
        "b64": [False, True, None, "false", 0],
        "enc": ["A128GCM", "A256GCM", None],
        "zip": ["DEF", "GZIP", None],
        "cty": ["JWT", "jwt", "application/json", None],
        "jwk": [None, {}, "x"],
        "jku": [None, ""],
        "x5u": [None, ""],
        "x5c": [None, [], [""]],
    }
    for member, values in members.items():
        for value in values:
            head = header(**{member: value})
            yield forgery(f"{member} {value!r}, well signed", good(head=head))
            maker = attacker_key("EdDSA")
            yield forgery(f"{member} {value!r}, forged", signed(head, claims(), maker))
    head = header(crit=["b64"], b64=False)
    message = f"{b64(raw(head))}.".encode() + raw(claims())
    signature = issuer_key("EdDSA").sign(message)
    yield forgery("unencoded payload", f"{message.decode()}.{b64(signature)}")
    yield forgery("detached payload", f"{b64(raw(head))}..{b64(signature)}")


def short(value: object) -> str:
    return f"{ascii(value)[:60]} of {len(ascii(value))}"


@family()
def key_ids() -> Iterator[Attempt]:
    odd: list[Any] = [
        "' OR '1'='1", "'; DROP TABLE jwks; --", "x' UNION SELECT 'secret' --", "1 OR 1=1",
        '" OR ""="', "../../../../dev/null", "..\\..\\win.ini", "/dev/null", "/etc/passwd",
        "file:///dev/null", "https://evil.example/key", "http://169.254.169.254/latest",
        "$(id)", "`id`", "| id", "; id", "%00", "%2e%2e%2f", "\x00", "issuer-eddsa\x00",
        "issuer-eddsa\n", "issuer-eddsa ", " issuer-eddsa", "ISSUER-EDDSA", "issuer-edds",
        "issuer-eddsaa", "issuer_eddsa", "issuer-\u0435ddsa", "issuer-eddsa\u200b", "", " ",
        "0", "1", "-1", "null", "None", "undefined", "*", "%", "_", "{}", "[]", "${jndi:ldap://x}",
        "{{7*7}}", "<script>", "a" * 255, "a" * 256, "a" * 5000, "\ud800", "\u202e", "\r\nX: y",
        0, 1, -1, 1.5, True, False, None, [], ["issuer-eddsa"], {}, {"kid": "issuer-eddsa"},
    ]  # fmt: skip
    for algorithm in ("EdDSA", "RS256"):
        yield control(algorithm, good(algorithm))
        maker = attacker_key(algorithm)
        for value in odd:
            head = {"alg": algorithm, "kid": value}
            yield forgery(f"{algorithm} kid {short(value)}", signed(head, claims(), maker))
    yield control("no kid and one key that fits", good(head={"alg": "EdDSA"}))
    for algorithm in PUBLIC:
        head = {"alg": algorithm}
        yield forgery(f"{algorithm} no kid", signed(head, claims(), attacker_key(algorithm)))
    for value in ("\x00", 1, None, [], ["issuer-eddsa"], "a" * 256, "", "issuer-eddsa ", "\ud800"):
        head = {"alg": "EdDSA", "kid": value}
        token = signed(head, claims(), issuer_key("EdDSA"))
        yield forgery(f"well signed, kid {short(value)}", token)


@family()
def signatures_of_others() -> Iterator[Attempt]:
    for algorithm in PUBLIC:
        yield control(algorithm, good(algorithm))
        maker, issuer = attacker_key(algorithm), issuer_key(algorithm)
        yield forgery(f"{algorithm} another key", signed(header(algorithm), claims(), maker))
        head, body, signature = good(algorithm).split(".")
        other = good(algorithm, sub="somebody-else")
        yield forgery(f"{algorithm} other payload", f"{head}.{other.split('.')[1]}.{signature}")
        yield forgery(f"{algorithm} other signature", f"{head}.{body}.{other.split('.')[2]}")
        changed = b64(raw(header(algorithm, typ="JWT")))
        yield forgery(f"{algorithm} other header", f"{changed}.{body}.{signature}")
        swapped = f"{body}.{head}.{signature}"
        yield forgery(f"{algorithm} parts swapped", swapped)
        message = f"{head}.{body}".encode()
        for name, almost in {
            "the payload alone": body.encode(),
            "the header alone": head.encode(),
            "the JSON itself": raw(claims()),
            "one dot more": message + b".",
            "no dot": (head + body).encode(),
            "nothing": b"",
            "payload first": f"{body}.{head}".encode(),
            "a line end more": message + b"\n",
        }.items():
            token = f"{head}.{body}.{b64(issuer.sign(almost))}"
            yield forgery(f"{algorithm} signature of {name}", token)


@family()
def signatures_cut_and_stretched() -> Iterator[Attempt]:
    for algorithm in PUBLIC:
        yield control(algorithm, good(algorithm))
        head, body, _ = good(algorithm).split(".")
        signature = issuer_key(algorithm).sign(f"{head}.{body}".encode())
        size = len(signature)
        for name, changed in {
            "one byte less": signature[:-1],
            "the first byte less": signature[1:],
            "one zero more": signature + b"\x00",
            "one zero before": b"\x00" + signature,
            "one byte only": signature[:1],
            "half of it": signature[: size // 2],
            "the other half": signature[size // 2 :],
            "twice": signature * 2,
            "reversed": signature[::-1],
            "halves swapped": signature[size // 2 :] + signature[: size // 2],
            "zeros": bytes(size),
            "ones": b"\xff" * size,
            "the first half zero": bytes(size // 2) + signature[size // 2 :],
            "the second half zero": signature[: size // 2] + bytes(size // 2),
            "first bit": bytes([signature[0] ^ 0x80]) + signature[1:],
            "last bit": signature[:-1] + bytes([signature[-1] ^ 1]),
            "middle bit": signature[:20] + bytes([signature[20] ^ 4]) + signature[21:],
            "as text": b64(signature).encode(),
            "as hex": signature.hex().encode(),
        }.items():
            yield forgery(f"{algorithm} {name}", f"{head}.{body}.{b64(changed)}")


@family()
def signatures_by_arithmetic() -> Iterator[Attempt]:
    head, body, _ = good().split(".")
    signature = issuer_key("EdDSA").sign(f"{head}.{body}".encode())
    yield control("EdDSA", f"{head}.{body}.{b64(signature)}")
    scalar = int.from_bytes(signature[32:], "little")
    for times in range(1, 8):
        more = scalar + times * ED25519_ORDER
        if more < 2**256:
            moved = signature[:32] + more.to_bytes(32, "little")
            yield forgery(f"Ed25519, s + {times} L", f"{head}.{body}.{b64(moved)}")
    for point in (bytes([1]) + bytes(31), bytes(32), b"\xec" + b"\xff" * 30 + b"\x7f"):
        moved = point + bytes(32)
        yield forgery(f"Ed25519, small point {point[:1].hex()}", f"{head}.{body}.{b64(moved)}")
    for algorithm, order in ORDERS.items():
        yield from _ecdsa_arithmetic(algorithm, order)
    for algorithm in ("RS256", "PS256"):
        yield from _rsa_arithmetic(algorithm)


def _ecdsa_arithmetic(algorithm: str, order: int) -> Iterator[Attempt]:
    head, body, _ = good(algorithm).split(".")
    maker = issuer_key(algorithm)
    message = f"{head}.{body}".encode()
    signature = maker.sign(message)
    yield control(algorithm, f"{head}.{body}.{b64(signature)}")
    width = len(signature) // 2
    r, s = int.from_bytes(signature[:width]), int.from_bytes(signature[width:])
    top = 256**width - 1
    pairs = {
        "r and s 0": (0, 0), "r 0": (0, s), "s 0": (r, 0), "r and s 1": (1, 1),
        "r n": (order, s), "s n": (r, order), "both n": (order, order), "swapped": (s, r),
        "r n-1": (order - 1, s), "s n-1": (r, order - 1), "r mirrored": (order - r, s),
        "r + 1": (r + 1, s), "s + 1": (r, min(s + 1, top)), "r the top": (top, s),
    }  # fmt: skip
    if r + order <= top:
        pairs["r + n"] = (r + order, s)
    if s + order <= top:
        pairs["s + n"] = (r, s + order)
    for name, (one, two) in pairs.items():
        changed = one.to_bytes(width) + two.to_bytes(width)
        yield forgery(f"{algorithm} {name}", f"{head}.{body}.{b64(changed)}")
    der = encode_dss_signature(r, s)
    yield forgery(f"{algorithm} DER", f"{head}.{body}.{b64(der)}")
    wide = r.to_bytes(width + 1) + s.to_bytes(width + 1)
    yield forgery(f"{algorithm} wider numbers", f"{head}.{body}.{b64(wide)}")
    little = r.to_bytes(width, "little") + s.to_bytes(width, "little")
    yield forgery(f"{algorithm} little-endian", f"{head}.{body}.{b64(little)}")
    other: Any = {"ES256": hashes.SHA512, "ES512": hashes.SHA256}[algorithm]()
    der = maker.private.sign(message, ec.ECDSA(other))
    yield forgery(f"{algorithm} DER of another hash", f"{head}.{body}.{b64(der)}")


def _rsa_arithmetic(algorithm: str) -> Iterator[Attempt]:
    head, body, _ = good(algorithm).split(".")
    maker = issuer_key(algorithm)
    message = f"{head}.{body}".encode()
    signature = maker.sign(message)
    yield control(algorithm, f"{head}.{body}.{b64(signature)}")
    modulus = maker.public.public_numbers().n
    number = int.from_bytes(signature)
    for name, value in {
        "0": 0, "1": 1, "n - 1": modulus - 1, "n - s": modulus - number, "n": modulus,
        "s + 1": number + 1, "s squared": number * number % modulus,
    }.items():  # fmt: skip
        yield forgery(f"{algorithm} {name}", f"{head}.{body}.{b64(value.to_bytes(256))}")
    yield forgery(f"{algorithm} s + n", f"{head}.{body}.{b64((number + modulus).to_bytes(257))}")
    for salt in (0, 1, 20, 31, 33, 64, 222):
        salted = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
        changed = maker.private.sign(message, salted, hashes.SHA256())
        yield forgery(f"{algorithm} salt of {salt}", f"{head}.{body}.{b64(changed)}")
    mixed = padding.PSS(padding.MGF1(hashes.SHA512()), 32)
    changed = maker.private.sign(message, mixed, hashes.SHA256())
    yield forgery(f"{algorithm} another mask", f"{head}.{body}.{b64(changed)}")
    for digest in (hashes.SHA1(), hashes.SHA224(), hashes.SHA384(), hashes.SHA512()):
        changed = maker.private.sign(message, padding.PKCS1v15(), digest)
        yield forgery(f"{algorithm} PKCS1 {digest.name}", f"{head}.{body}.{b64(changed)}")
