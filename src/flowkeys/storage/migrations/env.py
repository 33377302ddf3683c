"""Alembic's environment: runs on the connection that `migrate.upgrade` hands over."""

from alembic import context

from flowkeys.storage.schema import metadata
from flowkeys.storage.sqlite.ddl import FULL_TEXT_PREFIXES


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Leave full-text tables out of comparisons: FTS5 makes and keeps their shadow tables itself."""
    return not (kind == "table" and name is not None and name.startswith(FULL_TEXT_PREFIXES))


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_name=include_name,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
