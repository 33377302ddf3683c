"""The use cases of credentials: made, listed, changed, deleted. What they hold never comes out."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import UnsetType

from flowkeys.domain.chatflows.credential import KINDS, MOST_CREDENTIALS, Credential
from flowkeys.domain.errors import InvalidInput, NotFound
from flowkeys.domain.ids import new_id
from flowkeys.domain.journal import Subject
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.domain.webhooks.webhook import Sealed
from flowkeys.service.flows.credential_input import CheckUrl, CredentialPatch, checked
from flowkeys.service.flows.vault import MISSING, Vault
from flowkeys.service.forms.once import spend
from flowkeys.service.journal import record
from flowkeys.service.ports.credentials import KeptCredential
from flowkeys.service.ports.store import Store, Transaction
from flowkeys.service.ports.webhooks import Seal

VIEW: Final = "credentials:view"
CREATE: Final = "credentials:create"
UPDATE: Final = "credentials:update"
DELETE: Final = "credentials:delete"

Expectation = Callable[[Credential], None]
"""Raises `InvalidInput` when a credential is not as its caller believes."""


class UsedCredential(msgspec.Struct, frozen=True):
    """A credential with the chatflows that name it, by (id, name)."""

    credential: Credential
    used_by: tuple[tuple[str, str], ...]


class CredentialService:
    """Credentials of a workspace."""

    def __init__(self, store: Store, seal: Seal, vault: Vault, check_url: CheckUrl, clock: Clock) -> None:
        self._store = store
        self._seal = seal
        self._vault = vault
        self._check_url = check_url
        self._clock = clock

    async def create(
        self, caller: Caller, kind: str, patch: CredentialPatch, once: str | None = None
    ) -> Credential:
        """Make a credential. `once` is the form's one-time value.

        Raises:
            AlreadySent: the form of `once` made a credential before, which the exception names.
            Forbidden: the caller lacks ``credentials:create``.
            InvalidInput: a field is wrong, another has this name, or there are too many already.
        """
        caller.require(CREATE)
        now = self._clock()
        cleaned = checked(_whole(patch), kind, self._check_url)
        assert not isinstance(cleaned.values, UnsetType)
        made = Credential(
            id=new_id(),
            workspace_id=caller.workspace_id,
            name=str(cleaned.name),
            kind=kind,
            base_url=str(cleaned.base_url),
            problem=None,
            created_by=caller.principal.as_creator(),
            created_at=now,
            updated_at=now,
            version=1,
        )
        sealed = self._sealed(made.id, dict(cleaned.values))

        def work(tx: Transaction) -> None:
            if once is not None:
                spend(tx, caller, once, made.id, now)
            if len(tx.credentials.all(caller.workspace_id)) >= MOST_CREDENTIALS:
                raise InvalidInput.of("name", f"There are {MOST_CREDENTIALS} already. Delete one first.")
            _require_free(tx, made)
            tx.credentials.insert(KeptCredential(made, sealed))
            _record(tx, caller, now, "credential.create", None, made)

        await self._store.write(work)
        await self._vault.load()
        return made

    async def all(self, caller: Caller) -> list[Credential]:
        """Return the workspace's credentials, by name."""
        caller.require(VIEW)
        return await self._store.read(lambda tx: tx.credentials.all(caller.workspace_id))

    async def get(self, caller: Caller, credential_id: str, *, permission: str = VIEW) -> UsedCredential:
        """Return a credential, and where it is used; `permission` is what the caller is to use.

        Raises:
            NotFound: the workspace has no such credential.
        """
        caller.require(permission)

        def work(tx: Transaction) -> UsedCredential:
            found = _get(tx, caller, credential_id).credential
            return UsedCredential(found, tuple(tx.credentials.used_by(found)))

        return await self._store.read(work)

    async def update(
        self,
        caller: Caller,
        credential_id: str,
        patch: CredentialPatch,
        expect: Expectation | None = None,
    ) -> Credential:
        """Change what the patch names, if the credential is as the caller expects it.

        With another base URL it loses what it holds, unless that is given anew: nobody sends a secret that
        they do not know to an address of their own.

        Raises:
            Forbidden: the caller lacks ``credentials:update``.
            InvalidInput: a field is wrong, or another has this name.
            NotFound: the workspace has no such credential.
        """
        caller.require(UPDATE)
        now = self._clock()

        def work(tx: Transaction) -> Credential:
            kept = _get(tx, caller, credential_id)
            before = kept.credential
            if expect is not None:
                expect(before)
            same = patch.base_url == before.base_url  # one that stands may stand
            cleaned = checked(
                msgspec.structs.replace(patch, base_url=msgspec.UNSET) if same else patch,
                before.kind,
                self._check_url,
            )
            after, sealed = before, kept.sealed
            if isinstance(cleaned.name, str):
                after = msgspec.structs.replace(after, name=cleaned.name)
            if isinstance(cleaned.base_url, str) and cleaned.base_url != before.base_url:
                after = msgspec.structs.replace(after, base_url=cleaned.base_url, problem=MISSING)
                sealed = None
            if not isinstance(cleaned.values, UnsetType):
                sealed = self._sealed(before.id, dict(cleaned.values))
                after = msgspec.structs.replace(after, problem=None)
            if after == before and sealed == kept.sealed:
                return before
            after = msgspec.structs.replace(after, updated_at=now, version=before.version + 1)
            _require_free(tx, after)
            tx.credentials.update(KeptCredential(after, sealed))
            _record(tx, caller, now, "credential.update", before, after)
            return after

        changed = await self._store.write(work)
        await self._vault.load()
        return changed

    async def delete(self, caller: Caller, credential_id: str) -> None:
        """Delete a credential. Chatflows that name it cannot run until they name another.

        Raises:
            NotFound: the workspace has no such credential.
        """
        caller.require(DELETE)
        now = self._clock()

        def work(tx: Transaction) -> None:
            before = _get(tx, caller, credential_id).credential
            tx.credentials.delete(caller.workspace_id, credential_id)
            _record(tx, caller, now, "credential.delete", before, None)

        await self._store.write(work)
        await self._vault.load()

    def _sealed(self, credential_id: str, values: dict[str, Any]) -> Sealed:
        given = {name: str(value) for name, value in values.items() if value}
        return self._seal.seal(msgspec.json.encode(given).decode(), credential_id)


def _whole(patch: CredentialPatch) -> CredentialPatch:
    """Return the patch with every member, so that each is looked at."""
    return CredentialPatch(
        name="" if isinstance(patch.name, UnsetType) else patch.name,
        base_url="" if isinstance(patch.base_url, UnsetType) else patch.base_url,
        values={} if isinstance(patch.values, UnsetType) else patch.values,
    )


def _get(tx: Transaction, caller: Caller, credential_id: str) -> KeptCredential:
    found = tx.credentials.get(caller.workspace_id, credential_id)
    if found is None:
        raise NotFound("credential")
    return found


def _require_free(tx: Transaction, item: Credential) -> None:
    other = tx.credentials.named(item.workspace_id, item.name)
    if other is not None and other.id != item.id:
        raise InvalidInput.of("name", "Another credential has this name. Flows name them by it.")


def _record(
    tx: Transaction,
    caller: Caller,
    now: int,
    action: str,
    before: Credential | None,
    after: Credential | None,
) -> None:
    subject = after or before
    assert subject is not None
    record(
        tx,
        caller,
        now,
        action=action,
        subject=Subject.CREDENTIAL,
        subject_id=subject.id,
        version=subject.version if after is not None else subject.version + 1,
        before=None if before is None else _for_people(before),
        after=None if after is None else _for_people(after),
    )


def _for_people(item: Credential) -> dict[str, Any]:
    kind = KINDS.get(item.kind)
    return {
        "name": item.name,
        "kind": item.kind if kind is None else kind.label,
        "baseUrl": item.base_url,
        "problem": item.problem,
    }
