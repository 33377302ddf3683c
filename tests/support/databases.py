"""Databases of earlier versions, made by their migrations."""

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config

from flowkeys.storage.sqlite import migrate
from flowkeys.storage.sqlite.connection import connect


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
