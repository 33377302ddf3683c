"""Which backend a command works on: what the environment says."""

from collections.abc import Iterator
from contextlib import contextmanager

from flowkeys.cli.backends.backend import Backend
from flowkeys.cli.streams import note
from flowkeys.client.http.environment import variable
from flowkeys.domain.errors import ConfigurationError


@contextmanager
def open_backend(workspace: str | None = None, *, create: bool = False) -> Iterator[Backend]:
    """Open what the environment says: the server at ``FLOWKEYS_URL``, else the data directory.

    `create` lets a command that makes things make the data directory too.

    Raises:
        ConfigurationError: it cannot be opened, or a workspace is named for a server.
    """
    if variable("FLOWKEYS_URL"):
        if workspace is not None:
            raise ConfigurationError(
                "--workspace is for the data directory of this machine; over HTTP the key decides. "
                "Unset FLOWKEYS_URL, or leave --workspace out."
            )
        from flowkeys.cli.backends.remote import open_remote

        with open_remote() as remote:
            if variable("FLOWKEYS_DATA_DIR"):
                note(f"Using the server at {remote.address} (FLOWKEYS_URL), not FLOWKEYS_DATA_DIR.")
            yield remote
    else:
        from flowkeys.cli.backends.local import open_local

        with open_local(workspace, create=create) as local:
            yield local


def require_local(what: str) -> None:
    """Refuse a command that works on the data directory only.

    Raises:
        ConfigurationError: ``FLOWKEYS_URL`` is set.
    """
    if variable("FLOWKEYS_URL"):
        raise ConfigurationError(
            f"{what} works on the data directory of the server's own machine. "
            "Run it there, without FLOWKEYS_URL."
        )
