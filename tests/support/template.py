"""A database with a schema and nothing in it: made once for a process, and copied where a test needs one."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from flowkeys.storage.sqlite import migrate


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
