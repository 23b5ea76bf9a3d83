"""An alert that has an id of its own is known by it, and needs no hash of its body; an array's are numbered.

Revision: 0054, after 0044.
"""

import sqlalchemy as sa

from alembic import op

revision = "0054"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.alter_column("body_hash", existing_type=sa.String(length=64), nullable=True)
        batch_op.add_column(sa.Column("part", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    # An older Manjha looks for the same body within 25 seconds; an alert with an id is not among those.
    op.execute("UPDATE alerts SET body_hash = id WHERE body_hash IS NULL")
    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.drop_column("part")
        batch_op.alter_column("body_hash", existing_type=sa.String(length=64), nullable=False)
