"""Every write to a key goes through here, and so does every list of them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType

import msgspec

from flowkeys.domain.ids import new_ordered_id
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.domain.keys.digest import TokenDigest, TokenHasher
from flowkeys.domain.keys.networks import Client
from flowkeys.domain.keys.rotation import TokenUses
from flowkeys.domain.keys.token import Token
from flowkeys.domain.listing import KeyQuery, Page
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.service.forms.once import spend
from flowkeys.service.keys.bulk import MAX_KEYS, BulkResult, all_of, checked_ids, set_status
from flowkeys.service.keys.changes import (
    get_key,
    given,
    record_change,
    save,
    set_binding_limits,
    set_chatflows,
    with_status,
)
from flowkeys.service.keys.input import KeyPatch, NewKey, checked
from flowkeys.service.keys.lost import revoke_made_under
from flowkeys.service.keys.of_customer import chosen, require_may_change
from flowkeys.service.keys.policies import enforce, enforce_number
from flowkeys.service.keys.reports import KeyReports
from flowkeys.service.keys.rotations import MadeKey, Rotations
from flowkeys.service.keys.shown import Shown
from flowkeys.service.keys.uses import store_uses
from flowkeys.service.limits import require_counted
from flowkeys.service.ports.keys.makers import KeysMade
from flowkeys.service.ports.store import Store, Transaction
from flowkeys.service.ports.verification import RecentUses
from flowkeys.service.quotas import QuotaViews

Expectation = Callable[[ApiKey], None]
"""Raises `InvalidInput` when a key is not as its caller believes."""


class Keyring:
    """Makes, lists, changes and revokes keys."""

    def __init__(
        self,
        store: Store,
        hasher: TokenHasher,
        clock: Clock,
        uses: RecentUses | None = None,
        quotas: QuotaViews | None = None,
    ) -> None:
        """Keep keys in `store`; `uses` and `quotas` know what this process has not stored yet."""
        self._store = store
        self._hasher = hasher
        self._clock = clock
        self.rotations = Rotations(store, hasher, clock, uses)
        """New tokens for keys that are there."""
        self._quotas = quotas or QuotaViews()
        self._shown = Shown(uses, self.rotations, self._quotas)
        self.reports = KeyReports(store, clock)

    async def create(self, caller: Caller, new: NewKey, once: str | None = None) -> MadeKey:
        """Make a key, bound to `new.chatflow_ids`; `once` is the one-time value of the form that asks for it.

        Raises:
            AlreadySent: the form of `once` made a key before, which the exception names; none is made now.
            Forbidden: the caller lacks ``apikeys:create``, or something that the key is to hold.
            InvalidInput: a field is wrong, or names a chatflow or customer that the workspace does not have,
                or the form is too old, or (`PolicyViolated`) a policy forbids it.
        """
        caller.require("apikeys:create")
        now = self._clock()
        patch = checked(new.as_patch(), now)
        caller.require_ceiling(new.permissions)
        digest = self._hasher.digest(token := Token.mint()).newest
        key = ApiKey(
            id=new_ordered_id(now),
            workspace_id=caller.workspace_id,
            name=str(patch.name),
            permissions=new.permissions,
            status=Status.ACTIVE,
            hint=token.hint,
            expires_at=new.expires_at,
            note=new.note or None,
            created_by=caller.principal.as_creator(),
            created_at=now,
            updated_at=now,
            last_used_at=None,
            revoked_at=None,
            version=1,
            allowed_ips=given(patch.allowed_ips, ()),
            rate_limits=new.rate_limits,
            quotas=new.quotas,
        )

        def work(tx: Transaction) -> ApiKey:
            if once is not None:
                spend(tx, caller, once, key.id, now)
            require_counted(tx, now, new)
            enforce(tx, None, key, now)
            enforce_number(tx, caller, now)
            made = msgspec.structs.replace(key, customer=chosen(tx, caller, new.customer_id, key))
            tx.keys.insert(made, digest)
            if new.chatflow_ids:
                set_chatflows(tx, caller, made, new.chatflow_ids, now)
                made = get_key(tx, caller, key.id)
            record_change(tx, caller, now, "key.create", None, made)
            return made

        return MadeKey(await self._store.write(work), token, digest)

    async def get(self, caller: Caller, key_id: str, *, permission: str = "apikeys:view") -> ApiKey:
        """Return a key, in any status, with its very last use; `permission` is what the caller is to use.

        Raises:
            Forbidden: the caller lacks `permission`.
            NotFound: the workspace has no such key.
        """
        caller.require(permission)
        return self._shown.of(await self._store.read(lambda tx: get_key(tx, caller, key_id)))

    async def some(
        self, caller: Caller, key_ids: Sequence[str], *, permission: str = "apikeys:view"
    ) -> list[ApiKey]:
        """Return up to 1,000 keys, in any status and in the order of their ids, with their very last uses.

        Raises:
            Forbidden: the caller lacks `permission`.
            InvalidInput: naming ``ids``: the workspace does not have some of the keys, or too many are named.
        """
        caller.require(permission)
        ids = checked_ids(key_ids)
        found = await self._store.read(lambda tx: all_of(tx, caller, ids))
        return [self._shown.of(key) for key in found]

    async def page(self, caller: Caller, query: KeyQuery) -> Page[ApiKey]:
        """Return the keys that match, of the caller's workspace whatever the query says."""
        caller.require("apikeys:view")
        own = msgspec.structs.replace(query, workspace_id=caller.workspace_id)
        now = self._clock()
        found = await self._store.read(lambda tx: tx.keys.page(own, now))
        return Page(self._quotas.of_all(found.items), found.total)

    async def made_by(self, caller: Caller, creator_id: str) -> KeysMade:
        """Count what a person or key made, also through keys, without what is revoked."""
        caller.require("apikeys:view")
        return await self._store.read(lambda tx: tx.keys.made_by(caller.workspace_id, creator_id))

    async def ids_made_by(self, caller: Caller, creator_id: str) -> list[str]:
        """Return the first thousand of the keys that `made_by` counts."""
        caller.require("apikeys:view")
        return await self._store.read(
            lambda tx: tx.keys.ids_made_by(caller.workspace_id, creator_id, MAX_KEYS)
        )

    async def update(
        self, caller: Caller, key_id: str, patch: KeyPatch, expect: Expectation | None = None
    ) -> ApiKey:
        """Change what the patch names, if the key is as the caller expects it in the same transaction.

        Raises:
            Forbidden: the caller lacks ``apikeys:update``, ``chatflows:update`` for a change of chatflows,
                ``customers:update`` for one of its customer, or something that the key holds or is to hold.
            InvalidInput: a field is wrong, or the key is revoked, or (`PolicyViolated`) a policy forbids it.
            NotFound: the workspace has no such key.
        """
        caller.require("apikeys:update")
        now = self._clock()

        def change(tx: Transaction, key: ApiKey) -> ApiKey:
            if expect is not None:
                expect(self._shown.of(key))  # as `get` showed it
            # An expiry that passed may stand; a new one must lie ahead.
            same_expiry = patch.expires_at == key.expires_at
            cleaned = checked(
                msgspec.structs.replace(patch, expires_at=msgspec.UNSET) if same_expiry else patch, now
            )
            if isinstance(patch.permissions, frozenset):
                caller.require_ceiling(patch.permissions)
            if isinstance(patch.chatflow_ids, tuple):
                set_chatflows(tx, caller, key, patch.chatflow_ids, now)
            require_counted(tx, now, patch, key)
            set_binding_limits(tx, caller, key, given(patch.binding_limits, {}), now)
            return msgspec.structs.replace(
                key,
                name=given(cleaned.name, key.name),
                permissions=given(patch.permissions, key.permissions),
                expires_at=given(patch.expires_at, key.expires_at),
                note=given(patch.note, key.note) or None,
                allowed_ips=given(cleaned.allowed_ips, key.allowed_ips),
                customer=chosen(tx, caller, patch.customer_id, key),
                rate_limits=given(patch.rate_limits, key.rate_limits),
                quotas=given(patch.quotas, key.quotas),
            )

        return await self._change(caller, key_id, "key.update", change)

    async def disable(self, caller: Caller, key_id: str) -> ApiKey:
        """Refuse the key until it is enabled again; nothing changes when it is disabled already."""
        caller.require("apikeys:update")
        return await self._change(
            caller, key_id, "key.disable", lambda _tx, key: with_status(key, Status.DISABLED)
        )

    async def enable(self, caller: Caller, key_id: str) -> ApiKey:
        """Accept a disabled key again; nothing changes when it is enabled already."""
        caller.require("apikeys:update")
        return await self._change(
            caller, key_id, "key.enable", lambda _tx, key: with_status(key, Status.ACTIVE)
        )

    async def revoke(self, caller: Caller, key_id: str) -> bool:
        """End a key for good; tell whether it was still alive. Its row, name and history stay.

        The chatflows that it opened stay closed: revoking never opens one.
        """
        caller.require("apikeys:delete")
        now = self._clock()

        def work(tx: Transaction) -> bool:
            key = get_key(tx, caller, key_id)
            caller.require_ceiling(key.permissions)
            if key.status is Status.REVOKED:
                return False
            save(tx, caller, now, "key.revoke", key, with_status(key, Status.REVOKED))
            return True

        return await self._store.write(work)

    async def disable_many(self, caller: Caller, key_ids: Sequence[str]) -> BulkResult:
        """Refuse up to 1,000 keys until they are enabled again: all of them, or none.

        Raises:
            Forbidden: the caller lacks ``apikeys:update``, or some of the keys hold more than it does.
            InvalidInput: naming ``ids``: the workspace does not have some of the keys, or too many are named.
        """
        caller.require("apikeys:update")
        return await self._set_all(caller, key_ids, Status.DISABLED, "key.disable")

    async def enable_many(self, caller: Caller, key_ids: Sequence[str]) -> BulkResult:
        """Accept up to 1,000 disabled keys again: all of them, or none; raises what `disable_many` does."""
        caller.require("apikeys:update")
        return await self._set_all(caller, key_ids, Status.ACTIVE, "key.enable")

    async def revoke_many(self, caller: Caller, key_ids: Sequence[str]) -> BulkResult:
        """End up to 1,000 keys for good: all of them, or none. Their rows, names and histories stay.

        It raises what `disable_many` does, and needs ``apikeys:delete``.
        """
        caller.require("apikeys:delete")
        return await self._set_all(caller, key_ids, Status.REVOKED, "key.revoke")

    async def revoke_made_under(self, secret_id: str) -> int:
        """Revoke, as the operator, all workspaces' keys whose secret is lost; return how many there were."""
        now = self._clock()
        return await self._store.write(lambda tx: revoke_made_under(tx, secret_id, now))

    async def flush(
        self,
        last_used: Mapping[str, int],
        outdated: Mapping[TokenDigest, tuple[str, TokenDigest]],
        replaced: Mapping[int, TokenUses] = MappingProxyType({}),
        clients: Mapping[str, Client | None] = MappingProxyType({}),
        exercised: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> None:
        """Store what is buffered: last uses, digests under the newest secret, and uses of replaced tokens.

        `clients` are those of the last uses; what is kept of them is read here, in the writer's thread. A
        digest is written only where the old one still stands. None touches another column, so that nothing
        done to a key meanwhile is undone.
        """
        now = self._clock()
        buffered = last_used, outdated, replaced, clients, exercised
        await self._store.write(lambda tx: store_uses(tx, *buffered, now))

    async def _set_all(
        self, caller: Caller, key_ids: Sequence[str], status: Status, action: str
    ) -> BulkResult:
        ids = checked_ids(key_ids)
        now = self._clock()
        return await self._store.write(lambda tx: set_status(tx, caller, ids, status, action, now))

    async def _change(
        self, caller: Caller, key_id: str, action: str, change: Callable[[Transaction, ApiKey], ApiKey]
    ) -> ApiKey:
        now = self._clock()

        def work(tx: Transaction) -> ApiKey:
            key = get_key(tx, caller, key_id)
            caller.require_ceiling(key.permissions)
            require_may_change(key)
            return save(tx, caller, now, action, key, change(tx, key))

        return self._quotas.of(await self._store.write(work))
