"""What is known of languages: their stop words and stemmers, from packages that others keep.

Stop words come from `stopwordsiso`, stemmers from `snowballstemmer`; both are loaded at their first use.
"""
# ruff: noqa: RUF001 - alphabets have letters that look like others

import functools
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from flowkeys.domain.documents.folding import bare, plain, words

_STEMMERS: Final = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish",
    "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "nl": "dutch", "no": "norwegian", "pl": "polish",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
_ASKED_WITH: Final = {
    "ar": "لماذا يمكنني أريد أستطيع لديكم عندكم أحتاج تستطيع",
    "cs": "můžu mohu lze můžete máte chci potřebuji",
    "de": "brauche brauchen möchte möchten will darf dürfen könnt könnte könnten soll muss gibt bekomme"
    " wieviel",
    "es": "quiero quisiera necesito quieren podría puedo podéis pueden tenéis tienen hay hacéis debo"
    " gustaría",
    "fr": "faut dois puis pouvez peuvent voudrais veux pourriez pourrais aimerais combien",
    "it": "posso possiamo voglio vorrei devo potete potrei avete fate siete",
    "nl": "hoeveel jullie wil graag mag mogen kunt moet hebt",
    "pl": "mogę macie czym muszę chcę chciałbym chciałabym możecie można",
    "pt": "quantos quantas quanta preciso quero queria gostaria posso podem tenho vocês",
    "ru": "какие какую хочу нужна нужно нужен можно могу хотел хотела",
    "sv": "vill får finns",
    "th": "ไหม มั้ย ครับ คะ ค่ะ อย่างไร ยังไง เท่าไร เท่าไหร่ ได้ไหม อยาก ต้องการ",
    "tr": "kaç mi mı mu mü mıdır miyim mıyım musunuz misiniz istiyorum istiyoruz edebilir edebilirim "
    "edebiliriz nereye nerede nereden",
    "ko": "싶어요 싶습니다 싶은데 있나요 있어요 되나요 수 주세요 얼마예요 얼마인가요 어떻게 언제 어디"
    " 어디에 무슨 몇",
    "zh": "请问 需要 多久 几天 可不可以 能不能 可以 怎么 怎样 如何 多少 哪里 什么时候 是否 我想",
    "ja": "どう いつ いくら いくつ ください",
}
"""With what questions are asked, as far as the package's lists lack it."""
_OTHERS: Final = ("bg", "he", "hr", "ja", "ko", "sk", "sl", "th", "uk", "vi", "zh")
LANGUAGES: Final = tuple(sorted({*_STEMMERS, *_OTHERS}))
"""ISO 639-1 codes of those that are told apart."""


@functools.cache
def stop_words(language: str) -> frozenset[str]:
    """Return the stop words of a language, plain; no numbers, and no pieces of phrases."""
    import stopwordsiso

    entries = (tuple(words(plain(entry))) for entry in stopwordsiso.stopwords(language))
    listed = {entry[0] for entry in entries if len(entry) == 1 and not entry[0].isdigit()}
    return frozenset(listed.union(words(plain(_ASKED_WITH.get(language, "")))))


@functools.cache
def hollow_terms(language: str) -> frozenset[str]:
    """Return the terms of the stop words of a language: as they are written, and their stems."""
    listed = ENGLISH if language == "en" else stop_words(language)
    return frozenset(bare(word) for word in listed).union(stem(language, word) for word in listed)


@functools.cache
def _speakers() -> Mapping[str, tuple[str, ...]]:
    """Return, by stop word, the languages that have it."""
    found: dict[str, list[str]] = {}
    for language in LANGUAGES:
        for word in stop_words(language):
            found.setdefault(word, []).append(language)
    return {word: tuple(languages) for word, languages in found.items()}


def votes(text: Iterable[str]) -> Mapping[str, float]:
    """Return how much each language is spoken in these (plain) words: stop words, shared by who has them."""
    speakers = _speakers()
    counted: dict[str, float] = {}
    for word, times in Counter(text).items():
        languages = speakers.get(word, ())
        for language in languages:
            counted[language] = counted.get(language, 0.0) + times / len(languages)
    return defaultdict(float, counted)


def stem(language: str, word: str) -> str:
    """Return the stem of a plain word, without accents; the word itself where there is no stemmer."""
    stemmer = _stemmer(language)
    if stemmer is None:
        return bare(word)
    with _one_at_a_time:
        return bare(stemmer.stemWord(word))


_one_at_a_time: Final = threading.Lock()
"""A stemmer keeps the word it works on in itself."""


@functools.cache
def _stemmer(language: str) -> Any:
    import snowballstemmer  # type: ignore[import-untyped]

    algorithm = _STEMMERS.get(language)
    return snowballstemmer.stemmer(algorithm) if algorithm else None


ENGLISH: Final = frozenset(
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
    """.split()  # noqa: SIM905 - a list that people read
)
"""English ones of our own: the package's list has 1,298, among them "keys", "information" and "open"."""
