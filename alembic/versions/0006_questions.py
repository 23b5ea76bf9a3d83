"""Questions that can change: the version of a card, why it was asked once more, what the market looked like.

Revision: 0006, after 0004.
"""

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("note", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("figures", sa.Text(), nullable=True))

    with op.batch_alter_table("intents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("asked_premium", sa.String(length=40), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("intents", schema=None) as batch_op:
        batch_op.drop_column("asked_premium")

    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.drop_column("figures")
        batch_op.drop_column("note")
        batch_op.drop_column("version")
