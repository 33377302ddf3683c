"""Scripts without spaces between words, or with whole phrases between them: cut into pieces."""

import re
from collections.abc import Iterator
from typing import Final

_HAN: Final = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_HIRAGANA: Final = "\u3041-\u309f"
_KATAKANA: Final = "\u30a1-\u30ff\u31f0-\u31ff"
_HANGUL: Final = "\uac00-\ud7a3"
# Thai, Lao, Tibetan, Burmese, Khmer.
_SOUTH_EAST: Final = "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"

_SCRIPTS: Final = {
    "han": (_HAN, 2), "hiragana": (_HIRAGANA, 2), "katakana": (_KATAKANA, 2), "hangul": (_HANGUL, 2),
    "south-east": (_SOUTH_EAST, 3),
}  # fmt: skip
_RUN: Final = re.compile(
    "|".join(f"(?P<{name.replace('-', '_')}>[{letters}]+)" for name, (letters, _) in _SCRIPTS.items())
    + f"|(?P<spaced>[^{''.join(letters for letters, _ in _SCRIPTS.values())}]+)"
)
_LENGTHS: Final = {name.replace("-", "_"): length for name, (_, length) in _SCRIPTS.items()}
SPACED: Final = "spaced"


def runs(word: str) -> Iterator[tuple[str, str]]:
    """Yield the (script, letters) of the stretches of a word that are of one kind."""
    if word.isascii():
        yield SPACED, word
        return
    for match in _RUN.finditer(word):
        assert match.lastgroup is not None
        yield match.lastgroup, match.group()


def pieces(script: str, run: str) -> list[str]:
    """Return the overlapping pieces of a run of letters: two, or three where a letter says less."""
    length = _LENGTHS[script]
    return [run[at : at + length] for at in range(max(1, len(run) - length + 1))]
