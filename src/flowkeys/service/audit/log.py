"""What people ask of the audit log."""

from collections.abc import AsyncIterator, Iterable
from typing import Final

import msgspec

from flowkeys.domain.audit.chain import Head
from flowkeys.domain.audit.entry import AuditChoices, AuditQuery, AuditRecord, name_in
from flowkeys.domain.listing import Page
from flowkeys.domain.principal import Caller
from flowkeys.service.ports.store import Store, Transaction

AUDIT_VIEW: Final = "audit:view"
PART: Final = 1000
"""Entries of an export that are in memory at once."""


class AuditService:
    """Reads the log; everybody who changes something writes to it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, caller: Caller, query: AuditQuery) -> Page[AuditRecord]:
        """Return the entries that match, newest first, of the caller's workspace whatever the query says.

        Raises:
            Forbidden: the caller lacks ``audit:view``.
        """
        own = _own(caller, query)

        def work(tx: Transaction) -> Page[AuditRecord]:
            found = tx.audit_log.page(own)
            return Page(_named(tx, own.workspace_id, found.items), found.total)

        return await self._store.read(work)

    async def part(self, caller: Caller, query: AuditQuery) -> list[AuditRecord]:
        """Return the entries that match, newest first, without counting all.

        Raises:
            Forbidden: the caller lacks ``audit:view``.
        """
        own = _own(caller, query)
        return await self._store.read(lambda tx: _named(tx, own.workspace_id, tx.audit_log.part(own)))

    async def every(self, caller: Caller, query: AuditQuery) -> AsyncIterator[list[AuditRecord]]:
        """Yield all entries that match, newest first, a part at a time.

        Raises:
            Forbidden: the caller lacks ``audit:view``.
        """
        own = msgspec.structs.replace(_own(caller, query), limit=PART, offset=0)
        while items := await self.part(caller, own):
            yield items
            if len(items) < PART:
                return
            own = msgspec.structs.replace(own, before=items[-1].seq)

    async def head(self, caller: Caller) -> Head:
        """Return the head of the chain, which goes through all workspaces.

        Raises:
            Forbidden: the caller lacks ``audit:view``.
        """
        caller.require(AUDIT_VIEW)
        return await self._store.read(lambda tx: tx.audit_chain.head())

    async def choices(self, caller: Caller) -> AuditChoices:
        """Return who did something, and what was done.

        Raises:
            Forbidden: the caller lacks ``audit:view``.
        """
        caller.require(AUDIT_VIEW)
        return await self._store.read(lambda tx: tx.audit_log.choices(caller.workspace_id))

    async def names(self, caller: Caller, ids: Iterable[str]) -> dict[str, str]:
        """Return what things of the workspace are called, or were called last, by their ids.

        Raises:
            Forbidden: the caller lacks ``audit:view``.
        """
        caller.require(AUDIT_VIEW)
        wanted = frozenset(ids)
        return await self._store.read(lambda tx: tx.audit_log.names(caller.workspace_id, wanted))


def _own(caller: Caller, query: AuditQuery) -> AuditQuery:
    caller.require(AUDIT_VIEW)
    return msgspec.structs.replace(query, workspace_id=caller.workspace_id)


def _named(tx: Transaction, workspace_id: str, items: list[AuditRecord]) -> list[AuditRecord]:
    own = [name_in(item.entry) for item in items]
    unnamed = {item.entry.subject_id for item, name in zip(items, own, strict=True) if name is None}
    known = tx.audit_log.names(workspace_id, unnamed) if unnamed else {}
    return [
        msgspec.structs.replace(item, subject_name=name or known.get(item.entry.subject_id))
        for item, name in zip(items, own, strict=True)
    ]
