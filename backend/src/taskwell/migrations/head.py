"""The revision that this version of the service needs; here, so that serving needs no Alembic."""

HEAD = "0004"
