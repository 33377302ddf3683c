"""The use cases of webhooks: made, listed, changed, deleted."""

from collections.abc import Callable

import msgspec
from msgspec import UnsetType

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.ids import new_id
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import DAY, SECOND, Clock
from flowkeys.domain.webhooks.signing import SigningSecret
from flowkeys.domain.webhooks.webhook import (
    MOST_WEBHOOKS,
    KeptSecret,
    State,
    Webhook,
)
from flowkeys.service.forms.once import spend
from flowkeys.service.ports.store import Store, Transaction
from flowkeys.service.ports.webhooks import Seal, Sender
from flowkeys.service.webhooks.changes import CREATE, DELETE, UPDATE, VIEW, get_webhook, note_change
from flowkeys.service.webhooks.deliveries import DeliveryService
from flowkeys.service.webhooks.input import GRACE_SECONDS, WebhookPatch, checked, checked_grace

Expectation = Callable[[Webhook], None]
"""Raises `InvalidInput` when a webhook is not as its caller believes."""


class MadeWebhook(msgspec.Struct, frozen=True):
    """A webhook at one of the moments at which its secret is shown."""

    webhook: Webhook
    secret: SigningSecret


class Failing(msgspec.Struct, frozen=True):
    """A webhook that receives nothing."""

    webhook: Webhook
    deliveries: int
    """How many failed in the last 24 hours, or are still being tried."""
    why: str | None


class WebhookService:
    """Webhooks of a workspace. Who may see them sees the ids and names of all its keys in what they get."""

    def __init__(self, store: Store, seal: Seal, sender: Sender, clock: Clock) -> None:
        self._store = store
        self._seal = seal
        self._sender = sender
        self._clock = clock
        self.deliveries = DeliveryService(store, clock)
        """What was sent to them."""

    async def create(self, caller: Caller, patch: WebhookPatch, once: str | None = None) -> MadeWebhook:
        """Make a webhook; its secret is in this answer alone. `once` is the form's one-time value.

        Raises:
            AlreadySent: the form of `once` made a webhook before, which the exception names.
            Forbidden: the caller lacks ``webhooks:create``.
            InvalidInput: a field is wrong, the address may not be called, or there are too many already.
        """
        caller.require(CREATE)
        now = self._clock()
        cleaned = checked(
            msgspec.structs.replace(
                patch,
                url="" if isinstance(patch.url, UnsetType) else patch.url,
                events=() if isinstance(patch.events, UnsetType) else patch.events,
            ),
            self._sender,
        )
        assert not isinstance(cleaned.url, UnsetType)
        assert not isinstance(cleaned.events, UnsetType)
        webhook = Webhook(
            id=new_id(),
            workspace_id=caller.workspace_id,
            url=cleaned.url,
            events=cleaned.events,
            note=None if isinstance(cleaned.note, UnsetType) else cleaned.note,
            state=State.DISABLED if patch.enabled is False else State.ENABLED,
            created_by=caller.principal.as_creator(),
            created_at=now,
            updated_at=now,
            version=1,
        )
        secret = SigningSecret.mint()

        def work(tx: Transaction) -> None:
            if once is not None:
                spend(tx, caller, once, webhook.id, now)
            others = tx.webhooks.all(caller.workspace_id)
            if len(others) >= MOST_WEBHOOKS:
                raise InvalidInput.of("url", f"There are {MOST_WEBHOOKS} webhooks already. Delete one first.")
            if not others:  # what expired before anybody listened is old news
                tx.expiries.set_announced(caller.workspace_id, now)
            tx.webhooks.insert(webhook)
            tx.webhooks.add_secret(self._kept(webhook, secret))
            note_change(tx, caller, now, "webhook.create", None, webhook)

        await self._store.write(work)
        return MadeWebhook(webhook, secret)

    async def all(self, caller: Caller) -> list[Webhook]:
        """Return the workspace's webhooks, newest first."""
        caller.require(VIEW)
        return await self._store.read(lambda tx: tx.webhooks.all(caller.workspace_id))

    async def failing(self, caller: Caller) -> list[Failing]:
        """Return the webhooks that receive nothing: what was sent in the last 24 hours nobody took."""
        caller.require(VIEW)
        since = self._clock() - DAY
        rows = await self._store.read(lambda tx: tx.webhooks.failing(caller.workspace_id, since))
        return [Failing(*row) for row in rows]

    async def get(self, caller: Caller, webhook_id: str, *, permission: str = VIEW) -> Webhook:
        """Return a webhook; `permission` is what the caller is to use.

        Raises:
            NotFound: the workspace has no such webhook.
        """
        caller.require(permission)
        return await self._store.read(lambda tx: get_webhook(tx, caller, webhook_id))

    async def update(
        self, caller: Caller, webhook_id: str, patch: WebhookPatch, expect: Expectation | None = None
    ) -> Webhook:
        """Change what the patch names, if the webhook is as the caller expects it.

        Raises:
            Forbidden: the caller lacks ``webhooks:update``.
            InvalidInput: a field is wrong, or the address may not be called.
            NotFound: the workspace has no such webhook.
        """
        caller.require(UPDATE)
        now = self._clock()

        def work(tx: Transaction) -> Webhook:
            before = get_webhook(tx, caller, webhook_id)
            if expect is not None:
                expect(before)
            same_url = patch.url == before.url  # one that stands may stand
            cleaned = checked(
                msgspec.structs.replace(patch, url=msgspec.UNSET) if same_url else patch, self._sender
            )
            changed = msgspec.structs.replace(
                before,
                **{
                    name: value
                    for name in ("url", "events", "note")
                    if not isinstance(value := getattr(cleaned, name), UnsetType)
                },
            )
            if patch.enabled is True:
                changed = msgspec.structs.replace(changed, state=State.ENABLED)
            elif patch.enabled is False and before.is_enabled:
                changed = msgspec.structs.replace(changed, state=State.DISABLED)
            if changed == before:
                return before
            after = msgspec.structs.replace(changed, updated_at=now, version=before.version + 1)
            tx.webhooks.update(after)
            note_change(tx, caller, now, "webhook.update", before, after)
            return after

        return await self._store.write(work)

    async def delete(self, caller: Caller, webhook_id: str) -> None:
        """Delete a webhook with its secrets and its log. What was not delivered yet never is.

        Raises:
            NotFound: the workspace has no such webhook.
        """
        caller.require(DELETE)
        now = self._clock()

        def work(tx: Transaction) -> None:
            before = get_webhook(tx, caller, webhook_id)
            tx.webhooks.delete(caller.workspace_id, webhook_id)
            note_change(tx, caller, now, "webhook.delete", before, None)

        await self._store.write(work)

    async def replace_secret(
        self, caller: Caller, webhook_id: str, grace_seconds: int = GRACE_SECONDS, once: str | None = None
    ) -> MadeWebhook:
        """Give a webhook another secret, shown in this answer alone. The old one signs too for so long.

        `once` is the form's one-time value.

        Raises:
            AlreadySent: the form of `once` replaced a secret before.
            InvalidInput: the time is negative, or longer than 30 days.
            NotFound: the workspace has no such webhook.
        """
        caller.require(UPDATE)
        until = self._clock() + checked_grace(grace_seconds) * SECOND
        now = self._clock()
        secret = SigningSecret.mint()

        def work(tx: Transaction) -> Webhook:
            before = get_webhook(tx, caller, webhook_id)
            if once is not None:
                spend(tx, caller, once, webhook_id, now)
            tx.webhooks.retire_secrets(caller.workspace_id, webhook_id, until)
            tx.webhooks.add_secret(self._kept(before, secret))
            after = msgspec.structs.replace(before, updated_at=now, version=before.version + 1)
            tx.webhooks.update(after)
            note_change(tx, caller, now, "webhook.replace_secret", before, after)
            return after

        return MadeWebhook(await self._store.write(work), secret)

    def _kept(self, webhook: Webhook, secret: SigningSecret) -> KeptSecret:
        secret_id = new_id()
        return KeptSecret(
            id=secret_id,
            workspace_id=webhook.workspace_id,
            webhook_id=webhook.id,
            sealed=self._seal.seal(secret.reveal(), secret_id),
            valid_until=None,
        )
