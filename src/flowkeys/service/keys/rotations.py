"""Rotation of keys: a part of the keyring, which every write to a key goes through (docs/adr/0030)."""

from typing import Final

import msgspec

from flowkeys.domain.errors import Conflict, FieldError, InvalidInput, Unavailable
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.domain.keys.digest import TokenDigest, TokenHasher
from flowkeys.domain.keys.rotation import (
    DEFAULT_GRACE_SECONDS,
    MAX_GRACE_SECONDS,
    MIN_UNUSED_SECONDS,
    Rotation,
)
from flowkeys.domain.keys.token import Token
from flowkeys.domain.principal import Caller, server
from flowkeys.domain.times import SECOND, Clock, to_iso
from flowkeys.service.forms.once import spend
from flowkeys.service.keys.changes import get_key, record_change
from flowkeys.service.keys.of_customer import require_may_change
from flowkeys.service.ports.keys.tokens import NewToken
from flowkeys.service.ports.store import Store, Transaction
from flowkeys.service.ports.verification import RecentUses

_ANOTHER: Final = "This was about an earlier rotation. The key was rotated again since: nothing was changed."
_DAYS: Final = MAX_GRACE_SECONDS // 86_400


class MadeKey(msgspec.Struct, frozen=True):
    """A key at the only moments at which a token of it is known: when it is made, and when it is rotated."""

    key: ApiKey
    token: Token
    digest: TokenDigest


class NewRotation(msgspec.Struct, frozen=True, kw_only=True):
    """How a key is to be rotated: with a grace of 0 the old token ends at once, as one that leaked should."""

    grace_seconds: int = DEFAULT_GRACE_SECONDS
    finish_when_unused_seconds: int | None = None
    """End the old token as soon as it was not used for so long."""


class Rotations:
    """Gives keys new tokens, and ends the old ones."""

    def __init__(
        self, store: Store, hasher: TokenHasher, clock: Clock, uses: RecentUses | None = None
    ) -> None:
        """Rotate keys in `store`; `uses` knows the uses of this process that are not stored yet."""
        self._store = store
        self._hasher = hasher
        self._clock = clock
        self._uses = uses

    async def begin(self, caller: Caller, key_id: str, new: NewRotation, once: str | None = None) -> MadeKey:
        """Give a key a new token; the old one works until the grace is over.

        A disabled key may be rotated, and stays disabled. `once` is the one-time value of the form that asks.

        Raises:
            AlreadySent: the form of `once` rotated the key before.
            Conflict: ``rotation_under_way``: the token of the last rotation still works.
            Forbidden: the caller lacks ``apikeys:update``, or something that the key holds.
            InvalidInput: a field is wrong, the key is revoked or has expired, or the form is too old.
            NotFound: the workspace has no such key.
        """
        caller.require("apikeys:update")
        _check(new)
        token = Token.mint()
        digest = self._hasher.digest(token).newest

        def work(tx: Transaction) -> ApiKey:
            key = _changeable(tx, caller, key_id)
            now = self._clock()  # not before: what another process has ended meanwhile is over
            if once is not None:
                spend(tx, caller, once, key.id, now)
            if key.status_at(now) is Status.EXPIRED:
                message = (
                    "The key has expired, and so would its new token. Give it more time, then rotate it."
                )
                raise InvalidInput.of("expiresAt", message)
            present = key.rotation_at(now)
            if present is not None:
                raise Conflict("rotation_under_way", _under_way(key, present))
            stored = NewToken(workspace_id=key.workspace_id, key_id=key.id, digest=digest, hint=token.hint)
            ends_at = now + new.grace_seconds * SECOND
            unused = new.finish_when_unused_seconds
            tx.tokens.replace(stored, at=now, ends_at=ends_at, unused_seconds=unused)
            return _changed(tx, caller, now, "key.rotate", key)

        return MadeKey(await self._store.write(work), token, digest)

    async def set_grace(
        self, caller: Caller, key_id: str, grace_seconds: int, started_at: str | None = None
    ) -> ApiKey:
        """Let the old token of a key that is being rotated end in so many seconds; 0: now.

        `started_at`: only if the rotation is the one that began then, as a form has it.

        Raises:
            Conflict: ``no_rotation``: none is under way, or another one.
            Forbidden: the caller lacks ``apikeys:update``, or something that the key holds.
            InvalidInput: the grace is too long, or the key is revoked.
            NotFound: the workspace has no such key.
        """
        caller.require("apikeys:update")
        _check(NewRotation(grace_seconds=grace_seconds))

        def work(tx: Transaction) -> ApiKey:
            key = _changeable(tx, caller, key_id)
            now = self._clock()  # not before: a token that another process has ended meanwhile stays so
            present = key.rotation_at(now)
            if present is None:
                raise Conflict("no_rotation", _none(key))
            if started_at is not None and started_at != str(present.started_at):
                raise Conflict("no_rotation", _ANOTHER)
            tx.tokens.set_end(key.workspace_id, key.id, now, now + grace_seconds * SECOND)
            action = "key.rotation_extend" if grace_seconds else "key.rotation_end"
            return self.with_uses(_changed(tx, caller, now, action, key))

        return await self._store.write(work)

    async def finish_unused(self) -> int:
        """End the old tokens that were not used for as long as their rotations say; return how many.

        What is in memory of their uses counts: a use just before is never missed.
        """
        now = self._clock()
        waiting = await self._store.read(lambda tx: tx.tokens.to_finish(now))
        if not any(self._is_over(rotation, now) for _, _, rotation in waiting):
            return 0

        def work(tx: Transaction) -> int:
            ended = 0
            for workspace_id, key_id, rotation in tx.tokens.to_finish(now):
                if self._is_over(rotation, now):
                    caller = Caller(server(workspace_id))
                    try:
                        key = get_key(tx, caller, key_id)
                    except Unavailable:
                        continue  # spoilt by hand: it opens nothing, and others need not wait for it
                    tx.tokens.set_end(workspace_id, key_id, now, now)
                    _changed(tx, caller, now, "key.rotation_finish", key)
                    ended += 1
            return ended

        return await self._store.write(work)

    def with_uses(self, key: ApiKey) -> ApiKey:
        """Return a key with the uses of its old token that are not stored yet."""
        if key.rotation is None or self._uses is None:
            return key
        uses = self._uses.of_replaced(key.rotation.token)
        return msgspec.structs.replace(key, rotation=key.rotation.used(uses)) if uses else key

    def _is_over(self, rotation: Rotation, now: int) -> bool:
        used = rotation.used(None if self._uses is None else self._uses.of_replaced(rotation.token))
        at = used.unused_at()
        return at is not None and at <= now


def _changeable(tx: Transaction, caller: Caller, key_id: str) -> ApiKey:
    key = get_key(tx, caller, key_id)
    caller.require_ceiling(key.permissions)
    require_may_change(key)
    return key


def _changed(tx: Transaction, caller: Caller, now: int, action: str, before: ApiKey) -> ApiKey:
    """Note that a key has other tokens than before, and return it as it is now."""
    current = get_key(tx, caller, before.id)
    tx.keys.update(msgspec.structs.replace(current, updated_at=now, version=before.version + 1))
    after = get_key(tx, caller, before.id)
    record_change(tx, caller, now, action, before, after)
    return after


def _check(new: NewRotation) -> None:
    errors = []
    if not 0 <= new.grace_seconds <= MAX_GRACE_SECONDS:
        message = f"Give 0 (the old key ends at once) to {MAX_GRACE_SECONDS} seconds ({_DAYS} days)."
        errors.append(FieldError("graceSeconds", message))
    unused = new.finish_when_unused_seconds
    if unused is not None and not MIN_UNUSED_SECONDS <= unused <= new.grace_seconds:
        message = (
            f"Give {MIN_UNUSED_SECONDS} seconds or more, and no more than graceSeconds: "
            "when the grace is over, the old key ends anyhow."
        )
        errors.append(FieldError("finishWhenUnusedSeconds", message))
    if errors:
        raise InvalidInput(*errors)


def _under_way(key: ApiKey, rotation: Rotation) -> str:
    return (
        f"The key is being rotated: its old token works until {to_iso(rotation.ends_at)}. End that first: "
        f"flowkeys keys rotation {key.id} --end, or PUT /api/v1/apikey/{key.id}/rotation "
        '{"graceSeconds": 0}.'
    )


def _none(key: ApiKey) -> str:
    if key.rotation is None:
        return "The key was never rotated, so there is nothing to end or to extend."
    ended = to_iso(key.rotation.ends_at)
    return f"No rotation is under way: the old token ended at {ended}. Rotate the key again for a new one."
