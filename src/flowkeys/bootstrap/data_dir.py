"""The data directory."""

from flowkeys.config import Settings
from flowkeys.domain.errors import ConfigurationError


def make(settings: Settings) -> None:
    """Make the data directory unless it is there.

    Raises:
        ConfigurationError: it cannot be made.
    """
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The data directory {settings.data_dir} cannot be made: {error.strerror}. Set FLOWKEYS_DATA_DIR."
        ) from error
