"""Guards: the stop and target around each holding; the orders that belong to one.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "guards",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("holding", sa.String(length=40), nullable=False),
        sa.Column("venue", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("stop", sa.String(length=40), nullable=True),
        sa.Column("target", sa.String(length=40), nullable=True),
        sa.Column("stop_trigger", sa.String(length=40), nullable=True),
        sa.Column("stop_limit", sa.String(length=40), nullable=True),
        sa.Column("target_trigger", sa.String(length=40), nullable=True),
        sa.Column("target_limit", sa.String(length=40), nullable=True),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("trigger_id", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("wanted_at", sa.BigInteger(), nullable=False),
        sa.Column("placing_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["holding"], ["intents.id"], name=op.f("fk_guards_holding")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guards")),
        sa.UniqueConstraint("venue", "trigger_id", name=op.f("uq_guards_venue_trigger_id")),
    )
    with op.batch_alter_table("guards", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_guards_holding"), ["holding"], unique=False)
        batch_op.create_index(batch_op.f("ix_guards_state"), ["state"], unique=False)

    with op.batch_alter_table("intents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trigger_price", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("guard_id", sa.String(length=48), nullable=True))
        batch_op.create_index(batch_op.f("ix_intents_guard_id"), ["guard_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("intents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_intents_guard_id"))
        batch_op.drop_column("guard_id")
        batch_op.drop_column("trigger_price")

    with op.batch_alter_table("guards", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_guards_state"))
        batch_op.drop_index(batch_op.f("ix_guards_holding"))

    op.drop_table("guards")
