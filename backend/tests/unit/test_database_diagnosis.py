from __future__ import annotations

import ssl

import asyncpg
import pytest

from taskwell.database.diagnosis import advice_on


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (asyncpg.InvalidPasswordError("for ada"), "the user or the password"),
        (asyncpg.InvalidAuthorizationSpecificationError("ada"), "the user or the password"),
        (asyncpg.InvalidCatalogNameError("no tasks"), "no database of that name"),
        (asyncpg.TooManyConnectionsError("no"), "TASKWELL_POOL_SIZE"),
        (asyncpg.CannotConnectNowError("soon"), "try again"),
        (ssl.SSLCertVerificationError("self-signed"), "sslrootcert"),
        (TimeoutError(), "does not answer"),
        (ConnectionError('PostgreSQL server at "ada:5432" rejected SSL upgrade'), "speaks no TLS"),
        (ConnectionRefusedError(), "host and port"),
        (asyncpg.InternalClientError("ada"), "InternalClientError"),
    ],
)
def test_each_way_to_fail_has_its_advice(error: Exception, told: str) -> None:
    advice = advice_on(error)
    assert told in advice
    assert "ada" not in advice
