"""Approving code of chatflows: by its digest, by somebody who holds everything."""

import asyncio
from collections.abc import Callable, Sequence

from flowkeys.domain.chatflows.chatflow import Chatflow
from flowkeys.domain.chatflows.code import CodePiece
from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.journal import Subject
from flowkeys.domain.permissions import ALL
from flowkeys.domain.principal import Caller
from flowkeys.service.chatflows.access import find
from flowkeys.service.chatflows.reader import ChatflowReader, CheckedChatflow
from flowkeys.service.journal import record
from flowkeys.service.ports.store import Transaction


def approve(
    tx: Transaction, caller: Caller, now: int, pieces: Sequence[CodePiece], of: dict[str, str]
) -> None:
    """Approve code that is not approved yet; `of` says in the log whose it is.

    The caller holds ``*``: whoever calls this has seen to it.
    """
    known = tx.code.approved(caller.workspace_id)
    new = {piece.digest: piece.label for piece in pieces if piece.digest not in known}
    if not new:
        return
    tx.code.approve(caller.workspace_id, new, now)
    _record(tx, caller, now, "code.approve", after={**of, "approved": new})


def withdraw(
    tx: Transaction, caller: Caller, now: int, pieces: Sequence[CodePiece], of: dict[str, str]
) -> None:
    """Approve code no longer that is approved."""
    known = tx.code.approved(caller.workspace_id)
    gone = {piece.digest: piece.label for piece in pieces if piece.digest in known}
    if not gone:
        return
    tx.code.withdraw(caller.workspace_id, gone)
    _record(tx, caller, now, "code.withdraw", before={**of, "approved": gone})


def seen(pieces: Sequence[CodePiece], digests: Sequence[str] | None) -> list[CodePiece]:
    """Return the pieces with these digests, or all: what was looked at is what is approved.

    Raises:
        InvalidInput: naming ``digests``: there is other code now than was looked at.
    """
    if digests is None:
        return list(pieces)
    there = {piece.digest for piece in pieces}
    if set(digests) - there:
        raise InvalidInput.of("digests", "The code has changed since it was shown. Look at it again.")
    return [piece for piece in pieces if piece.digest in set(digests)]


def may_approve(caller: Caller) -> bool:
    """Tell whether the caller holds ``*``, which approving code takes."""
    return caller.holds(ALL)


def _record(
    tx: Transaction,
    caller: Caller,
    now: int,
    action: str,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    record(
        tx,
        caller,
        now,
        action=action,
        subject=Subject.CODE,
        subject_id=caller.workspace_id,
        version=0,
        before=before,
        after=after,
    )


Change = Callable[[Transaction, Caller, int, Sequence[CodePiece], dict[str, str]], None]
"""`approve` or `withdraw`."""


def named(chatflow: Chatflow) -> dict[str, str]:
    """Return whose code it is, for the log."""
    return {"chatflow": chatflow.name, "chatflowId": chatflow.id}


class CodeApprovals(ChatflowReader):
    """Approving the code of chatflows."""

    async def approve(
        self, caller: Caller, chatflow_id: str, digests: Sequence[str] | None = None
    ) -> CheckedChatflow:
        """Approve code that the chatflow would run: all of it, or what was looked at, by its digests.

        Raises:
            Forbidden: the caller does not hold ``*``.
            InvalidInput: naming ``digests``: the chatflow has no such code any more.
            NotFound: the workspace has no such chatflow.
        """
        return await self._approved(caller, chatflow_id, digests, approve)

    async def withdraw(
        self, caller: Caller, chatflow_id: str, digests: Sequence[str] | None = None
    ) -> CheckedChatflow:
        """Approve the chatflow's code no longer; other chatflows with the same do not run either.

        Raises: as `approve` does.
        """
        return await self._approved(caller, chatflow_id, digests, withdraw)

    async def _approved(
        self, caller: Caller, chatflow_id: str, digests: Sequence[str] | None, change: Change
    ) -> CheckedChatflow:
        caller.require(ALL)
        now = self._clock()

        def work(tx: Transaction) -> Chatflow:
            chatflow = find(tx, caller, chatflow_id)
            pieces = seen(self._engine.check(chatflow).codes, digests)
            change(tx, caller, now, pieces, named(chatflow))
            return find(tx, caller, chatflow_id)

        return await self._check(await self._store.write(work))

    async def _approved_along(self, caller: Caller, made: Chatflow) -> Sequence[CodePiece]:
        if not may_approve(caller):
            return ()
        return await asyncio.to_thread(self._own_code, made)

    def _new_code(self, before: Chatflow, after: Chatflow) -> Sequence[CodePiece]:
        """Return the code that a chatflow comes to have itself: what stood there may be unread."""
        stood = {piece.digest for piece in self._own_code(before)}
        return [piece for piece in self._own_code(after) if piece.digest not in stood]

    def _own_code(self, chatflow: Chatflow) -> Sequence[CodePiece]:
        """Return the code that a chatflow has itself: sending it is not sending its tools."""
        return [piece for piece in self._engine.check(chatflow).codes if not piece.is_apart]
