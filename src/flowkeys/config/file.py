"""``config.toml``: where it is, and what it says."""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

from flowkeys.client.http.environment import expanded, variable
from flowkeys.domain.errors import ConfigurationError

DEFAULT_DATA_DIR: Final = "~/.flowkeys"
NO_HOME: Final = "Set FLOWKEYS_DATA_DIR to a folder that lasts."
"""What to do where there is no home directory."""

_PLACE: Final = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)$")
_OTHER_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
"""With which a file in UTF-16 begins."""


def config_file() -> Path:
    """Return where the configuration file is, or would be.

    Raises:
        ConfigurationError: it is in a home directory that nobody knows.
    """
    named = variable("FLOWKEYS_CONFIG")
    if named:
        return expanded(named, "Correct FLOWKEYS_CONFIG.")
    return expanded(variable("FLOWKEYS_DATA_DIR") or DEFAULT_DATA_DIR, NO_HOME) / "config.toml"


def read(path: Path) -> dict[str, Any]:
    """Return what the file says; nothing when there is none. A setting that is "" is not set.

    Raises:
        ConfigurationError: it is no TOML (https://toml.io/en/v1.0.0). No value is shown: one may be a secret.
        OSError: it cannot be read.
    """
    if not path.is_file():
        return {}
    data = path.read_bytes()
    if data.startswith(_OTHER_MARKS):
        raise ConfigurationError(f"{path} is written in UTF-16. Save it as UTF-8.")
    try:
        found = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path} is not UTF-8: see line {line}. Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is no TOML: see {_place(error)}.") from None
    return {name: value for name, value in found.items() if not _is_blank(value)}


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def _place(error: tomllib.TOMLDecodeError) -> str:
    """Return where reading stopped; the rest of the message may quote the file."""
    found = _PLACE.search(str(error))
    is_twice = str(error).startswith("Cannot ")  # declare, mutate or overwrite what is there already
    why = ", where a name is given a second time" if is_twice else ""
    if found is None or found[1] is None:
        return f"its last line{why}" if is_twice else "its end, where something is left open"
    return f"line {found[1]}, column {found[2]}{why}"
