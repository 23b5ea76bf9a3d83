"""Shorts: which way a holding was opened.

Revision: 0034, after 0008.
"""

import sqlalchemy as sa

from alembic import op

revision = "0034"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("holdings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("side", sa.String(length=4), nullable=False, server_default="BUY"))


def downgrade() -> None:
    with op.batch_alter_table("holdings", schema=None) as batch_op:
        batch_op.drop_column("side")
