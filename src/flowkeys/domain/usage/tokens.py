"""Tokens of models: what a model says that it read and wrote, or an estimate of that."""

from typing import Final, NamedTuple

BYTES_OF_ONE: Final = 4
"""So many bytes of UTF-8 are taken for a token: English has about four letters to one, and other scripts, of
two or three bytes a letter, one or two."""
OF_A_MESSAGE: Final = 4
"""So many tokens are around each message: its role, and where it begins and ends."""


class ModelTokens(NamedTuple):
    """How many tokens models read and wrote."""

    read: int = 0
    written: int = 0
    estimated: int = 0
    """How many of both are an estimate, since the model's server did not say."""

    @property
    def total(self) -> int:
        """Both together, which is what counts against a quota."""
        return self.read + self.written

    def plus(self, other: "ModelTokens") -> "ModelTokens":
        """Return the sum."""
        return ModelTokens(
            self.read + other.read, self.written + other.written, self.estimated + other.estimated
        )


NO_TOKENS: Final = ModelTokens()


def estimated(read: int, written: int) -> ModelTokens:
    """Return tokens of which the model's server said nothing."""
    return ModelTokens(read, written, read + written)


def estimate(text: str) -> int:
    """Return about how many tokens a text has."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_OF_ONE)
