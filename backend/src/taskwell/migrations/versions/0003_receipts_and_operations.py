"""receipts and operations"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BYTEWISE = sa.Text(collation="C")


def _created_at() -> sa.Column[object]:
    return sa.Column(
        "created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
    )


def upgrade() -> None:
    op.create_table(
        "receipt",
        sa.Column("user_id", _BYTEWISE, nullable=False),
        sa.Column("key", _BYTEWISE, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("etag", sa.Text),
        sa.Column("location", sa.Text),
        sa.Column("body", sa.Text, nullable=False),
        _created_at(),
        sa.PrimaryKeyConstraint("user_id", "key", name="receipt_pkey"),
        sa.CheckConstraint("char_length(key) BETWEEN 1 AND 255", name=op.f("receipt_key_check")),
        sa.CheckConstraint("status BETWEEN 200 AND 299", name=op.f("receipt_status_check")),
    )
    op.create_index("receipt_created_at_idx", "receipt", ["created_at"])
    op.create_table(
        "operation",
        sa.Column("user_id", _BYTEWISE, nullable=False),
        sa.Column("op_id", sa.Uuid, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("rev", sa.BigInteger, nullable=False),
        _created_at(),
        sa.PrimaryKeyConstraint("user_id", "op_id", name="operation_pkey"),
    )
    op.create_index("operation_created_at_idx", "operation", ["created_at"])
    # Only tombstones are in it: what the purge walks along, oldest first.
    op.create_index(
        "task_deleted_at_idx",
        "task",
        ["deleted_at"],
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )
