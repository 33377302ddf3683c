"""Every setting, once, frozen.

Each comes from the environment (``FLOWKEYS_…``) or from the file ``config.toml`` in the data directory; the
environment wins. Their descriptions are the table in ``docs/configuration.md``, which
``scripts/write_configuration.py`` writes.
"""

from flowkeys.config.credential import Credential
from flowkeys.config.environment import CLIENT_VARIABLES, PREFIX, injected_variables, unknown_variables
from flowkeys.config.file import config_file
from flowkeys.config.loading import load, log_format
from flowkeys.config.settings import Settings

__all__ = [
    "CLIENT_VARIABLES",
    "PREFIX",
    "Credential",
    "Settings",
    "config_file",
    "injected_variables",
    "load",
    "log_format",
    "unknown_variables",
]
