"""Looking whether the audit log of a data directory is as it was written."""

from pathlib import Path

from flowkeys.config import load
from flowkeys.domain.audit.chain import Head
from flowkeys.domain.audit.verification import Verified
from flowkeys.service.audit.checking import check_chain
from flowkeys.storage.postgres import health as of_postgres
from flowkeys.storage.secrets import secret_file
from flowkeys.storage.sqlite import health
from tests.support import databases


def verified(data_dir: Path, kept: Head | None = None, database: str | None = None) -> Verified:
    """Return what is found with the secret in the data directory, of another database if one is named."""
    settings = load(data_dir=data_dir)
    secrets = secret_file.known(settings.given_secret(), settings.secret_file)
    url = database or databases.url_of(data_dir)
    with health.snapshot(settings.database_file) if url is None else of_postgres.snapshot(url) as tx:
        return check_chain(tx, secrets, kept)


def assert_whole(data_dir: Path, database: str | None = None) -> int:
    """Expect the log to be whole; return how many rows it has."""
    found = verified(data_dir, database=database)
    assert found.fault is None
    assert found.unverified == ()
    return found.rows
