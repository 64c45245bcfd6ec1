"""compatibility"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = op.create_table(
        "compatibility",
        sa.Column("oldest", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("oldest", name="compatibility_pkey"),
    )
    op.bulk_insert(table, [{"oldest": "0003"}])
