"""A database with a schema and nothing in it, made once and copied; and those of earlier versions."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy
from alembic import command
from alembic.config import Config

from flowkeys.storage.sqlite import migrate
from flowkeys.storage.sqlite.connection import connect


@cache
def empty_database() -> bytes:
    """Return the file of a new database."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        migrate.upgrade(path)
        return path.read_bytes()


def begin(data_dir: Path) -> None:
    """Make a data directory with an empty database, unless it is there: as a first start, but at once."""
    if not data_dir.exists():
        data_dir.mkdir(mode=0o700, parents=True)
        path = data_dir / "flowkeys.db"
        path.touch(mode=0o600)
        path.write_bytes(empty_database())


def upgrade_to(path: Path, revision: str) -> None:
    """Bring the database at `path`, new or old, to one revision of the schema."""
    engine = sqlalchemy.create_engine(
        "sqlite://", creator=lambda: connect(path), poolclass=sqlalchemy.NullPool
    )
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parents[1] / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
