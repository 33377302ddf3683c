"""Characters that a server cut in two: emoji, mostly, each half in another piece."""

from typing import Final

from flowkeys.flows.graph.readable import readable_text

_HIGH: Final = ("\ud800", "\udbff")
"""The first halves of surrogate pairs (Unicode 16, section 3.9, D71) are between these."""


class Halves:
    """Puts together the characters that a server cut in two, each half in another piece."""

    __slots__ = ("_half",)

    def __init__(self) -> None:
        self._half = ""

    @property
    def are_whole(self) -> bool:
        """Whether no half waits for the other."""
        return not self._half

    def join(self, piece: str) -> str:
        """Return what is whole so far; a first half at the end waits for the next piece."""
        if piece.isascii() and not self._half:
            return piece
        if not piece:
            return ""
        piece = self._half + piece
        self._half = ""
        if _HIGH[0] <= piece[-1] <= _HIGH[1]:
            self._half = piece[-1]
            piece = piece[:-1]
        return readable_text(piece)

    def finish(self) -> str:
        """Return what waited: a half alone is no character."""
        half, self._half = self._half, ""
        return readable_text(half)
