"""Small answers of the open routes."""

from typing import Literal

from flowkeys.web.schemas.wire import Out


class VersionOut(Out):
    """Which version answers."""

    version: str


class HealthOut(Out):
    """The store answers."""

    status: Literal["ok"]
    limits: Literal["shared", "per-process", "refused"] | None = None
    """Of `/health`, where several processes count limits: how they are counted now."""
