"""Who made how many keys."""

import msgspec


class MadeThrough(msgspec.Struct, frozen=True):
    """A key that made others, and how many of those are not revoked."""

    key_id: str
    name: str
    total: int


class KeysMade(msgspec.Struct, frozen=True):
    """The keys that somebody made and that are not revoked."""

    own: int
    """How many they made themselves."""
    through: tuple[MadeThrough, ...] = ()
    """Those that were made by keys of theirs, or by keys that such keys made; revoked makers included."""

    @property
    def through_keys(self) -> int:
        """How many were made by keys."""
        return sum(each.total for each in self.through)

    @property
    def total(self) -> int:
        """How many there are in all."""
        return self.own + self.through_keys
