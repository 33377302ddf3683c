"""Imports of documents within one transaction."""

from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from flowkeys.domain.chatflows.import_job import ImportJob, State
from flowkeys.domain.errors import FieldError
from flowkeys.storage.schema import import_job
from flowkeys.storage.statement import Connection, Statement

_NAMES: Final = list(ImportJob.__struct_fields__)
_TOLD: Final = ("done", "refused", "state", "chatflow_id", "errors", "told_at")
_of = (import_job.c.workspace_id == bindparam("workspace"), import_job.c.owner == bindparam("whose"))
_this = import_job.c.id == bindparam("its_id")
_SELECT: Final = select(*(import_job.c[name] for name in _NAMES))

_ADD = Statement(insert(import_job), _NAMES)
_GET = Statement(_SELECT.where(*_of, _this))
_OF = Statement(_SELECT.where(*_of).order_by(import_job.c.begun_at.desc(), import_job.c.id))
_TELL = Statement(update(import_job).where(_this), list(_TOLD))
_STOPPING = Statement(select(import_job.c.is_stopping).where(_this))
_ASK = Statement(update(import_job).where(*_of, _this).values(is_stopping=True))
_FORGET = Statement(delete(import_job).where(import_job.c.told_at < bindparam("before")))


class ImportJobTable:
    """Implements the port `ImportJobRows`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, job: ImportJob) -> None:
        """Add an import."""
        self._connection.run(_ADD, _values(job))

    def get(self, workspace_id: str, owner: str, job_id: str) -> ImportJob | None:
        """Return an import of somebody's own."""
        row = self._connection.row(_GET, {"workspace": workspace_id, "whose": owner, "its_id": job_id})
        return _job(row) if row else None

    def of(self, workspace_id: str, owner: str) -> list[ImportJob]:
        """Return all of somebody's, the last begun first."""
        found = self._connection.rows(_OF, {"workspace": workspace_id, "whose": owner})
        return [_job(row) for row in found]

    def tell(self, job: ImportJob) -> bool:
        """Store how far it is; tell whether it is to stop."""
        values = _values(job)
        self._connection.run(_TELL, {"its_id": job.id, **{name: values[name] for name in _TOLD}})
        row = self._connection.row(_STOPPING, {"its_id": job.id})
        return bool(row and row[0])

    def ask_to_stop(self, workspace_id: str, owner: str, job_id: str) -> None:
        """Note that its owner wants it stopped."""
        self._connection.run(_ASK, {"workspace": workspace_id, "whose": owner, "its_id": job_id})

    def forget(self, before: int) -> None:
        """Delete those of which nothing was heard since a time, in every workspace."""
        self._connection.run(_FORGET, {"before": before})


def _values(job: ImportJob) -> dict[str, Any]:
    values = msgspec.structs.asdict(job)
    values["state"] = job.state.value
    values["errors"] = msgspec.json.encode(job.errors).decode()
    return values


def _job(row: tuple[Any, ...]) -> ImportJob:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    values["state"], values["is_stopping"] = State(values["state"]), bool(values["is_stopping"])
    values["errors"] = msgspec.json.decode(values["errors"], type=tuple[FieldError, ...])
    return ImportJob(**values)
