"""The algorithms that a signature may have, and the kind of key that each one is bound to."""

from __future__ import annotations

from jwt.algorithms import Algorithm, get_default_algorithms

HMAC = "HS256"

# What a JWK says of itself, as (kty, crv), and the algorithms that such a key can serve.
# An RSA key that does not name its algorithm fits both paddings; every other key fits one.
ALGORITHMS_OF_KEY: dict[tuple[str, str | None], tuple[str, ...]] = {
    ("OKP", "Ed25519"): ("EdDSA",),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-521"): ("ES512",),
    ("RSA", None): ("RS256", "PS256"),
}

PUBLIC_KEY_ALGORITHMS = frozenset(name for names in ALGORITHMS_OF_KEY.values() for name in names)

_known = get_default_algorithms()
IMPLEMENTATIONS: dict[str, Algorithm] = {
    name: _known[name] for name in (*sorted(PUBLIC_KEY_ALGORITHMS), HMAC)
}
