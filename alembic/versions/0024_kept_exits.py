"""Exits that could not go out: kept until they can, or until the owner says what is to become of them.

Revision: 0024, after 0014.
"""

import sqlalchemy as sa

from alembic import op

revision = "0024"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_exits",
        sa.Column("alert_id", sa.String(length=32), nullable=False),
        sa.Column("venue", sa.String(length=8), nullable=False),
        sa.Column("strategy", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.Column("sent_as", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_kept_exits_alert_id")),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_kept_exits")),
    )
    with op.batch_alter_table("kept_exits", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kept_exits_state"), ["state"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("kept_exits", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_kept_exits_state"))

    op.drop_table("kept_exits")
