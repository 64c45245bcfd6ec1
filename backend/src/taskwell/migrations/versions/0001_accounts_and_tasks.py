"""accounts and tasks"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BYTEWISE = sa.Text(collation="C")
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("user_id", _BYTEWISE, nullable=False),
        sa.Column("epoch", _BYTEWISE, nullable=False),
        sa.Column("rev", sa.BigInteger, nullable=False),
        sa.Column("live", sa.Integer, nullable=False),
        sa.Column("last_order", sa.BigInteger, nullable=False),
        sa.Column("purged_rev", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("created_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("user_id", name="account_pkey"),
        sa.CheckConstraint(
            "char_length(user_id) BETWEEN 1 AND 255", name=op.f("account_user_id_check")
        ),
        sa.CheckConstraint("rev >= 0", name=op.f("account_rev_check")),
        sa.CheckConstraint("live >= 0", name=op.f("account_live_check")),
        sa.CheckConstraint("purged_rev BETWEEN 0 AND rev", name=op.f("account_purged_rev_check")),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "task",
        sa.Column("user_id", _BYTEWISE, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("folded", _BYTEWISE, nullable=False),
        sa.Column("completed", sa.Boolean, nullable=False),
        sa.Column("order", sa.BigInteger, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.Column("completed_at", _MOMENT),
        sa.Column("deleted_at", _MOMENT),
        sa.Column("rev", sa.BigInteger, nullable=False),
        sa.Column("text_rev", sa.BigInteger, nullable=False),
        sa.Column("completed_rev", sa.BigInteger, nullable=False),
        sa.Column("order_rev", sa.BigInteger, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id", name="task_pkey"),
        sa.UniqueConstraint("user_id", "rev", name="task_user_id_rev_key"),
        sa.CheckConstraint("char_length(text) BETWEEN 1 AND 500", name=op.f("task_text_check")),
        sa.CheckConstraint(
            '"order" BETWEEN -9007199254740991 AND 9007199254740991',
            name=op.f("task_order_check"),
        ),
        sa.CheckConstraint(
            "completed = (completed_at IS NOT NULL)", name=op.f("task_completed_check")
        ),
        sa.CheckConstraint(
            "isfinite(created_at) AND isfinite(updated_at)"
            " AND isfinite(completed_at) AND isfinite(deleted_at)",
            name=op.f("task_times_check"),
        ),
        sa.CheckConstraint(
            "rev >= greatest(text_rev, completed_rev, order_rev)", name=op.f("task_rev_check")
        ),
    )
    op.create_index(
        "task_user_id_order_id_idx",
        "task",
        ["user_id", "order", "id"],
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
