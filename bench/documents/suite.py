"""Asking the questions, and counting what was found."""

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.documents import questions, sources
from bench.documents.questions import Question
from bench.report import Table
from flowkeys.documents.kinds import Limits, media_type, passages
from flowkeys.domain.documents.collection import Collection, Document, Hit, ParsedDocument, Passage
from flowkeys.domain.ids import new_id
from flowkeys.storage.sqlite.database import connect
from flowkeys.storage.sqlite.migrate import upgrade
from flowkeys.storage.statement import Connection
from flowkeys.storage.transaction import Tables

WORKSPACE: Final = new_id()
LIMITS: Final = Limits(pages=100, passages=20_000)
HITS: Final = 5
TARGETS: Final = {"recall@1": 0.75, "recall@3": 0.90}
NOTHING_FOUND_AT_MOST: Final = 0.03


@dataclass(frozen=True)
class Asked:
    """A question, and what was found."""

    question: Question
    rank: int
    """Of the first passage of a right section, from 1; 0 when it is not among those found."""
    hits: tuple[Hit, ...]


def measure(folder: Path) -> list[Table]:
    """Fill a collection with each set of documents, ask every question, and return the tables."""
    return tables(ask(folder))


def ask(folder: Path) -> list[Asked]:
    """Ask every question."""
    path = folder / "documents.db"
    upgrade(path)
    asked = []
    with closing(connect(path)) as raw:
        raw.execute("INSERT INTO workspace VALUES (?, 'bench', 0)", (WORKSPACE,))
        raw.execute("BEGIN")
        store = Tables(Connection(raw)).collections
        every = questions.read()
        filled: dict[str, tuple[str, list[tuple[str, Passage]]]] = {}
        for name in dict.fromkeys(question.collection for question in every):
            filled[name] = _fill(store, name)
        for question in every:
            collection_id, held = filled[question.collection]
            if held:
                _check(question, held)
                hits = store.search(WORKSPACE, collection_id, question.text, HITS)
                asked.append(Asked(question, _rank(question, hits), tuple(hits)))
    return asked


def _fill(store, name: str) -> tuple[str, list[tuple[str, Passage]]]:
    made = Collection(
        id=new_id(), workspace_id=WORKSPACE, name=name, description=None, created_at=1, updated_at=1
    )
    store.insert(made)
    held = []
    for source, content in sources.read(name).items():
        found = passages(source, content, LIMITS)
        held += [(source, passage) for passage in found]
        kind = media_type(source) or ""
        document = Document(
            id=new_id(), workspace_id=WORKSPACE, collection_id=made.id, source=source, media_type=kind,
            size_bytes=len(content), sha256="0" * 64, created_at=1,
        )  # fmt: skip
        store.put_document(document, ParsedDocument(source, kind, len(content), "0" * 64, tuple(found)))
    return made.id, held


def _check(question: Question, held: list[tuple[str, Passage]]) -> None:
    for answer in question.answers:
        if not any(answer.is_in(source, passage) for source, passage in held):
            raise SystemExit(f"{question.collection}: “{question.text}”: there is no section {answer}.")


def _rank(question: Question, hits: Iterable[Hit]) -> int:
    for rank, hit in enumerate(hits, 1):
        if any(a.is_in(hit.source, Passage(hit.heading, hit.content)) for a in question.answers):
            return rank
    return 0


def tables(asked: list[Asked]) -> list[Table]:
    """Return what was found, as a whole and by collection and language."""
    whole = Table("Questions about documents", ("half", *_COLUMNS, "target met"))
    for half in questions.HALVES:
        figures = _figures([one for one in asked if one.question.half == half])
        whole.add(half, *figures.cells(), _verdict(whole, figures) if half != questions.HALVES[0] else "")
    return [
        whole,
        _by("collection", asked, lambda one: one.question.collection),
        _by("language", asked, lambda one: one.question.language),
    ]


_COLUMNS: Final = ("questions", "recall@1", "recall@3", "MRR", "nothing found", "found without an answer")


@dataclass(frozen=True)
class _Figures:
    questions: int
    first: float
    third: float
    reciprocal: float
    nothing: float
    unanswerable: int
    found_all_the_same: int

    def cells(self) -> tuple[str, ...]:
        shares = [f"{value:.3f}" for value in (self.first, self.third, self.reciprocal)]
        wrongly = f"{self.found_all_the_same} of {self.unanswerable}"
        return (str(self.questions), *shares, f"{100 * self.nothing:.1f} %", wrongly)


def _figures(asked: list[Asked]) -> _Figures:
    answerable = [one for one in asked if one.question.answers]
    others = [one for one in asked if not one.question.answers]
    total = max(1, len(answerable))
    return _Figures(
        len(answerable),
        sum(one.rank == 1 for one in answerable) / total,
        sum(1 <= one.rank <= 3 for one in answerable) / total,
        sum(1 / one.rank for one in answerable if one.rank) / total,
        sum(not one.hits for one in answerable) / total,
        len(others),
        sum(bool(one.hits) for one in others),
    )


def _verdict(table: Table, figures: _Figures) -> str:
    return ", ".join(
        [
            table.verdict(f"recall@1 ≥ {TARGETS['recall@1']}", met=figures.first >= TARGETS["recall@1"]),
            table.verdict(f"recall@3 ≥ {TARGETS['recall@3']}", met=figures.third >= TARGETS["recall@3"]),
            table.verdict(
                f"nothing ≤ {100 * NOTHING_FOUND_AT_MOST:.0f} %", met=figures.nothing <= NOTHING_FOUND_AT_MOST
            ),
        ]
    )


def _by(what: str, asked: list[Asked], key: Callable[[Asked], str]) -> Table:
    table = Table(f"By {what}", (what, *_COLUMNS), f"Each figure: {' / '.join(questions.HALVES)}.")
    for value in sorted({key(one) for one in asked if one.question.answers}):
        some = [one for one in asked if key(one) == value]
        halves = [_figures([one for one in some if one.question.half == half]) for half in questions.HALVES]
        table.add(
            value, *(" / ".join(cells) for cells in zip(*(each.cells() for each in halves), strict=True))
        )
    return table
