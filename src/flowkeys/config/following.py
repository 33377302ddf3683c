"""The settings of what is kept in memory, and of how changes reach it."""

from pydantic import Field
from pydantic_settings import BaseSettings


class FollowingSettings(BaseSettings):
    """A part of the server's settings."""

    revocation_bound_ms: int | None = Field(
        default=None,
        ge=20,
        le=60_000,
        description="Within how many milliseconds a change, such as a revocation, holds in every process. "
        "Unless set, 20.",
    )
    cached_keys: int = Field(
        default=2**20,
        ge=1,
        description="Keys that are kept in memory for verification, about 400 bytes each; others are read.",
    )
