"""What a model thinks before it answers, where that is part of the text: ``<think>…</think>``."""

import re
from typing import Final, Literal, get_args

Showing = Literal["hidden", "shown", "dropped"]
"""What becomes of it: `hidden` keeps it with the executed data, `shown` puts it before the answer, `dropped`
keeps it nowhere."""
SHOWINGS: Final = get_args(Showing)

OPENING: Final = "<think>\n"
CLOSING: Final = "\n</think>\n\n"
"""What stands around it where it is shown, whichever way the model sent it."""

_NAMES: Final = ("think", "thinking", "thought", "reasoning")
_OPENINGS: Final = tuple(f"<{name}>" for name in _NAMES)
_CLOSE: Final = re.compile(rf"</(?:{'|'.join(_NAMES)})\s*>", re.IGNORECASE)
_PART_OF_CLOSE: Final = re.compile(r"<(?:/[a-z]{0,9}\s{0,9})?", re.IGNORECASE)
_LONGEST_CLOSE: Final = 20
_MOST_BLANKS: Final = 1000

_UNDECIDED: Final = 0
_THINKING: Final = 1
_ANSWERING: Final = 2


class Thoughts:
    """Takes apart what a model says, piece by piece, into what it thinks and what it answers."""

    __slots__ = ("_held", "_state", "any")

    def __init__(self) -> None:
        self.any = False
        """There were thoughts; then white space before the answer is none of it."""
        self._held = ""
        self._state = _UNDECIDED

    def feed(self, text: str) -> tuple[str, str]:
        """Return what of the text so far is thought and what is said; what is not clear yet waits."""
        if self._state == _ANSWERING:
            return "", text
        self._held += text
        thought = []
        while True:
            if self._state == _THINKING:
                thought.append(self._think())
                if self._state == _THINKING:
                    return "".join(thought), ""
            bare = self._held.lstrip()
            low = bare[:_LONGEST_CLOSE].lower()
            opening = next((one for one in _OPENINGS if low.startswith(one)), None)
            if opening is not None:
                self.any = True
                self._state = _THINKING
                self._held = bare[len(opening) :]
            elif self._may_open(low):
                return "".join(thought), ""
            else:
                self._state = _ANSWERING
                held, self._held = self._held, ""
                return "".join(thought), bare if self.any else held

    def finish(self) -> tuple[str, str]:
        """Return what waited."""
        held, self._held = self._held, ""
        if self._state == _THINKING:
            return held, ""
        if self._state == _UNDECIDED:
            return "", held.lstrip() if self.any else held
        return "", ""

    def _may_open(self, low: str) -> bool:
        if not low:
            return len(self._held) <= _MOST_BLANKS
        return any(one.startswith(low) for one in _OPENINGS)

    def _think(self) -> str:
        """Return what is thought of what is held; what may be the beginning of the end waits."""
        held = self._held
        end = _CLOSE.search(held)
        if end is not None:
            self._state = _UNDECIDED
            self._held = held[end.end() :]
            return held[: end.start()]
        cut = held.rfind("<", max(0, len(held) - _LONGEST_CLOSE))
        if cut < 0 or _PART_OF_CLOSE.fullmatch(held, cut) is None:
            cut = len(held)
        self._held = held[cut:]
        return held[:cut]


def without_thoughts(text: str) -> str:
    """Return an answer without what was thought before it, if that is at its beginning."""
    if text.lstrip()[:1] != "<":
        return text
    thoughts = Thoughts()
    return thoughts.feed(text)[1] + thoughts.finish()[1]
