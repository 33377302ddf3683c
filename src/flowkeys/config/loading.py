"""Reading the settings, and saying what is wrong with them without showing a value."""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

from pydantic import ValidationError

from flowkeys.client.http.environment import variable
from flowkeys.config import file
from flowkeys.config.database import has_password
from flowkeys.config.environment import PREFIX, shown
from flowkeys.config.file import config_file
from flowkeys.config.settings import Settings
from flowkeys.domain.errors import ConfigurationError, FlowkeysError
from flowkeys.storage.sqlite.access import of_file

LogFormat = Literal["auto", "json", "text"]


def load(**arguments: Any) -> Settings:
    """Return the settings; `arguments` win over the environment.

    Raises:
        ConfigurationError: a setting is wrong, or a file that holds model keys can be read by others.
    """
    try:
        settings = Settings(**arguments)
    except ValidationError as error:
        raise ConfigurationError(_explain(error)) from None
    except OSError as error:
        path = config_file()
        raise ConfigurationError(of_file(path) or f"{path} cannot be read: {error.strerror}.") from None
    path = config_file()
    holds_keys = any(item.api_key is not None for item in settings.credentials.values())
    written = file.read(path)
    holds_password = any(has_password(str(written.get(name, ""))) for name in ("database", "database_direct"))
    if (holds_keys or holds_password) and path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        what = "model keys" if holds_keys else "the password of a database"
        raise ConfigurationError(f"The file holds {what}, and others may read it. Run: chmod 600 {path}")
    return settings


def log_format() -> LogFormat:
    """Return how to log what is wrong with the settings: as they say, as far as they can be read."""
    found: Any = variable(f"{PREFIX}LOG_FORMAT")
    if found is None:
        try:
            found = file.read(config_file()).get("log_format")
        except (FlowkeysError, OSError):
            found = None
    return cast("LogFormat", found) if found in get_args(LogFormat) else "auto"


def _explain(error: ValidationError) -> str:
    """Return what is wrong, without the values: one of them may be a secret."""
    path = config_file()
    problems = [_problem(item, path) for item in error.errors(include_input=False, include_url=False)]
    return "The configuration is wrong. " + "; ".join(problems)


def _problem(item: Mapping[str, Any], path: Path) -> str:
    setting, *inside = (str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden" and not inside:
        return f"{setting} in {path} is not a setting"
    said = item["msg"].removeprefix("Value error, ")
    if inside:
        setting = f"{setting}: {'.'.join(inside)}"
    elif variable(PREFIX + setting.upper()):
        setting = shown(setting)
    return f"{setting}: {said}"
