"""What is said where the database is PostgreSQL, which has tools of its own."""

from flowkeys.cli.failures import Refusal
from flowkeys.config import Settings
from flowkeys.config.database import without_password


def refuse_postgres(settings: Settings, command: str) -> None:
    """Name the tools to use.

    Raises:
        Refusal: the database is PostgreSQL.
    """
    if settings.database_url is None:
        return
    url = without_password(settings.database_url)
    how = {
        "backup": f"pg_dump --format=custom --file=FILE '{url}' (or pg_basebackup, for the whole server)",
        "restore": f"pg_restore --clean --if-exists --single-transaction --dbname='{url}' FILE",
    }[command]
    raise Refusal(
        "usage",
        f"flowkeys {command} is for a database in a file. The database is PostgreSQL, which has tools of its "
        f"own: {how}. docs/operations.md has all of it, under Backups.",
    )
