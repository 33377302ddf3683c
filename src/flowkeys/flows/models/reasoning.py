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

_NAMES: Final = r"(?:seed:)?think(?:ing)?|thoughts?|reasoning"
_OPEN: Final = re.compile(rf"<(?:{_NAMES})(?:\s[^<>]{{0,100}})?>", re.IGNORECASE)
_PART_OF_OPEN: Final = re.compile(rf"<(?:{_NAMES})\s[^<>]{{0,100}}", re.IGNORECASE)
_OTHER_OPENINGS: Final = ("[think]", "◁think▷", "<|begin_of_thought|>", "<|channel|>analysis<|message|>")
"""What Magistral, Kimi, Sky-T1 and gpt-oss write, where a server hands it on as it is."""
_OPENINGS: Final = (
    *("<think>", "<thinking>", "<thought>", "<thoughts>", "<reasoning>", "<seed:think>"),
    *_OTHER_OPENINGS,
)
_OTHER_CLOSINGS: Final = (
    *("[/think]", "◁/think▷", "<|end_of_thought|>"),
    *("<|end|><|start|>assistant<|channel|>final<|message|>", "<|end|><|channel|>final<|message|>"),
)
_CLOSE: Final = re.compile(rf"</(?:{_NAMES})\s*>|{'|'.join(map(re.escape, _OTHER_CLOSINGS))}", re.IGNORECASE)
_PART_OF_CLOSE: Final = re.compile(r"<(?:/[a-z:]{0,11}\s{0,9})?", re.IGNORECASE)
_FIRST_OF_CLOSE: Final = re.compile(r"[<\[◁]")
_LONGEST: Final = 120
"""No opening and no closing is longer."""
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

    @property
    def are_over(self) -> bool:
        """Whether all that follows is said."""
        return self._state == _ANSWERING

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
            low = bare[:_LONGEST].lower()
            length = _opening(bare, low)
            if length:
                self.any = True
                self._state = _THINKING
                self._held = bare[length:]
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
        return any(one.startswith(low) for one in _OPENINGS) or _PART_OF_OPEN.fullmatch(low) is not None

    def _think(self) -> str:
        """Return what is thought of what is held; what may be the beginning of the end waits."""
        held = self._held
        end = _CLOSE.search(held)
        if end is not None:
            self._state = _UNDECIDED
            self._held = held[end.end() :]
            return held[: end.start()]
        tail = max(0, len(held) - _LONGEST)
        starts = (found.start() for found in _FIRST_OF_CLOSE.finditer(held, tail))
        cut = next((start for start in starts if _may_close(held[start:])), len(held))
        self._held = held[cut:]
        return held[:cut]


def _opening(text: str, low: str) -> int:
    """Return how long the opening is with which a text begins, or 0."""
    found = _OPEN.match(text)
    if found is not None:
        return found.end()
    return next((len(one) for one in _OTHER_OPENINGS if low.startswith(one)), 0)


def _may_close(text: str) -> bool:
    low = text.lower()
    return _PART_OF_CLOSE.fullmatch(text) is not None or any(c.startswith(low) for c in _OTHER_CLOSINGS)


def without_thoughts(text: str) -> str:
    """Return an answer without what was thought before it, if that is at its beginning."""
    if text.lstrip()[:1] not in {"<", "[", "◁"}:
        return text
    thoughts = Thoughts()
    return thoughts.feed(text)[1] + thoughts.finish()[1]
