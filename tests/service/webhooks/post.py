"""The services of webhooks over a real SQLite file, with a clock and answers that tests set."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from flowkeys.domain.errors import FlowkeysError
from flowkeys.domain.keys.api_key import ApiKey
from flowkeys.domain.keys.digest import TokenHasher
from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.domain.principal import Caller, operator
from flowkeys.domain.webhooks.webhook import Delivery, Webhook
from flowkeys.outbound.webhooks.worker import Worker
from flowkeys.service.keys.input import NewKey
from flowkeys.service.keys.keyring import Keyring
from flowkeys.service.people.workspaces import WorkspaceService
from flowkeys.service.ports.webhooks import Answer
from flowkeys.service.webhooks.expiries import Expiries
from flowkeys.service.webhooks.input import WebhookPatch
from flowkeys.service.webhooks.outbox import Outbox
from flowkeys.service.webhooks.webhooks import WebhookService
from flowkeys.storage.secrets.sealed import AesSeal
from flowkeys.storage.sqlite.database import SqliteStore
from tests.service.support import Clock

SECRET = "a server secret for tests, of some length"
OLDER = "an older server secret, which signs no more"
URL = "https://example.com/hook"


class Mailbox:
    """Implements the port `Sender`: keeps what is sent, and answers as a test says."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.answer = Answer(code=204)

    def refusal(self, url: str) -> str | None:
        """Refuse nothing."""
        del url

    async def send(self, url: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        """Keep a message."""
        self.sent.append({"url": url, **msgspec.json.decode(body)})
        self.ids.append(dict(headers)["webhook-id"])
        return self.answer


class Post:
    """Everything that announcing takes."""

    def __init__(self, database: Path, *secrets: str) -> None:
        self.database = database
        self.secrets = ServerSecrets("tests", secrets or (SECRET,))
        self.clock = Clock()
        self.mailbox = Mailbox()
        self.restart()

    def restart(self) -> None:
        """Begin anew over the same file, as a server that was killed does."""
        self.store = SqliteStore(self.database)
        self.seal = AesSeal(self.secrets)
        self.keyring = Keyring(self.store, TokenHasher(self.secrets.secrets), self.clock)
        self.webhooks = WebhookService(self.store, self.seal, self.mailbox, self.clock)
        self.outbox = Outbox(self.store, self.seal, self.clock, lambda: 0.5)
        self.expiries = Expiries(self.store, self.clock)
        self.worker = Worker(self.outbox, self.expiries, self.mailbox)

    async def open(self) -> None:
        """Find the default workspace."""
        workspace = await WorkspaceService(self.store, self.clock).default()
        self.caller = Caller(operator(workspace.id))

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    async def hook(self, *events: str) -> Webhook:
        """Make a webhook."""
        made = await self.webhooks.create(self.caller, WebhookPatch(url=URL, events=events))
        return made.webhook

    async def key(self, name: str = "key", expires_in: int | None = None) -> ApiKey:
        """Make a key that expires in so many microseconds."""
        expires_at = None if expires_in is None else self.clock() + expires_in
        return (await self.keyring.create(self.caller, NewKey(name=name, expires_at=expires_at))).key

    async def deliver(self) -> None:
        """Send what is due now, and what that makes due."""
        while await self.worker.send_due():
            await self.worker.settled()

    async def log(self, webhook: Webhook) -> list[Delivery]:
        """Return what was sent to a webhook, newest first."""
        found, _ = await self.webhooks.deliveries.page(self.caller, webhook.id, None, 1000, 0)
        return found

    def told(self) -> list[tuple[str, str]]:
        """Return what arrived: the kind of event and the key's name."""
        return [(one["type"], one["data"].get("keyName", "")) for one in self.mailbox.sent]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return rows of the database, past the services."""
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(query).fetchall()


class Undone(FlowkeysError):
    """Raised in the middle of a change."""
