"""From a question to the words worth looking for: what people type is never query syntax.

A word is letters and digits only, so that no character with a meaning to FTS5 is left in it, and it is
quoted besides.
"""

import re
from typing import Final

import msgspec

MAX_WORDS: Final = 16
"""More words than this say no more about what is asked, and each costs a look-up."""
MAX_CHARACTERS: Final = 4_000
_MAX_WORD: Final = 64

_WORD: Final = re.compile(r"[^\W_]+")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ENGLISH: Final = _set(
    """
    a about above after again against all also am an and any anybody anyone anything are aren as ask
    asked at be because been before being below between both but by can cannot could couldn d did didn do
    does doesn doing don done down during each else ever every exactly explain few find for from further
    get gets getting give gives go goes going got had hadn happen happens has hasn have haven having
    handle handles he hello help her here hers herself hey hi him himself his how however i if in instead
    into is isn it its itself just kindly know let like ll look m make makes many may maybe me mean means
    might more most much must my myself need needs no nor not now of off ok okay on once one only or
    other our ours ourselves out over own please possible question re really s said same say says see
    seem shall she should show so some somebody someone something still such sure t tell than thank
    thanks that the their theirs them themselves then there these they thing things this those though
    through to too under until up upon us use used uses using ve very want wants was wasn way we well
    were weren what whatever when where whether which while who whom whose why will with within without
    won work works would wouldn yes yet you your yours yourself
    """
)
_OTHERS: Final = tuple(
    _set(words)
    for words in (
        # German
        """ab aber als am an auch auf aus bei bin bitte da das dass dein dem den der des die dies diese dir du
        ein eine einem einen einer es für gibt habe haben hat ich ihr im in ist ja kann kein keine können man
        mein meine mich mir mit muss nach nicht noch nur oder sein sich sie sind so über um und uns unter von
        vor wann warum was welche welcher wenn wer werden wie wird wo wurde zu zum zur""",
        # French
        """à ai au aux avec c ce ces cette comment d dans de des du elle en est et être il ils je l la le les
        leur lui m ma mais me mes moi mon n ne nos notre nous on ou où par pas peut peux pour pourquoi qu
        quand que quel quelle quelles quels qui quoi s sa sans se ses si son sont sur t ta te tu un une vos
        votre vous y""",
        # Spanish
        """a al como cómo con cual cuál cuales cuando cuándo de del donde dónde el ella en es esta está este
        esto hay la las le lo los me mi mis no nos o para pero por porque puede puedo qué que quien quién se
        ser si sin sobre son su sus también te tu tus un una uno y yo""",
        # Italian
        """a ai al alla che chi ci come con cosa cui da dal dei del della delle di dove e è gli i il in io la
        le lo ma mi mia mio nel nella non o per perché posso può quale quando quanto questa questo se si sono
        su sul sulla tra un una uno""",
        # Portuguese
        """a ao aos as com como da das de do dos e é ela ele em eu faço isso isto já mais mas me meu minha na
        nas não no nos o onde os ou para pela pelo por porque posso qual quando que quem se sem ser sua seu
        são também um uma você""",
        # Dutch
        """aan als bij dat de deze dit door een en er geen heb heeft het hij hoe ik in is je kan kun maar me
        met mijn moet na naar niet of om onder ook op over te tot uit van voor waar waarom wanneer wat welke
        wie wij worden wordt zijn zo""",
    )
)
# Pairs that Porter's stemmer keeps apart: "revocation" and "revoke", "expiry" and "expire", "creation".
_RELATED: Final = (("ocation", "oke"), ("iry", "ire"), ("eation", "eate"), ("ption", "pt"))


class Word(msgspec.Struct, frozen=True):
    """One word of a question, with the forms that count as the same."""

    forms: tuple[str, ...]

    @property
    def match(self) -> str:
        """The FTS5 expression that finds any of the forms."""
        return " OR ".join(f'"{form}"' for form in self.forms)


def words_of(question: str) -> list[Word]:
    """Return the content words of a question in their order, each once, without stop words."""
    written = _WORD.findall(question[:MAX_CHARACTERS].casefold())
    stop = _stop_words(set(written))
    words: dict[str, Word] = {}
    for before, word, after in zip(["", *written], written, [*written[1:], ""], strict=False):
        if word not in stop and len(word) <= _MAX_WORD and len(words) < MAX_WORDS:
            forms = (word, *_related(word), *_joined(before, word), *_joined(word, after))
            words.setdefault(_root(word), Word(forms))
    return list(words.values())


def _stop_words(words: set[str]) -> frozenset[str]:
    """English, or English with the language that more of the words are stop words of.

    Another language's list is not applied to English: "die", "war" and "son" are words there.
    """
    best = max(_OTHERS, key=lambda language: len(words & language))
    return _ENGLISH | best if len(words & best) > max(1, len(words & _ENGLISH)) else _ENGLISH


def _root(word: str) -> str:
    """Bring plurals together, so that "keys" beside "key" does not count twice."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word  # noqa: PLR2004


def _related(word: str) -> tuple[str, ...]:
    for noun, verb in _RELATED:
        if word.endswith(noun):
            return (word.removesuffix(noun) + verb,)
        for ending in (verb, verb + "s", verb + "d"):
            if word.endswith(ending):
                return (word.removesuffix(ending) + noun,)
    return ()


def _joined(first: str, second: str) -> tuple[str, ...]:
    """Documents may write as one what a question writes as two: "back up", "rate-limit", "web hook"."""
    return (first + second,) if min(len(first), len(second)) > 1 else ()
