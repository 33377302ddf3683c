"""Chatflows: making, listing, changing and deleting them, and who may call them."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowType
from flowkeys.domain.chatflows.visitors import VisitorRules, read_rules
from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.ids import new_id
from flowkeys.domain.journal import Subject
from flowkeys.domain.limits.rate import RateLimit
from flowkeys.domain.predictions.executed import FIELD
from flowkeys.domain.principal import Caller
from flowkeys.service.chatflows import approving
from flowkeys.service.chatflows.access import bind, find, release, unbind
from flowkeys.service.chatflows.approving import CodeApprovals
from flowkeys.service.chatflows.credentials import named
from flowkeys.service.chatflows.input import EMPTY_FLOW, ChatflowPatch, checked, not_understood, wanted_keys
from flowkeys.service.chatflows.reader import CheckedChatflow
from flowkeys.service.forms.once import spend
from flowkeys.service.journal import record
from flowkeys.service.limits import require_counted_as
from flowkeys.service.ports.store import Transaction

Expectation = Callable[[CheckedChatflow], None]
"""Raises `InvalidInput` when a chatflow is not as its caller believes."""


class ChatflowService(CodeApprovals):
    """Every write to a chatflow goes through here; reading is inherited."""

    async def create(
        self, caller: Caller, patch: ChatflowPatch, once: str | None = None, *, approves: bool = False
    ) -> CheckedChatflow:
        """Store a chatflow; it is closed unless the patch binds a key or makes it public.

        `once` is the one-time value of the form that asks for it. With `approves`, the code in it is approved
        along, if the caller holds ``*``.

        Raises:
            AlreadySent: the form of `once` made a chatflow before, which the exception names.
            Forbidden: the caller lacks ``chatflows:create``, or binds a key that holds more than it does.
            InvalidInput: naming every field that is wrong.
        """
        caller.require("chatflows:create")
        patch = checked(patch)
        if not isinstance(patch.name, str):
            raise InvalidInput.of("name", "Give the chatflow a name.")
        now = self._clock()
        blank = Chatflow(
            id=new_id(),
            workspace_id=caller.workspace_id,
            name=patch.name,
            type=ChatflowType.CHATFLOW,
            flow_data=EMPTY_FLOW,
            is_public=False,
            chatbot_config=None,
            api_config=None,
            category=None,
            extras={},
            created_at=now,
            updated_at=now,
            version=1,
        )
        made = await asyncio.to_thread(self._patched, blank, patch)
        _refuse_open_door(made)
        await asyncio.to_thread(self._require_collections, caller, blank, made)
        pieces = await self._approved_along(caller, made) if approves else ()

        def work(tx: Transaction) -> Chatflow:
            if once is not None:
                spend(tx, caller, once, made.id, now)
            _require_counted(tx, now, blank, made)
            tx.chatflows.insert(made)
            _record(tx, caller, now, "chatflow.create", None, made)
            approving.approve(tx, caller, now, pieces, approving.named(made))
            _write_bindings(tx, caller, made, patch, now)
            return find(tx, caller, made.id)

        return await self._check(await self._store.write(work))

    async def update(
        self,
        caller: Caller,
        chatflow_id: str,
        patch: ChatflowPatch,
        expect: Expectation | None = None,
        *,
        approves: bool = False,
    ) -> CheckedChatflow:
        """Change what the patch names, bindings included, if the chatflow is as the caller expects it.

        With `approves`, code that is new with the graph that is given is approved along, if the caller holds
        ``*``.

        Raises:
            Forbidden: the caller lacks ``chatflows:update``, or binds a key that holds more than it does, or
                unbinds one as it may not (`unbind`).
            InvalidInput: naming every field that is wrong.
            NotFound: the workspace has no such chatflow.
        """
        caller.require("chatflows:update")
        patch = checked(patch)
        now = self._clock()
        given = approves and isinstance(patch.flow_data, str) and approving.may_approve(caller)

        def work(tx: Transaction) -> Chatflow:
            before = find(tx, caller, chatflow_id)
            if expect is not None:
                expect(self._with_absent(tx, self.checked(before)))
            after = self._patched(before, patch)
            if after != before:
                _refuse_open_door(after)
                self._require_collections(caller, before, after)
                after = msgspec.structs.replace(after, updated_at=now, version=before.version + 1)
                _require_counted(tx, now, before, after)
                tx.chatflows.update(after)
                _record(tx, caller, now, "chatflow.update", before, after)
            if given:
                approving.approve(tx, caller, now, self._new_code(before, after), approving.named(after))
            _write_bindings(tx, caller, after, patch, now)
            return find(tx, caller, chatflow_id)

        return await self._check(await self._store.write(work))

    async def bind(self, caller: Caller, chatflow_id: str, key_id: str) -> CheckedChatflow:
        """Bind one key more, which ends being public.

        Raises:
            Forbidden: the caller lacks ``chatflows:update``, or the key holds more than it does.
            InvalidInput: naming ``keyId``: the workspace has no such key, or it is revoked.
            NotFound: the workspace has no such chatflow.
        """
        caller.require("chatflows:update")
        now = self._clock()

        def work(tx: Transaction) -> Chatflow:
            find(tx, caller, chatflow_id)
            bind(tx, caller, chatflow_id, key_id, now, "keyId")
            return find(tx, caller, chatflow_id)

        return await self._check(await self._store.write(work))

    async def unbind(self, caller: Caller, chatflow_id: str, key_id: str) -> CheckedChatflow:
        """Unbind one key; the chatflow stays as closed as it was.

        Raises:
            Forbidden: the caller lacks ``chatflows:update``, or the key holds more than it does, or is
                limited on the chatflow and the caller lacks ``apikeys:update``.
            NotFound: the workspace has no such chatflow.
        """
        caller.require("chatflows:update")
        now = self._clock()

        def work(tx: Transaction) -> Chatflow:
            unbind(tx, caller, chatflow_id, key_id, now)
            return find(tx, caller, chatflow_id)

        return await self._check(await self._store.write(work))

    async def delete(self, caller: Caller, chatflow_id: str) -> None:
        """Delete a chatflow with its conversations; its keys stay, unbound from it.

        Raises:
            NotFound: the workspace has no such chatflow.
        """
        caller.require("chatflows:delete")
        now = self._clock()

        def work(tx: Transaction) -> None:
            chatflow = find(tx, caller, chatflow_id)
            for key_id in chatflow.key_ids:
                release(tx, caller, chatflow, key_id, now)
                chatflow = find(tx, caller, chatflow_id)
            tx.chatflows.delete(caller.workspace_id, chatflow_id)
            gone = msgspec.structs.replace(chatflow, version=chatflow.version + 1)
            _record(tx, caller, now, "chatflow.delete", chatflow, gone)

        await self._store.write(work)

    def _patched(self, before: Chatflow, patch: ChatflowPatch) -> Chatflow:
        names = None if isinstance(patch.credentials, msgspec.UnsetType) else patch.credentials
        return named(self._engine, before, _patched(before, patch), names)

    def _require_collections(self, caller: Caller, before: Chatflow, after: Chatflow) -> None:
        """Raise `Forbidden` when a chatflow comes to read documents that its author may not see."""
        if after.flow_data == before.flow_data or caller.holds("documentStores:view"):
            return
        if self._engine.collections(after) - self._engine.collections(before):
            caller.require("documentStores:view")


_PLAIN: Final = ("name", "type", "flow_data", "is_public", "chatbot_config", "api_config", "category")


def _patched(chatflow: Chatflow, patch: ChatflowPatch) -> Chatflow:
    given = {
        name: value
        for name in (*_PLAIN, "rate_limits")
        if not isinstance(value := getattr(patch, name), msgspec.UnsetType)
    }
    # A member that is null may be put back where there is none.
    new = {name: value for name, value in patch.extras.items() if value != chatflow.extras.get(name)}
    return msgspec.structs.replace(chatflow, **given, extras={**chatflow.extras, **new})


def _refuse_open_door(chatflow: Chatflow) -> None:
    """Raise `InvalidInput` when a public chatflow asks for what cannot be enforced."""
    if chatflow.is_public and (errors := not_understood(chatflow)):
        raise InvalidInput(*errors)


def _require_counted(tx: Transaction, now: int, before: Chatflow, after: Chatflow) -> None:
    require_counted_as("rateLimits", tx, now, after.rate_limits, before.rate_limits)
    require_counted_as("apiConfig", tx, now, _visitors_rates(after), _visitors_rates(before))


def _visitors_rates(chatflow: Chatflow) -> tuple[RateLimit, ...]:
    try:
        rules = read_rules(chatflow.api_config, None)
    except ValueError:  # nobody is let in by what is not understood
        return ()
    return () if rules is None or rules.limits is None else rules.limits.rates


def _write_bindings(
    tx: Transaction, caller: Caller, chatflow: Chatflow, patch: ChatflowPatch, now: int
) -> None:
    wanted, field = wanted_keys(chatflow, patch)
    if wanted is None:
        return
    caller.require("chatflows:update")
    for key_id in chatflow.key_ids:
        if key_id not in wanted:
            unbind(tx, caller, chatflow.id, key_id, now)
    for key_id in wanted:
        bind(tx, caller, chatflow.id, key_id, now, field)
    current = find(tx, caller, chatflow.id)
    if not wanted and current.is_public:  # who takes the last key away means to close it
        closed = msgspec.structs.replace(current, is_public=False, version=current.version + 1)
        tx.chatflows.update(closed)
        _record(tx, caller, now, "chatflow.update", current, closed)


def _record(
    tx: Transaction, caller: Caller, now: int, action: str, before: Chatflow | None, after: Chatflow
) -> None:
    record(
        tx,
        caller,
        now,
        action=action,
        subject=Subject.CHATFLOW,
        subject_id=after.id,
        version=after.version,
        before=None if before is None else _for_people(before),
        after=None if action == "chatflow.delete" else _for_people(after),
    )


def _for_people(chatflow: Chatflow) -> dict[str, object]:
    return {
        "name": chatflow.name,
        "type": chatflow.type.value,
        "isPublic": chatflow.is_public,
        "category": chatflow.category,
        "rateLimits": [str(rate) for rate in chatflow.rate_limits],
        **_visitors_for_people(chatflow),
        "flowDataCharacters": len(chatflow.flow_data),
        "credentials": dict(chatflow.credentials),
        FIELD: chatflow.extras.get(FIELD),
        "apiKeyIds": list(chatflow.key_ids),
    }


def _visitors_for_people(chatflow: Chatflow) -> dict[str, object]:
    """Return what its configuration asks of callers; what cannot be understood asks nothing."""
    try:
        rules = read_rules(chatflow.api_config, chatflow.chatbot_config) or VisitorRules()
    except (ValueError, RecursionError):  # msgspec's are ValueErrors
        rules = VisitorRules()
    rates = () if rules.limits is None else rules.limits.rates
    return {
        "addressRateLimits": [str(rate) for rate in rates],
        "allowedOrigins": sorted(rules.origins or ()),
    }
