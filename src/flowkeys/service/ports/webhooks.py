"""What services need for webhooks: their tables, a seal for their secrets, and the way out."""

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from flowkeys.domain.webhooks.webhook import Delivery, Event, KeptSecret, Outcome, Sealed, State, Webhook


class CannotOpen(Exception):
    """What is sealed cannot be opened: its server secret is not here, or somebody changed it."""


class Seal(Protocol):
    """Keeps texts under authenticated encryption, under keys derived from the server's secrets."""

    @property
    def newest(self) -> str:
        """The id of the secret under which is sealed."""
        ...

    def seal(self, text: str, about: str) -> Sealed:
        """Encrypt a text; it opens only together with what it is `about`, so that none stands for another."""
        ...

    def open(self, sealed: Sealed, about: str) -> str:
        """Decrypt a text.

        Raises:
            CannotOpen: the secret is not here, or the text is not as it was sealed.
        """
        ...


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that was claimed, with all that it takes to send it."""

    delivery: Delivery
    event: Event
    webhook: Webhook
    secrets: tuple[KeptSecret, ...]
    """Those that are valid, the present one first."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one try."""

    code: int | None = None
    """The status of the answer; None: there was none."""
    failure: str | None = None
    """Why it failed; None: it did not."""
    retry_after_seconds: int | None = None
    duration_ms: int = 0


class Sender(Protocol):
    """Sends messages where the operator allows it."""

    def refusal(self, url: str) -> str | None:
        """Return why nothing may be sent to an address, as far as that shows without a look-up."""
        ...

    async def send(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        """Post a body and return what came of it; what goes wrong is an answer, too."""
        ...


class Webhooks(Protocol):
    """Webhooks with their secrets, within one transaction."""

    def insert(self, webhook: Webhook) -> None:
        """Add a webhook."""
        ...

    def get(self, workspace_id: str, webhook_id: str) -> Webhook | None:
        """Return a webhook of the workspace."""
        ...

    def all(self, workspace_id: str) -> list[Webhook]:
        """Return the workspace's webhooks, newest first."""
        ...

    def update(self, webhook: Webhook) -> None:
        """Write url, events, note, state, time of change and version; nothing else."""
        ...

    def delete(self, workspace_id: str, webhook_id: str) -> None:
        """Delete a webhook with its secrets and its log."""
        ...

    def failing(self, workspace_id: str, since: int) -> list[tuple[Webhook, int, str | None]]:
        """Return webhooks that receive nothing: how many deliveries failed since then, and why the last did.

        Those of which the receiver wants no more are among them, too.
        """
        ...

    def listeners(self, workspace_id: str, event_type: str) -> list[str]:
        """Return the ids of the enabled webhooks that hear of a kind of event."""
        ...

    def set_state(self, workspace_id: str, webhook_id: str, state: State, now: int) -> bool:
        """Change the state alone; tell whether it was another."""
        ...

    def add_secret(self, secret: KeptSecret) -> None:
        """Add a secret, the present one."""
        ...

    def retire_secrets(self, workspace_id: str, webhook_id: str, until: int) -> None:
        """Let the present secret sign until a time, and forget those that were retired before."""
        ...

    def secrets(self, workspace_id: str, webhook_id: str, now: int) -> list[KeptSecret]:
        """Return the secrets that are valid, the present one first."""
        ...

    def sealed_otherwise(self, newest: str) -> list[KeptSecret]:
        """Return the secrets of all workspaces that are not under the newest server secret."""
        ...

    def reseal(self, secret: KeptSecret, old: Sealed) -> None:
        """Write how a secret is sealed, where it still is as before."""
        ...

    def count_by_secret(self) -> dict[str, int]:
        """Count the signing secrets of all workspaces by the id of the server secret they are under."""
        ...


class Deliveries(Protocol):
    """Events and their deliveries, within one transaction."""

    def add(self, event: Event, deliveries: Sequence[Delivery]) -> None:
        """Add an event and its deliveries."""
        ...

    def add_again(self, delivery: Delivery) -> None:
        """Add one more delivery of an event that is there."""
        ...

    def get(self, workspace_id: str, webhook_id: str, delivery_id: str) -> Delivery | None:
        """Return a delivery of a webhook."""
        ...

    def page(
        self, workspace_id: str, webhook_id: str, outcome: Outcome | None, limit: int, offset: int
    ) -> tuple[list[Delivery], int]:
        """Return deliveries, newest first, and how many there are in all."""
        ...

    def waiting(self, now: int, limit: int, busy: Collection[str]) -> list[tuple[str, str]]:
        """Return (workspace id, webhook id) of enabled webhooks with a delivery that is due, longest first.

        Of all workspaces, but for the webhooks that are `busy`.
        """
        ...

    def pending(self) -> tuple[int, int | None]:
        """Return how many deliveries wait, of all workspaces' enabled webhooks, and when the first is due."""
        ...

    def claim(self, workspace_id: str, webhook_id: str, now: int, until: int, limit: int) -> list[Delivery]:
        """Take deliveries that are due, each a try more: nobody else takes them before `until`."""
        ...

    def event(self, workspace_id: str, event_id: str) -> Event | None:
        """Return an event of the workspace."""
        ...

    def settle(self, delivery: Delivery) -> bool:
        """Write what came of a try, if it is still this try; tell whether it was."""
        ...

    def forget(self, before: int, most: int) -> None:
        """Delete deliveries that were made before a time, and of each webhook's finished ones all but `most`.

        Events that no delivery is left of go with them.
        """
        ...


class Expiries(Protocol):
    """Which keys expire when, and up to when that was announced, within one transaction."""

    def ending(self, workspace_id: str, after: int, until: int) -> list[str]:
        """Return the ids of active keys that expire after a time and by another, first first."""
        ...

    def announced_up_to(self, workspace_id: str) -> int | None:
        """Return up to when expiries were announced; None: never."""
        ...

    def set_announced(self, workspace_id: str, up_to: int) -> None:
        """Note up to when expiries were announced."""
        ...
