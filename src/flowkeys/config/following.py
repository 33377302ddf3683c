"""The settings of what is kept in memory, of how changes reach it, and of what is kept of them."""

from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from flowkeys.client.http.environment import expanded
from flowkeys.config.database import database_of, is_postgres

JOURNAL: Final = "revocations.journal"
"""What is called so beside a database says what took access away."""


class FollowingSettings(BaseSettings):
    """A part of the server's settings."""

    database_direct: SecretStr | None = Field(
        default=None,
        description="The same PostgreSQL database without the pooler (PgBouncer) that "
        "`FLOWKEYS_DATABASE` leads to: changes are heard and keys looked up on three connections of a"
        " process's own. Needed behind a pooler in transaction mode, where notifications do not "
        "arrive.",
    )
    revocation_bound_ms: int | None = Field(
        default=None,
        ge=20,
        le=60_000,
        description="Within how many milliseconds a change, such as a revocation, holds in every "
        "process. Unless set, 20 with a file, and 2000 with PostgreSQL, where it is mostly below one "
        "and at most that: [operations](operations.md#revocation).",
    )
    stale_seconds: int = Field(
        default=0,
        ge=0,
        le=86_400,
        description="How long keys in memory are still accepted behind that bound while the "
        "database cannot be asked. A key that is revoked meanwhile is accepted as long; each such "
        "call is counted (`flowkeys_stale_acceptances_total`) and the first of an outage logged.",
    )
    change_hours: int = Field(
        default=72,
        ge=1,
        le=8760,
        description="After so many hours rows of the [feed of changes](operations.md#the-feed-of-changes) "
        "are deleted. A server, or a program with the library, that was held up for longer forgets all that "
        "it has in memory, and reads it anew.",
    )
    revocation_journal: Path | None = Field(
        default=None,
        description="The file that says, outside the database, what took access away, so that [no older "
        "backup brings it back](operations.md#what-was-revoked-after-a-backup): `revocations.journal` in the "
        "data directory, or beside the database file, unless set. It has to outlive the server: on a disk of "
        "its own, where a container's is thrown away. Each machine needs its own.",
    )
    cached_keys: int = Field(
        default=2**20,
        ge=1,
        description="How many keys are kept in memory for verification, about 400 bytes each. Keys "
        "beyond that are read from the database when they are used, and then guesses cost a look-up "
        "too.",
    )

    @field_validator("revocation_journal", mode="after")
    @classmethod
    def _journal(cls, value: Path | None) -> Path | None:
        if value is None:
            return None
        return expanded(value, "Set FLOWKEYS_REVOCATION_JOURNAL to the whole path.").absolute()

    @field_validator("database_direct", mode="after")
    @classmethod
    def _direct(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        url = database_of(value.get_secret_value())
        if not is_postgres(url):
            raise ValueError(
                "give the URL of a PostgreSQL database: postgresql://USER:PASSWORD@HOST/DATABASE"
            )
        return SecretStr(url)

    @property
    def direct_url(self) -> str | None:
        """The URL of the PostgreSQL database without a pooler, with its password, if there is one."""
        return None if self.database_direct is None else self.database_direct.get_secret_value()
