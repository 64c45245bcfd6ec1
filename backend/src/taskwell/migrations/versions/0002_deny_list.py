"""deny list"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BYTEWISE = sa.Text(collation="C")


def upgrade() -> None:
    op.create_table(
        "denial",
        sa.Column("kind", _BYTEWISE, nullable=False),
        sa.Column("name", _BYTEWISE, nullable=False),
        sa.Column(
            "issued_before",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.func.now(),
        ),
        sa.PrimaryKeyConstraint("kind", "name", name="denial_pkey"),
        sa.CheckConstraint("kind IN ('user', 'key')", name=op.f("denial_kind_check")),
    )
