"""A page of keys, quick with 100,000 of them.

Unsearched, an index gives the order and the kept counts give the total. Searched, there are two plans: few
matches are collected through the trigram index and sorted; many matches are met soon enough by walking the
index of the order. Counting the first few thousand matches tells which it is.
"""

import re
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, column, exists, func, or_, select, table, text

from flowkeys.domain.api_key import Status, fold_name
from flowkeys.domain.listing import KeyQuery
from flowkeys.storage.schema import api_key, binding, key_count, token
from flowkeys.storage.statement import Connection, Row

FEW: Final = 3000
"""Up to so many matches are collected and sorted; the figure is where the two plans cost the same."""

_TRIGRAM: Final = 3
_HINT = re.compile(r"(?:fl-)?[•.…*]*([0-9A-Za-z]{4})")
_fts = table("key_name_fts", column("rowid"))


def fetch(connection: Connection, columns: Select[Any], query: KeyQuery, now: int) -> tuple[list[Row], int]:
    """Return the rows of `columns` that the query asks for, and how many match in all."""
    searched = fold_name(query.search.strip())
    narrow = _narrow(connection, searched) if searched else None
    conditions = [*_filters(query, now), *([narrow] if narrow is not None else [])]
    if searched and narrow is None:
        conditions.append(_contains(searched))
    total = _total(connection, query, now, conditions, searched)
    statement = columns.where(*conditions).order_by(*_order(query))
    if query.before is not None:
        statement = statement.where(_older_than(query.before))
    return connection.query(statement.limit(query.limit).offset(query.offset)), total


def _filters(query: KeyQuery, now: int) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [api_key.c.workspace_id == query.workspace_id]
    status = query.status
    if status is None:
        conditions.append(api_key.c.status != Status.REVOKED.value)
    elif status == Status.EXPIRED:
        conditions += [api_key.c.status == Status.ACTIVE.value, api_key.c.expires_at <= now]
    elif status == Status.ACTIVE:
        unexpired = or_(api_key.c.expires_at.is_(None), api_key.c.expires_at > now)
        conditions += [api_key.c.status == Status.ACTIVE.value, unexpired]
    elif status != "all":
        conditions.append(api_key.c.status == Status(status).value)
    if query.chatflow_id is not None:
        bound = select(binding.c.key_id).where(
            binding.c.workspace_id == query.workspace_id, binding.c.chatflow_id == query.chatflow_id
        )
        conditions.append(api_key.c.id.in_(bound))
    return conditions


def _narrow(connection: Connection, searched: str) -> ColumnElement[bool] | None:
    """Return the condition for few matches, or None when the names have to be looked at one by one."""
    if len(searched) < _TRIGRAM or "\0" in searched:
        return None
    phrase = '"' + searched.replace('"', '""') + '"'
    matches = select(_fts.c.rowid).where(text("key_name_fts MATCH :phrase").bindparams(phrase=phrase))
    found = connection.query(select(func.count()).select_from(matches.limit(FEW + 1).subquery()))[0][0]
    if found > FEW:
        return None
    return or_(api_key.c.seq.in_(matches), *_by_hint(searched))


def _contains(searched: str) -> ColumnElement[bool]:
    return or_(func.instr(api_key.c.name_folded, searched) > 0, *_by_hint(searched))


def _by_hint(searched: str) -> list[ColumnElement[bool]]:
    match = _HINT.fullmatch(searched)
    if match is None:
        return []
    # Folding the search lost its case; hints are few enough to compare without it.
    return [api_key.c.id.in_(select(token.c.key_id).where(func.lower(token.c.hint) == match[1]))]


def _total(
    connection: Connection,
    query: KeyQuery,
    now: int,
    conditions: list[ColumnElement[bool]],
    searched: str,
) -> int:
    if searched or query.chatflow_id is not None or query.status == Status.EXPIRED:
        return _count(connection, and_(*conditions))
    kept = select(key_count.c.status, key_count.c.total).where(key_count.c.workspace_id == query.workspace_id)
    counts: dict[Status, int] = {Status(status): total for status, total in connection.query(kept)}
    if query.status == "all":
        return sum(counts.values())
    if query.status is None:
        return counts.get(Status.ACTIVE, 0) + counts.get(Status.DISABLED, 0)
    if query.status is Status.ACTIVE:
        expired = and_(
            api_key.c.workspace_id == query.workspace_id,
            api_key.c.status == Status.ACTIVE.value,
            api_key.c.expires_at <= now,
        )
        return counts.get(Status.ACTIVE, 0) - _count(connection, expired)
    return counts.get(Status(query.status), 0)


def _count(connection: Connection, condition: ColumnElement[bool]) -> int:
    counted: int = connection.query(select(func.count()).select_from(api_key).where(condition))[0][0]
    return counted


def _order(query: KeyQuery) -> list[ColumnElement[Any]]:
    by: ColumnElement[Any] = {
        "createdAt": api_key.c.created_at,
        "keyName": api_key.c.name_folded,
        "status": api_key.c.status,
        "lastUsedAt": api_key.c.last_used_at,
        "updatedAt": api_key.c.updated_at,
        # Keys without expiry come last, as the latest to expire (there is an index on this expression).
        "expiresAt": func.coalesce(api_key.c.expires_at, text("9223372036854775807")),
    }[query.sort]
    return [by.desc(), api_key.c.seq.desc()] if query.descending else [by.asc(), api_key.c.seq.asc()]


def _older_than(key_id: str) -> ColumnElement[bool]:
    """What comes after a key, newest first. Times alone do not tell: two keys may share one."""
    last = api_key.alias()
    return exists().where(
        last.c.id == key_id,
        last.c.workspace_id == api_key.c.workspace_id,
        or_(
            api_key.c.created_at < last.c.created_at,
            and_(api_key.c.created_at == last.c.created_at, api_key.c.seq < last.c.seq),
        ),
    )
