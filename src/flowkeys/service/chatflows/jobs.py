"""Imports that go on after their request was answered: in memory, bounded, ended with the server."""

import asyncio
from enum import StrEnum
from typing import Final

from flowkeys.domain.errors import (
    AlreadySent,
    FieldError,
    FlowkeysError,
    InvalidInput,
    NotFound,
    Unavailable,
)
from flowkeys.domain.ids import new_id
from flowkeys.domain.principal import Caller
from flowkeys.service.chatflows.maker import ChatflowMaker, DocumentsWanted
from flowkeys.service.documents.importing import FIELD, ImportReport, Outcome

AT_ONCE: Final = 2
"""How many imports of one principal may run: each holds its files in memory."""
AT_ONCE_OF_ALL: Final = 6
KEPT: Final = 100
"""How many imports that have ended are remembered, so that their pages can be looked at."""


class State(StrEnum):
    """Where an import is."""

    RUNNING = "running"
    MADE = "made"
    FAILED = "failed"
    STOPPED = "stopped"


class ImportJob:
    """One chatflow being made from documents. It is read as it goes."""

    def __init__(self, caller: Caller, wanted: DocumentsWanted) -> None:
        self.id = new_id()
        self.owner = _owner(caller)
        self.once = wanted.once
        self.name = wanted.name.strip()
        self.total = len(wanted.files)
        self.done = 0
        """How many files were read or refused so far."""
        self.refused = 0
        self.state = State.RUNNING
        self.chatflow_id: str | None = None
        self.report: ImportReport | None = None
        self.errors: tuple[FieldError, ...] = ()
        """Why files were left out, or why nothing was made; each message about a file names it."""

    def note(self, _source: str, outcome: Outcome) -> None:
        """Count a file."""
        self.done += 1
        self.refused += outcome == "refused"


class ImportJobs:
    """The imports of this server's process. One event loop only; `aclose` stops them."""

    def __init__(self, maker: ChatflowMaker) -> None:
        self._maker = maker
        self._jobs: dict[str, ImportJob] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, caller: Caller, wanted: DocumentsWanted) -> ImportJob:
        """Begin to make a chatflow, and return at once. A form that is sent again gets the job it began.

        Raises:
            Forbidden: the caller lacks one of `DOCUMENT_PERMISSIONS`.
            InvalidInput: a field is wrong, or too many imports are running.
        """
        owner = _owner(caller)
        if wanted.once is not None:
            for job in self._jobs.values():
                if (job.owner, job.once) == (owner, wanted.once) and job.state in {State.RUNNING, State.MADE}:
                    return job
        self._maker.require_fit(caller, wanted)
        running = [job for job in self._jobs.values() if job.state is State.RUNNING]
        if sum(job.owner == owner for job in running) >= AT_ONCE:
            message = f"You have {AT_ONCE} imports running. Wait until one has ended, then send this again."
            raise InvalidInput.of(FIELD, message)
        if len(running) >= AT_ONCE_OF_ALL:
            message = "This server is busy with other imports. Send this again in a few minutes."
            raise InvalidInput.of(FIELD, message)
        job = ImportJob(caller, wanted)
        self._jobs[job.id] = job
        task = asyncio.create_task(self._run(job, caller, wanted))
        self._tasks[job.id] = task
        task.add_done_callback(lambda _task: self._ended(job))
        return job

    def get(self, caller: Caller, job_id: str) -> ImportJob:
        """Return an import of the caller's own.

        Raises:
            NotFound: there is none of this id, it is somebody else's, or the server was started again.
        """
        job = self._jobs.get(job_id)
        if job is None or job.owner != _owner(caller):
            raise NotFound("import")
        return job

    async def stop(self, caller: Caller, job_id: str) -> ImportJob:
        """Stop an import and wait until nothing is left of it; one that has ended stays as it is.

        Raises:
            NotFound: the caller has no such import.
        """
        job = self.get(caller, job_id)
        task = self._tasks.get(job_id)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        return job

    async def aclose(self) -> None:
        """Stop every import, leaving nothing half made."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _run(self, job: ImportJob, caller: Caller, wanted: DocumentsWanted) -> None:
        state = State.FAILED
        errors: tuple[FieldError, ...] = (
            FieldError("form", "Something went wrong here. The server's log says more."),
        )
        try:
            made, report = await self._maker.from_documents(caller, wanted, job.note)
            job.chatflow_id, job.report = made.chatflow.id, report
            state, errors = State.MADE, report.refused
        except AlreadySent as sent:
            job.chatflow_id = sent.subject_id
            state, errors = State.MADE, ()
        except asyncio.CancelledError:
            state, errors = State.STOPPED, ()
            raise
        except Unavailable:
            errors = (FieldError("form", "The store could not be reached. Try again in a moment."),)
        except InvalidInput as error:
            errors = tuple(error.errors)
        except FlowkeysError as error:
            errors = (FieldError(FIELD, str(error)),)
        finally:
            job.errors, job.state = errors, state

    def _ended(self, job: ImportJob) -> None:
        self._tasks.pop(job.id, None)
        ended = [item for item in self._jobs.values() if item.state is not State.RUNNING]
        for old in ended[: max(0, len(ended) - KEPT)]:
            del self._jobs[old.id]


def _owner(caller: Caller) -> tuple[str, str]:
    return caller.workspace_id, caller.principal.id or caller.principal.kind
