"""Timed jobs as they ran; what the flags knew of it is not carried over but cleared away.

Revision: 0009, after 0002.
"""

import sqlalchemy as sa

from alembic import op

revision = "0009"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_runs",
        sa.Column("name", sa.String(length=48), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", "day", name=op.f("pk_job_runs")),
    )
    # An upgrade in the middle of a day may run one of its jobs again; each looks at what there is to do.
    op.execute("DELETE FROM flags WHERE name LIKE 'job:%'")


def downgrade() -> None:
    op.drop_table("job_runs")
