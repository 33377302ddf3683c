"""One upload or import of files into a collection."""

import asyncio
import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Final, Literal

import msgspec

from flowkeys.domain.documents.collection import Document, ParsedDocument
from flowkeys.domain.errors import FieldError, InvalidInput, NotFound, TooLarge
from flowkeys.domain.ids import new_id
from flowkeys.domain.journal import Subject
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.service.journal import record
from flowkeys.service.ports.flows import DocumentParser
from flowkeys.service.ports.store import Store, Transaction

SOURCE_LENGTH: Final = 500
_SENT_LENGTH: Final = 4 * SOURCE_LENGTH
FIELD: Final = "files"
"""The field of the form that files are sent in."""

_ROOT: Final = re.compile(r"\A(?:[A-Za-z]:)?/(?:.*/)?")


class DocumentLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one file, one import and one collection may come to."""

    file_bytes: int = 20 * 1024 * 1024
    files: int = 1_000
    """In one upload or import."""
    documents: int = 10_000
    """In one collection."""
    pages: int = 2_000
    """Of one file."""
    passages: int = 20_000
    """Of one file."""
    seconds: int = 30
    """Of processor time, for parsing one file."""
    memory_bytes: int = 512 * 1024 * 1024
    """Of a process that parses."""


Outcome = Literal["added", "replaced", "unchanged", "refused"]
Progress = Callable[[str, Outcome], None]
"""Called after each file with its source and what became of it."""


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the files."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    passages: int = 0
    """In the documents that were added or replaced."""
    refused: tuple[FieldError, ...] = ()
    """Each message names its file."""


class Import:
    """Takes files one by one, so that a long import holds no more than one of them in memory."""

    def __init__(
        self,
        *,
        store: Store,
        parser: DocumentParser,
        clock: Clock,
        limits: DocumentLimits,
        caller: Caller,
        collection_id: str,
        known: dict[str, str],
        progress: Progress | None,
    ) -> None:
        """Prepare; `known` holds the SHA-256 of each source that the collection has."""
        self._store = store
        self._parser = parser
        self._clock = clock
        self._limits = limits
        self._caller = caller
        self._collection_id = collection_id
        self._known = known
        self._progress = progress or (lambda _source, _outcome: None)
        self._counts: dict[Outcome, int] = {"added": 0, "replaced": 0, "unchanged": 0, "refused": 0}
        self._passages = 0
        self._refusals: list[InvalidInput | TooLarge] = []

    async def take(self, files: Iterable[tuple[str, bytes]]) -> ImportReport:
        """Take every file, and report; raise why when there is nothing but refusals."""
        remaining = iter(files)
        number = 0
        # A file is read when its turn comes, and not on the event loop.
        while (file := await asyncio.to_thread(next, remaining, None)) is not None:
            number += 1
            if number > self._limits.files:
                raise TooLarge(f"At most {self._limits.files} files at once.")
            source, content = file
            try:
                outcome = await self._take_one(source, content)
            except (InvalidInput, TooLarge) as refusal:
                self._refusals.append(refusal)
                outcome = "refused"
            self._counts[outcome] += 1
            self._progress(source, outcome)
        return self._report(number)

    async def _take_one(self, name: str, content: bytes) -> Outcome:
        source = clean_source(name)
        if source is None:
            raise InvalidInput.of(FIELD, f"A file's name needs 1 to {SOURCE_LENGTH} printable characters.")
        if len(content) > self._limits.file_bytes:
            raise TooLarge(f"{source}: at most {self._limits.file_bytes} bytes a file.")
        if source not in self._known and len(self._known) >= self._limits.documents:
            raise TooLarge(f"{source}: a document store holds at most {self._limits.documents} documents.")
        digest = await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
        if self._known.get(source) == digest:
            return "unchanged"
        parsed = await self._parser.parse(source, content)
        outcome: Outcome = "replaced" if source in self._known else "added"
        await self._store.write(lambda tx: self._put(tx, parsed, outcome))
        self._known[source] = parsed.sha256
        self._passages += len(parsed.passages)
        return outcome

    def _put(self, tx: Transaction, parsed: ParsedDocument, outcome: Outcome) -> None:
        workspace_id = self._caller.workspace_id
        if tx.collections.get(workspace_id, self._collection_id) is None:
            raise NotFound("document store")  # deleted while its files were being parsed
        now = self._clock()
        document = Document(
            id=new_id(),
            workspace_id=workspace_id,
            collection_id=self._collection_id,
            source=parsed.source,
            media_type=parsed.media_type,
            size_bytes=parsed.size_bytes,
            sha256=parsed.sha256,
            created_at=now,
        )
        tx.collections.put_document(document, parsed)
        record(
            tx,
            self._caller,
            now,
            action="document.replace" if outcome == "replaced" else "document.add",
            subject=Subject.COLLECTION,
            subject_id=self._collection_id,
            version=now,
            after={"source": document.source, "sha256": document.sha256, "passages": len(parsed.passages)},
        )

    def _report(self, number: int) -> ImportReport:
        if not number:
            raise InvalidInput.of(FIELD, "There is no file.")
        if len(self._refusals) == number:
            errors = [refusal for refusal in self._refusals if isinstance(refusal, InvalidInput)]
            if not errors:
                raise self._refusals[0]
            raise InvalidInput(*(error for refusal in self._refusals for error in _errors(refusal)))
        return ImportReport(
            added=self._counts["added"],
            replaced=self._counts["replaced"],
            unchanged=self._counts["unchanged"],
            passages=self._passages,
            refused=tuple(error for refusal in self._refusals for error in _errors(refusal)),
        )


def clean_source(name: str) -> str | None:
    """Return the relative path that a file is known by, or None when there is none in `name`.

    An absolute path, of whichever system, is cut down to its last part; ``..`` leads nowhere.
    """
    if len(name) > _SENT_LENGTH:  # normalising takes quadratic time
        return None
    path = _ROOT.sub("", unicodedata.normalize("NFC", name).replace("\\", "/"), count=1)
    source = "/".join(part for part in path.split("/") if part.strip() not in {"", ".", ".."})
    unfit = any(unicodedata.category(c) in {"Cc", "Cs"} for c in source)
    return source if source and len(source) <= SOURCE_LENGTH and not unfit else None


def _errors(refusal: InvalidInput | TooLarge) -> list[FieldError]:
    if isinstance(refusal, InvalidInput):
        return list(refusal.errors)
    return [FieldError(FIELD, str(refusal))]
