"""Keys as people paste them: what surrounds one is taken off, and what makes a text none is named.

For people's own input (a prompt, a pipe, a variable, an argument) and for messages. A header of a request is
never mended: there a key is one token of RFC 6750, or refused.
"""

import re
from collections.abc import Callable
from typing import Final

from flowkeys.domain.keys.token import LENGTH, PREFIX, is_well_formed

_INVISIBLE: Final = dict.fromkeys(
    [0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF]
)
"""Soft hyphens, zero-width characters, marks of direction and of byte order."""
_QUOTES: Final = "\"'`“”„‟‘’‚‛«»‹›"  # noqa: RUF001 - the typographic ones are meant
_AROUND: Final = _QUOTES + ",;"
_LABEL: Final = re.compile(
    r"(?:(?:proxy-)?authorization|x-api-key|api-?key|token)[\"']?\s*:\s*"
    r"|(?:export\s+|set\s+)?[A-Za-z_][A-Za-z0-9_]*=(?=[^=])"
    r"|bearer\s+",
    re.IGNORECASE,
)
_LONGEST: Final = 512
_B64TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
_OWN: Final = re.compile(r"fl-[0-9A-Za-z]{32}")
_IN_BRACKETS: Final = re.compile(rf"[<\[({{]+[\s\"']*({_OWN.pattern})[\s\"']*[>\])}}]+")
_MASKS: Final = re.compile(r"[•●∙·*＊…█]|\.\.\.|x{8}")  # noqa: RUF001
_VARIABLE: Final = re.compile(
    r"\$\w+|\$[{(].*|%\w+%|\{\{.*|\{\w+\}|<[\w .-]+>|(?:process\.env|os\.environ|import\.meta\.env)\b.*"
    r"|undefined|null|none|nil|(?:your|my)[-_ ].*|(?:FLOWKEYS|FLOWISE|OPENAI)?_?API_?KEY",
    re.IGNORECASE,
)
_OTHERS: Final = re.compile(
    r"sk-|pk[-_]|rk_|ghp_|github_pat_|glpat-|xox[a-z]-|AIza|eyJ|hf_|Basic\s", re.ASCII
)


def cleaned(text: str) -> str:
    """Return the key of a pasted text, without what surrounds it; of several lines, all of them.

    Taken off are empty lines, blanks, invisible characters, quotes, brackets, ``Authorization:``,
    ``Bearer`` and ``NAME=``, in whatever order they come.
    """
    lines = [line for line in map(str.strip, text.translate(_INVISIBLE).splitlines()) if line]
    whole = "".join(lines)  # a narrow window may have broken it
    if len(lines) > 1:
        return whole if whole.isascii() and is_well_formed(whole.encode("ascii")) else "\n".join(lines)
    rest = whole
    while True:
        inner = rest.strip().strip(_AROUND).strip()
        inner = _LABEL.sub("", inner, count=1) if _LABEL.match(inner) else inner
        inner = _IN_BRACKETS.sub(r"\1", inner) if _IN_BRACKETS.fullmatch(inner) else inner
        if inner == rest:
            return rest
        rest = inner


def mistake(text: str) -> str | None:
    """Return what is wrong with a text that should be a key of ours, in a sentence; None: it has the form.

    Nothing of the text is repeated.
    """
    if text.isascii() and is_well_formed(text.encode("ascii")):
        return None
    return next((said for applies, said in _MISTAKES if applies(text)), _OTHERWISE)


def malformed(value: bytes) -> str | None:
    """Return what is wrong with the value of a header, where that can be told; for messages only."""
    if len(value) > _LONGEST:  # nobody pastes that, and whoever sends it often should not cost more
        return None
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return next((said for applies, said in _IN_HEADERS if applies(text)), None)


def _is_doubled(text: str) -> bool:
    return len(_OWN.findall(text)) > 1 or text.lower().count(PREFIX) > 1


def _starts(text: str) -> bool:
    return text.startswith(PREFIX)


_OTHERWISE: Final = "It has not the form of a key, or a part is missing or mistyped."
_Rule = tuple[Callable[[str], object], str]
_ANY_PLACE: Final[tuple[_Rule, ...]] = (
    (lambda t: not t.strip(), "It is empty."),
    (
        lambda t: _IN_BRACKETS.fullmatch(t.strip().strip(_AROUND)),
        "It is in brackets. They are no part of it.",
    ),
    (
        lambda t: _VARIABLE.fullmatch(t.strip().strip(_AROUND)),
        "It is the name of a variable or a placeholder, which nobody has filled in.",
    ),
    (_is_doubled, "There are two keys, one behind the other."),
    (
        _MASKS.search,
        "It is masked, as lists show keys. The whole key was shown once, when it was made.",
    ),
    (lambda t: t != t.translate(_INVISIBLE), "There is an invisible character in it, which came by copying."),
    (lambda t: t[:1] in _QUOTES or t[-1:] in _QUOTES, "It is in quotes. They are no part of it."),
)
_WITHIN: Final[tuple[_Rule, ...]] = (
    (lambda t: not t.isascii(), "There are letters in it that only look like those of a key."),
    (
        lambda t: re.search(r"\s", t),
        "There is a blank in it: it was broken in two, or something stands beside it.",
    ),
)
_IN_HEADERS: Final[tuple[_Rule, ...]] = (
    *_ANY_PLACE,
    (lambda t: t.lower().startswith("bearer"), "The word Bearer is there twice."),
    *_WITHIN,
    (lambda t: "," in t or ";" in t, "A comma or a semicolon is no part of it."),
)
_MISTAKES: Final[tuple[_Rule, ...]] = (
    *_ANY_PLACE,
    *_WITHIN,
    (_OTHERS.match, "It is a key of another service: those of this one begin with fl-."),
    (
        lambda t: t.upper().startswith("FL-") and not _starts(t),
        "Its first letters are not fl- in small letters.",
    ),
    (
        lambda t: _starts(t) and len(t) < LENGTH and _B64TOKEN.fullmatch(t),
        f"It is cut short: a key has {LENGTH} characters.",
    ),
    (lambda t: _starts(t) and len(t) > LENGTH, f"It is too long: a key has {LENGTH} characters."),
    (
        lambda t: _starts(t) and _OWN.fullmatch(t),
        "Its checksum is wrong: a character is mistyped, or two have changed places.",
    ),
    (lambda t: len(t) == LENGTH - len(PREFIX) and t.isalnum(), "Its first characters, fl-, are missing."),
)
