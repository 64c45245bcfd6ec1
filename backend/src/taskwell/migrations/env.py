"""Alembic's entry: on the connection it was given, or as SQL."""

from __future__ import annotations

from alembic import context

from taskwell.models.tables import Record

connection = context.config.attributes.get("connection")
if context.is_offline_mode():
    context.configure(
        dialect_name="postgresql", target_metadata=Record.metadata, literal_binds=True
    )
    with context.begin_transaction():
        context.run_migrations()
else:
    context.configure(connection=connection, target_metadata=Record.metadata)
    context.run_migrations()
