"""Whether a message says what was said before, perhaps in another form."""

import re
from difflib import SequenceMatcher
from typing import Final

_WORD: Final = re.compile(r"\w+")
_ALIKE: Final = 0.6
"""How much of two texts' words is the same when one is the other rewritten: "Bot: x y z" and "x y z" are."""
_WORDS: Final = 2000
"""Longer texts are not compared word by word."""
_MARKED: Final = 3
"""So many words, found whole inside a text of the same node, are what the text was made of."""


class Words:
    """A text as it is compared."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.words = tuple(_WORD.findall(text.casefold()))

    def same(self, other: "Words") -> bool:
        """Tell whether both say the same: case, punctuation and blanks aside."""
        return self.words == other.words and (bool(self.words) or self.text == other.text)

    def inside(self, other: "Words", *, near: bool) -> bool:
        """Tell whether another text consists of this one with something around it.

        That is most of the other text, or, when they come from one node (`near`), several words.
        """
        if not self.text or self.text not in other.text:
            return False
        return len(self.text) * 2 >= len(other.text) or (near and len(self.words) >= _MARKED)

    def alike(self, other: "Words") -> bool:
        """Tell whether one text is the other rewritten."""
        one, two = self.words, other.words
        if not one or not two or len(one) + len(two) > _WORDS:
            return False
        return SequenceMatcher(None, one, two, autojunk=False).ratio() >= _ALIKE
