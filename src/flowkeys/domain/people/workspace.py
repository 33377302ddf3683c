"""The workspace: the wall between tenants."""

from typing import Final

import msgspec

DEFAULT_NAME: Final = "default"


class Workspace(msgspec.Struct, frozen=True):
    """Every key, chatflow, message and document belongs to exactly one workspace."""

    id: str
    name: str
    created_at: int
