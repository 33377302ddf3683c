"""Reading the audit log within one transaction."""

from collections.abc import Collection, Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select, text

from flowkeys.domain.audit.entry import (
    KINDS_OF_ACTORS,
    KINDS_OF_SUBJECTS,
    MOST_CHOICES,
    AuditChoices,
    AuditQuery,
    AuditRecord,
    name_in,
)
from flowkeys.domain.ids import is_id
from flowkeys.domain.journal import AuditEntry
from flowkeys.domain.listing import Page
from flowkeys.storage.elements import listed
from flowkeys.storage.schema import (
    api_key,
    audit,
    audit_count,
    chatflow,
    collection,
    credential,
    customer,
    person,
    variable,
    webhook,
    workspace,
)
from flowkeys.storage.statement import Connection, Row, Statement, in_json

_FIELDS: Final = AuditEntry.__struct_fields__
_SELECT: Final = select(audit.c.seq, *(audit.c[name] for name in _FIELDS))
_ORDER: Final = (audit.c.at.desc(), audit.c.seq.desc())
_AT: Final = Statement(
    select(audit.c.at).where(audit.c.workspace_id == bindparam("workspace"), audit.c.seq == bindparam("row"))
)
_OF_SUBJECT: Final = Statement(
    _SELECT.where(
        audit.c.workspace_id == bindparam("workspace"), audit.c.subject_id == bindparam("subject")
    ).order_by(*_ORDER)
)
_LOOKED_AT: Final = 100
"""Entries of a thing that is gone among which one has its name."""
_NAMED: Final = tuple(
    Statement(select(table.c.id, name).where(scope == bindparam("workspace"), table.c.id.in_(listed("ids"))))
    for table, name, scope in (
        *(
            (each, each.c.name, each.c.workspace_id)
            for each in (api_key, chatflow, collection, credential, customer, person, variable)
        ),
        (webhook, webhook.c.url, webhook.c.workspace_id),
        (workspace, workspace.c.name, workspace.c.id),
    )
)


def _distinct(column: str) -> Statement:
    """Return the statement for what there is in a column: one look into the index for each."""
    step = f"SELECT min({column}) FROM audit WHERE workspace_id = :workspace AND {column} > known.value"  # noqa: S608
    known = (
        f"WITH RECURSIVE known(value) AS ("  # noqa: S608 - of constants
        f"SELECT min({column}) FROM audit WHERE workspace_id = :workspace"
        f" UNION ALL SELECT ({step}) FROM known WHERE value IS NOT NULL"
    )
    asked, most = "SELECT value FROM known WHERE value IS NOT NULL", f"LIMIT {MOST_CHOICES + 1}"
    # PostgreSQL goes on with a recursion for as long as somebody asks for more.
    return Statement(text(f"{known} {most}) {asked}"), postgres=text(f"{known}) {asked} {most}"))


_ACTORS: Final = _distinct("actor_name")
_ACTIONS: Final = _distinct("action")


class AuditTable:
    """Implements the port `AuditLog`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(self, query: AuditQuery) -> Page[AuditRecord]:
        """Return the entries that match, newest first, and how many match in all."""
        counted = self._connection.query(_total(query))
        return Page(self.part(query), counted[0][0])

    def part(self, query: AuditQuery) -> list[AuditRecord]:
        """Return the entries that match, newest first, without counting all."""
        found: Select[Any] = _SELECT.where(*_wanted(query))
        if query.before is not None:
            at = self._connection.row(_AT, {"workspace": query.workspace_id, "row": query.before})
            if at is None:
                return []
            found = found.where(
                and_(audit.c.at <= at[0], or_(audit.c.at < at[0], audit.c.seq < query.before))
            )
        rows = self._connection.query(found.order_by(*_ORDER).limit(query.limit).offset(query.offset))
        return [_record(row) for row in rows]

    def names(self, workspace_id: str, ids: Collection[str]) -> dict[str, str]:
        """Return what things are called, or were called last, by their ids; nothing of what nobody knows."""
        found: dict[str, str] = {}
        for statement in _NAMED:
            found.update(
                self._connection.rows(statement, {"workspace": workspace_id, "ids": in_json(sorted(ids))})
            )
        for gone in set(ids) - found.keys():
            name = next(self._names_of(workspace_id, gone), None)
            if name is not None:
                found[gone] = name
        return found

    def choices(self, workspace_id: str) -> AuditChoices:
        """Return who did something, and what was done."""
        actors, actions = (
            tuple(
                sorted(
                    (row[0] for row in self._connection.rows(statement, {"workspace": workspace_id})),
                    key=str.casefold,
                )
            )
            for statement in (_ACTORS, _ACTIONS)
        )
        return AuditChoices(actors[:MOST_CHOICES], actions[:MOST_CHOICES])

    def _names_of(self, workspace_id: str, subject_id: str) -> Iterator[str]:
        cursor = self._connection.each(_OF_SUBJECT, {"workspace": workspace_id, "subject": subject_id})
        try:
            for row in cursor.fetchmany(_LOOKED_AT):
                name = name_in(_record(row).entry)
                if name is not None:
                    yield name
        finally:
            cursor.close()


def _wanted(query: AuditQuery) -> list[ColumnElement[bool]]:
    wanted = [audit.c.workspace_id == query.workspace_id]
    if query.subject is not None:
        column = audit.c.subject if query.subject in KINDS_OF_SUBJECTS else audit.c.subject_id
        wanted.append(column == query.subject)
    if query.actor is not None:
        is_kind = query.actor in KINDS_OF_ACTORS
        column = (
            audit.c.actor_type if is_kind else audit.c.actor_id if is_id(query.actor) else audit.c.actor_name
        )
        wanted.append(column == query.actor)
    if query.action is not None:
        wanted.append(audit.c.action == query.action)
    if query.since is not None:
        wanted.append(audit.c.at >= query.since)
    if query.until is not None:
        wanted.append(audit.c.at < query.until)
    return wanted


def _total(query: AuditQuery) -> Select[Any]:
    """Return the question how many match; what triggers count need not be counted again."""
    is_timed = query.since is not None or query.until is not None
    if (
        is_timed
        or query.actor not in {None, *KINDS_OF_ACTORS}
        or query.subject not in {None, *KINDS_OF_SUBJECTS}
    ):
        return select(func.count()).select_from(audit).where(*_wanted(query))
    wanted = [audit_count.c.workspace_id == query.workspace_id]
    if query.actor is not None:
        wanted.append(audit_count.c.actor_type == query.actor)
    if query.subject is not None:
        wanted.append(audit_count.c.subject == query.subject)
    if query.action is not None:
        wanted.append(audit_count.c.action == query.action)
    return select(func.coalesce(func.sum(audit_count.c.total), 0)).where(*wanted)


def _record(row: Row) -> AuditRecord:
    values = dict(zip(_FIELDS, row[1:], strict=True))
    for name in ("before", "after"):
        values[name] = None if values[name] is None else msgspec.json.decode(values[name])
    return AuditRecord(row[0], AuditEntry(**values))
