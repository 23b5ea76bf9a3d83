"""Intents are looked for by the time they were planned.

Revision: 0044, after 0034.
"""

from alembic import op

revision = "0044"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("intents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_intents_planned_at"), ["planned_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("intents", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_intents_planned_at"))
