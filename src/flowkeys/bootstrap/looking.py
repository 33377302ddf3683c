"""A look at the database that changes nothing in it, whichever it is."""

from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from flowkeys.config import Settings
from flowkeys.config.database import without_password
from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.storage.sqlite import health
from flowkeys.storage.transaction import Tables

if TYPE_CHECKING:
    from flowkeys.storage.audit.comparing import Compared


class Look:
    """What commands ask of a database that no server need have open."""

    def __init__(self, settings: Settings) -> None:
        """Look at the database of these settings, when something is asked."""
        self._of: ModuleType = health
        self._place: Any = settings.database_file
        self.name = str(settings.database_file)
        """As people may see it."""
        self.url = settings.database_url
        """Of a PostgreSQL database; None: it is a file."""
        if self.url is not None:
            from flowkeys.storage.postgres import health as postgres

            self._of, self._place, self.name = postgres, self.url, without_password(self.url)

    def is_there(self) -> bool:
        """Tell whether there is a database; of one on a server, whether it has a schema.

        Raises:
            Unavailable: that server cannot be asked.
        """
        if self.url is None:
            return bool(self._place.exists())
        return self._of.check(self.url).revision is not None

    def snapshot(self) -> AbstractContextManager[Tables]:
        """Open it for reading only.

        Raises:
            Unavailable: it cannot be read.
        """
        found: AbstractContextManager[Tables] = self._of.snapshot(self._place)
        return found

    def beside(self, journal: Path, secrets: ServerSecrets, *, whole: bool) -> "Compared":
        """Compare it with a journal of revocations, of which without `whole` the end may do.

        Raises:
            Unavailable: it cannot be read.
            OSError: the journal cannot.
        """
        from flowkeys.storage.audit.comparing import compare

        found: Compared = self._of.compared(
            self._place, lambda raw, rows: compare(journal, raw, rows, secrets, whole=whole)
        )
        return found

    def require_current(self) -> None:
        """Raise `ConfigurationError` when the schema is not that of this version.

        Raises:
            Unavailable: it cannot be read.
        """
        self._of.require_current(self._place)

    def unreadable_keys(self) -> list[str]:
        """Return the ids of keys whose rows were spoilt by hand.

        Raises:
            Unavailable: it cannot be read.
        """
        found: list[str] = self._of.unreadable_keys(self._place)
        return found
