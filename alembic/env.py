"""Alembic's environment: runs on the connection that `storage.migrations` hands over."""

from alembic import context
from storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    # The connection's own BEGIN covers all steps: a failing one leaves the old schema (facts: SQLite's DDL
    # is transactional once the driver's autocommit is out of the way).
    transactional_ddl=True,
)

with context.begin_transaction():
    context.run_migrations()
