"""The variables that begin with ``FLOWKEYS_``: which are settings, and which others put there."""

import os
import re
from collections.abc import Iterable
from typing import Any, Final

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource

from flowkeys.client.http.environment import plain
from flowkeys.domain.errors import ConfigurationError

PREFIX: Final = "FLOWKEYS_"
CLIENT_VARIABLES: Final = frozenset({"FLOWKEYS_URL", "FLOWKEYS_API_KEY", "FLOWKEYS_TOKEN", "FLOWKEYS_CONFIG"})
"""Variables with the prefix that are not settings of the server."""

_QUOTES: Final = ('"', "'")
_READ_WHOLE: Final = "secret"
"""The setting whose text says by itself what may be in it: its quotes may have been signed under."""
_SERVICE_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://\S+", re.IGNORECASE)
_SERVICE_NAME: Final = re.compile(
    r"FLOWKEYS_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
"""What Kubernetes calls the variables of a Service whose name begins with ``flowkeys``, beside ``…_PORT``
(https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables)."""


def is_injected(name: str, value: str) -> bool:
    """Tell whether Kubernetes made a variable, of a Service that is named as we are.

    ``FLOWKEYS_PORT=tcp://10.96.12.7:3000`` is one, in every container of the namespace. No setting of ours
    has such a value, so whatever ends in ``_PORT`` and holds an address is none.
    """
    if _SERVICE_NAME.fullmatch(name) is not None:
        return True
    return name.endswith("_PORT") and _SERVICE_ADDRESS.fullmatch(value.strip()) is not None


def injected_variables() -> list[str]:
    """Return the variables that Kubernetes made."""
    return sorted(
        name for name, value in os.environ.items() if name.startswith(PREFIX) and is_injected(name, value)
    )


def unknown_variables(settings: Iterable[str]) -> list[str]:
    """Return variables that look like one of `settings` and are none: typing mistakes."""
    known = {PREFIX + name.upper() for name in settings} | CLIENT_VARIABLES
    return sorted(
        name
        for name, value in os.environ.items()
        if name.startswith(PREFIX) and name not in known and not is_injected(name, value)
    )


class Environment(EnvSettingsSource):
    """Reads settings from variables; an empty one is not set, and Kubernetes' own are not ours."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return what is meant by a setting's variable."""
        value, key, is_complex = super().get_field_value(field, field_name)
        if value is None or is_injected(PREFIX + field_name.upper(), value):
            return None, key, is_complex
        meant = plain(value)
        if field_name == _READ_WHOLE:
            return value if meant else None, key, is_complex
        return meant, key, is_complex

    def prepare_field_value(
        self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool
    ) -> Any:
        """Return the value, or what its JSON says.

        Raises:
            ConfigurationError: it is no JSON, or begins with a quote that does not end it.
        """
        if isinstance(value, str) and value[:1] in _QUOTES and field_name != _READ_WHOLE:
            raise ConfigurationError(
                f"The configuration is wrong. {shown(field_name)}: it begins with a quote, and does not end "
                "with one. Write the value without quotes."
            )
        try:
            return super().prepare_field_value(field_name, field, value, value_is_complex)
        except ValueError as error:
            column = getattr(error, "pos", None)
            where = "" if column is None else f" (character {column + 1})"
            raise ConfigurationError(
                f"The configuration is wrong. {shown(field_name)}: it has to be a JSON object, and is "
                f"none{where}. It is easier written in config.toml."
            ) from None


def shown(setting: str) -> str:
    """Return a setting's name as people find it: in the file, and in the environment."""
    return f"{setting} ({PREFIX}{setting.upper()})"
