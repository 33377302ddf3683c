"""``python scripts/write_schema.py``: write what all migrations make, which a new database gets at once."""

import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

from flowkeys.storage.sqlite import migrate
from flowkeys.storage.sqlite.connection import connect

# Shadow tables are FTS5's to make, and what SQLite makes itself has no statement, or a name of its own.
_MADE: Final = """
    SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*'
    AND name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow') ORDER BY rowid
"""


def whole(path: Path) -> str:
    """Return the schema of a database that is made at `path`, migration after migration."""
    migrate.migrate(path)
    with closing(connect(path)) as raw:
        statements = [statement for (statement,) in raw.execute(_MADE)]
        (revision,) = raw.execute("SELECT version_num FROM alembic_version").fetchone()
    statements.append(f"INSERT INTO alembic_version VALUES ('{revision}')")  # noqa: S608 - a migration's name
    return f"-- {revision}\n" + "".join(f"{statement};\n" for statement in statements)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        migrate.WHOLE.write_text(whole(Path(folder) / "whole.db"), "utf-8")
