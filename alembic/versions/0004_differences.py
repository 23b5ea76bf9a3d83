"""Differences: where the broker's positions and our holdings do not agree, and what the owner said of it.

Revision: 0004, after 0009.
"""

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "differences",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("venue", sa.String(length=8), nullable=False),
        sa.Column("exchange", sa.String(length=8), nullable=False),
        sa.Column("tradingsymbol", sa.String(length=64), nullable=False),
        sa.Column("product", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("net", sa.Integer(), nullable=True),
        sa.Column("traded", sa.Integer(), nullable=False),
        sa.Column("average_price", sa.String(length=40), nullable=True),
        sa.Column("last_price", sa.String(length=40), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_differences")),
    )
    with op.batch_alter_table("differences", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_differences_venue_state"), ["venue", "state"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("differences", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_differences_venue_state"))

    op.drop_table("differences")
