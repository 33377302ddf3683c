"""A key for a model, as the operator writes it."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from flowkeys.client.http.environment import variable
from flowkeys.domain.errors import ConfigurationError


class Credential(BaseModel):
    """A key for a model, and the one address that it may be sent to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str
    api_key: SecretStr | None = None
    api_key_env: str | None = Field(default=None, description="The environment variable that holds the key.")

    @field_validator("api_key", "api_key_env", mode="before")
    @classmethod
    def _unset(cls, value: Any) -> Any:
        return None if isinstance(value, str) and not value.strip() else value

    def key(self) -> str:
        """Return the key.

        Raises:
            ConfigurationError: there is none, or the variable is not set.
        """
        if self.api_key is not None:
            return self.api_key.get_secret_value()
        found = variable(self.api_key_env) if self.api_key_env else None
        if not found:
            raise ConfigurationError(
                f"The credential for {self.base_url} needs api_key, "
                "or api_key_env naming an environment variable that is set."
            )
        return found
