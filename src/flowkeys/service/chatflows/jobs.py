"""Imports that go on after their request was answered: every process knows of them, one runs each.

What an import needs, its files above all, is in the memory of its process. How far it is is stored every
second, so that any process of the database can show it, and ask for its end.
"""

import asyncio
import hashlib
from contextlib import suppress
from typing import Final

import msgspec

from flowkeys.domain.chatflows.import_job import TELL_SECONDS, ImportJob, State
from flowkeys.domain.errors import (
    AlreadySent,
    FieldError,
    FlowkeysError,
    InvalidInput,
    NotFound,
    Unavailable,
)
from flowkeys.domain.ids import new_id
from flowkeys.domain.keys.token import conceal
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import SECOND, Clock
from flowkeys.service.chatflows.maker import ChatflowMaker, DocumentsWanted
from flowkeys.service.documents.importing import FIELD, Outcome
from flowkeys.service.ports.store import Store, Transaction

AT_ONCE: Final = 2
"""How many imports of one principal may run: each holds its files in memory."""
AT_ONCE_OF_ALL: Final = 6
"""In one process."""
KEPT_FOR: Final = 24 * 3600 * SECOND
"""How long an import that has ended is remembered, so that its page can be looked at, in microseconds."""
_LONGEST_PAUSE_SECONDS: Final = 30.0
"""Between two tries to store what became of an import."""
_LOOK_SECONDS: Final = 0.2
"""How often is looked whether another process has stopped an import, and for how long together."""
_STOP_SECONDS: Final = 5.0
_TOO_MANY: Final = f"You have {AT_ONCE} imports running. Wait until one has ended, then send this again."
_BUSY: Final = "This server is busy with other imports. Send this again in a few minutes."


class ImportJobs:
    """The imports of one process, and what others say of theirs. One event loop; `aclose` stops its own."""

    def __init__(self, maker: ChatflowMaker, store: Store, clock: Clock) -> None:
        self._maker = maker
        self._store = store
        self._clock = clock
        self._own: dict[str, ImportJob] = {}
        """Those that run here, and those of which is not stored yet what became of them."""
        self._making: dict[str, asyncio.Task[None]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._beginning = 0
        self._closing = asyncio.Event()

    async def start(self, caller: Caller, wanted: DocumentsWanted) -> ImportJob:
        """Begin to make a chatflow, and return. A form that is sent again gets the job it began.

        Raises:
            Forbidden: the caller lacks one of `DOCUMENT_PERMISSIONS`.
            InvalidInput: a field is wrong, or too many imports are running.
            Unavailable: the store cannot be reached; nothing was begun.
        """
        self._maker.require_fit(caller, wanted)
        job = _job(caller, wanted)
        now = self._clock()
        has_room = len(self._making) + self._beginning < AT_ONCE_OF_ALL

        def work(tx: Transaction) -> ImportJob | None:
            """Note the job, unless its form began another one, which is returned."""
            at = tx.processes.now(now)
            tx.imports.forget(at - KEPT_FOR)
            running = 0
            for other in tx.imports.of(job.workspace_id, job.owner):
                state = other.as_seen(at)
                if job.once is not None and other.once == job.once and state in {State.RUNNING, State.MADE}:
                    return other
                running += state is State.RUNNING
            if running >= AT_ONCE:
                raise InvalidInput.of(FIELD, _TOO_MANY)
            if not has_room:
                raise InvalidInput.of(FIELD, _BUSY)
            tx.imports.add(msgspec.structs.replace(job, begun_at=at, told_at=at))
            return None

        self._beginning += 1
        try:
            begun = await self._store.write(work)
        finally:
            self._beginning -= 1
        if begun is not None:
            return begun
        self._own[job.id] = job
        making = asyncio.create_task(self._make(job, caller, wanted), name="flowkeys-import")
        self._making[job.id] = making
        making.add_done_callback(lambda _: self._making.pop(job.id))
        self._tasks[job.id] = asyncio.create_task(self._tell(job, making), name="flowkeys-import-told")
        self._tasks[job.id].add_done_callback(lambda _: self._tasks.pop(job.id))
        return job

    async def get(self, caller: Caller, job_id: str) -> ImportJob:
        """Return an import of the caller's own, whichever process runs it.

        Raises:
            NotFound: there is none of this id, it is somebody else's, or it ended a day ago.
            Unavailable: it is not of this process, and the store cannot be reached.
        """
        workspace_id, owner = _owner(caller)
        own = self._own.get(job_id)
        if own is not None and (own.workspace_id, own.owner) == (workspace_id, owner):
            return own
        now = self._clock()

        def work(tx: Transaction) -> ImportJob | None:
            job = tx.imports.get(workspace_id, owner, job_id)
            if job is not None:
                job.state = job.as_seen(tx.processes.now(now))
            return job

        found = await self._store.read(work)
        if found is None:
            raise NotFound("import")
        return found

    async def stop(self, caller: Caller, job_id: str) -> ImportJob:
        """Stop an import and wait until nothing is left of it; one that has ended stays as it is.

        Another process learns of it within a second; where it takes longer, the import is stopping.

        Raises:
            NotFound: the caller has no such import.
            Unavailable: it is not of this process, and the store cannot be reached.
        """
        job = await self.get(caller, job_id)
        if (task := self._tasks.get(job_id)) is not None:
            self._cancel(job)
            await asyncio.wait([task])
            return job
        if job.state is State.RUNNING:
            await self._store.write(lambda tx: tx.imports.ask_to_stop(*_owner(caller), job_id))
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    while job.state is State.RUNNING:
                        await asyncio.sleep(_LOOK_SECONDS)
                        job = await self.get(caller, job_id)
        return job

    async def aclose(self) -> None:
        """Stop every import of this process, leaving nothing half made."""
        self._closing.set()
        for job in self._own.values():
            self._cancel(job)
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    def _cancel(self, job: ImportJob) -> None:
        """Stop an import; once, for what was read is taken back then, which nothing may interrupt."""
        making = self._making.get(job.id)
        if making is not None and not job.is_stopping:
            job.is_stopping = True
            making.cancel()

    async def _make(self, job: ImportJob, caller: Caller, wanted: DocumentsWanted) -> None:
        state = State.FAILED
        errors: tuple[FieldError, ...] = (
            FieldError("form", "Something went wrong here. The server's log says more."),
        )

        def note(_source: str, outcome: Outcome) -> None:
            job.done += 1
            job.refused += outcome == "refused"

        try:
            made, report = await self._maker.from_documents(caller, wanted, note)
            job.chatflow_id = made.chatflow.id
            state, errors = State.MADE, report.refused
        except AlreadySent as sent:
            job.chatflow_id = sent.subject_id
            state, errors = State.MADE, ()
        except asyncio.CancelledError:
            state, errors = State.INTERRUPTED if self._closing.is_set() else State.STOPPED, ()
            raise
        except Unavailable:
            errors = (FieldError("form", "The store could not be reached. Try again in a moment."),)
        except InvalidInput as error:
            errors = tuple(error.errors)
        except FlowkeysError as error:
            errors = (FieldError(FIELD, str(error)),)
        finally:
            job.errors = tuple(FieldError(one.field, conceal(one.message)) for one in errors)
            job.state = state

    async def _tell(self, job: ImportJob, making: asyncio.Task[None]) -> None:
        """Store how far an import is, and what became of it; stop it where another process was asked to."""
        while not making.done():
            await asyncio.wait([making], timeout=TELL_SECONDS)
            if not making.done():
                with suppress(Unavailable):
                    if await self._store.write(lambda tx: self._told(tx, job)):
                        self._cancel(job)
        pause = TELL_SECONDS
        while not await self._is_told(job) and not self._closing.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        del self._own[job.id]

    async def _is_told(self, job: ImportJob) -> bool:
        try:
            await self._store.write(lambda tx: self._told(tx, job))
        except Unavailable:
            return False
        return True

    def _told(self, tx: Transaction, job: ImportJob) -> bool:
        now = tx.processes.now(self._clock())
        return tx.imports.tell(msgspec.structs.replace(job, told_at=now))


def _job(caller: Caller, wanted: DocumentsWanted) -> ImportJob:
    workspace_id, owner = _owner(caller)
    return ImportJob(
        id=new_id(),
        workspace_id=workspace_id,
        owner=owner,
        once=None if wanted.once is None else hashlib.sha256(wanted.once.encode()).hexdigest(),
        name=conceal(wanted.name.strip()),
        total=len(wanted.files),
        begun_at=0,
        told_at=0,
    )


def _owner(caller: Caller) -> tuple[str, str]:
    return caller.workspace_id, caller.principal.id or caller.principal.kind
