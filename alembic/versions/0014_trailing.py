"""Trailing stops: what an intent asks for, the price that a holding's stop follows, how often it was moved.

Revision: 0014, after 0005.
"""

import sqlalchemy as sa

from alembic import op

revision = "0014"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("intents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trailing_stop", sa.String(length=24), nullable=True))
    with op.batch_alter_table("holdings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("peak", sa.String(length=40), nullable=True))
    with op.batch_alter_table("guards", schema=None) as batch_op:
        batch_op.add_column(sa.Column("modifications", sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("guards", schema=None) as batch_op:
        batch_op.drop_column("modifications")
    with op.batch_alter_table("holdings", schema=None) as batch_op:
        batch_op.drop_column("peak")
    with op.batch_alter_table("intents", schema=None) as batch_op:
        batch_op.drop_column("trailing_stop")
