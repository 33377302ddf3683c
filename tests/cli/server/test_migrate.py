"""``flowkeys migrate``, and starts that must not do the same by themselves."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowkeys import bootstrap
from flowkeys.config import load
from flowkeys.domain.errors import ConfigurationError
from flowkeys.storage.sqlite.migrate import HEAD
from tests.cli.conftest import Cli
from tests.support.postgres import Postgres
from tests.support.template import upgrade_to

pytestmark = pytest.mark.of_sqlite("of the file; tests/cli/server/test_on_postgres.py has the other")


def refused(**settings: Any) -> str:
    """Return why a start is refused."""
    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(bootstrap.open_runtime(load(migrate=False, **settings)))
    return str(caught.value)


def test_an_old_schema_is_brought_up_to_date_when_somebody_says_so(run: Cli, tmp_path: Path) -> None:
    """Given FLOWKEYS_MIGRATE=false, a start refuses it, unchanged, and says what to do."""
    path = tmp_path / "data" / "flowkeys.db"
    environment = {"FLOWKEYS_DATA_DIR": str(path.parent), "FLOWKEYS_MIGRATE": "false"}
    assert "no schema yet" in refused(data_dir=path.parent)
    assert not path.exists()
    upgrade_to(path, "0020")
    assert "schema 0020" in (said := refused(data_dir=path.parent))
    assert "flowkeys migrate" in said
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == ("0020",)
    done = run("migrate", "--json", **environment)
    assert done.json == {"database": str(path), "before": "0020", "now": HEAD}
    assert "nothing to do" in run("migrate", **environment).out
    assert run("keys", "list", **environment).code == 0


def test_a_schema_is_made_where_there_is_none(run: Cli, tmp_path: Path, postgres: Postgres) -> None:
    """In a new data directory, and in an empty PostgreSQL database, whose password is not shown."""
    environment = {"FLOWKEYS_DATA_DIR": str(tmp_path / "data")}
    assert "before it had none" in run("migrate", **environment).out
    url = postgres.create()
    assert "no schema yet" in refused(data_dir=tmp_path / "data", database=url)
    environment["FLOWKEYS_DATABASE"] = url.replace("postgres@", "postgres:hunter2@")
    assert run("migrate", "--json", **environment).json == {"database": url, "before": None, "now": HEAD}
    assert run("migrate", "--json", **environment).json["before"] == HEAD
    postgres.drop(url)
