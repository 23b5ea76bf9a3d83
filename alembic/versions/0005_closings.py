"""Closings: what is being closed until it is flat, restarts or not; a line a position.

Revision: 0005, after 0006.
"""

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "closings",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("chosen", sa.Text(), nullable=True),
        sa.Column("whole_account", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("footer", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closings")),
    )
    with op.batch_alter_table("closings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_closings_state"), ["state"], unique=False)

    op.create_table(
        "closing_lines",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("closing_id", sa.String(length=40), nullable=False),
        sa.Column("venue", sa.String(length=8), nullable=False),
        sa.Column("strategy", sa.String(length=64), nullable=False),
        sa.Column("tradingsymbol", sa.String(length=64), nullable=False),
        sa.Column("product", sa.String(length=8), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("remaining", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("kite", sa.Integer(), nullable=True),
        sa.Column("kite_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["closing_id"], ["closings.id"], name=op.f("fk_closing_lines_closing_id")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_closing_lines")),
        sa.UniqueConstraint(
            "closing_id",
            "venue",
            "strategy",
            "tradingsymbol",
            "product",
            name=op.f("uq_closing_lines_closing_id_venue_strategy_tradingsymbol_product"),
        ),
    )


def downgrade() -> None:
    op.drop_table("closing_lines")
    with op.batch_alter_table("closings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_closings_state"))
    op.drop_table("closings")
