"""The schema that a new database gets at once is the one that all migrations make."""

from pathlib import Path

from flowkeys.storage.sqlite import migrate
from scripts.write_schema import whole


def test_the_schema_is_written_down_as_all_migrations_make_it(tmp_path: Path) -> None:
    """Who adds a migration, or rebases one, writes it anew."""
    text = whole(tmp_path / "migrated.db")
    assert text.startswith(f"-- {migrate.HEAD}\n")
    assert migrate.WHOLE.read_text("utf-8") == text, "run: .venv/bin/python scripts/write_schema.py"
