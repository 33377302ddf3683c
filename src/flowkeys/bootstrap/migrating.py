"""Bringing the schema of a database up to date, as an operator asks for it."""

from typing import NamedTuple

from flowkeys.bootstrap.data_dir import make
from flowkeys.config import Settings
from flowkeys.config.database import without_password
from flowkeys.storage.sqlite import migrate as sqlite


class Migrated(NamedTuple):
    """What became of a schema."""

    database: str
    """Its path or URL, without a password."""
    before: str | None
    """The revision that it had; None: it had none."""
    now: str


def migrate(settings: Settings) -> Migrated:
    """Create or upgrade the schema.

    Raises:
        ConfigurationError: saying what the operator has to change.
    """
    if settings.database_url is not None:
        from flowkeys.storage.postgres import migrate as postgres

        before = postgres.found(settings.database_url)
        postgres.upgrade(settings.database_url)
        return Migrated(without_password(settings.database_url), before, sqlite.HEAD)
    make(settings)
    before = sqlite.found(settings.database_file)
    sqlite.upgrade(settings.database_file)
    return Migrated(str(settings.database_file), before, sqlite.HEAD)
