"""The one worker that sends what is due, a few deliveries at once, and looks what expires."""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from typing import Any, Final

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.times import Clock
from flowkeys.outbound.endpoints import Endpoints
from flowkeys.outbound.webhooks.sender import HttpSender
from flowkeys.service.ports.store import Store
from flowkeys.service.ports.webhooks import Answer, Seal, Sender, Sending
from flowkeys.service.recurring import Recurring
from flowkeys.service.webhooks.expiries import Expiries
from flowkeys.service.webhooks.outbox import Outbox

LOOK_SECONDS: Final = 2.0
"""How often is looked for what another process wrote, and for what is to be tried again."""
EXPIRY_SECONDS: Final = 30.0
FORGET_SECONDS: Final = 3600.0
STOP_SECONDS: Final = 1.0
"""How long a stop waits for tries that are under way; they are made again after the next start."""


class Worker:
    """Runs beside the server. Nothing it meets ends it but `stop`."""

    def __init__(
        self,
        outbox: Outbox,
        expiries: Expiries,
        sender: Sender,
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._outbox = outbox
        self._expiries = expiries
        self.sender = sender
        """What sends, and knows where it may."""
        self._log: Any = None
        self._look_seconds = look_seconds
        self._under_way: Counter[str] = Counter()
        self.results: Counter[str] = Counter()
        """How many tries were ``delivered`` and how many ``failed``."""
        self._tries: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._recurring: list[Recurring] = []
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Look soon: something was committed."""
        self._news.set()

    def start(self, log: Any) -> None:
        """Begin; what goes wrong is said in `log`."""
        self._log = log
        self._task = asyncio.get_running_loop().create_task(self._send_on(), name="flowkeys-webhooks")
        self._recurring = [
            Recurring(
                "flowkeys-expiries", self._expiries.announce, EXPIRY_SECONDS, self._failed, at_once=True
            ),
            Recurring(
                "flowkeys-webhook-log", self._outbox.forget, FORGET_SECONDS, self._failed, at_once=True
            ),
        ]
        for recurring in self._recurring:
            recurring.start()

    async def stop(self) -> None:
        """End; tries that are under way have a moment to finish."""
        for recurring in self._recurring:
            await recurring.stop()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._tries:
            await asyncio.wait(self._tries, timeout=STOP_SECONDS)
        for task in self._tries:
            task.cancel()
        await asyncio.gather(*self._tries, return_exceptions=True)

    async def send_due(self) -> int:
        """Begin a try of each delivery that is due, as far as there is room; return how many."""
        claimed = await self._outbox.claim(self._under_way)
        for one in claimed:
            self._under_way[one.webhook.id] += 1
            task = asyncio.get_running_loop().create_task(self._try(one))
            self._tries.add(task)
            task.add_done_callback(self._tries.discard)
        return len(claimed)

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._tries:
            await asyncio.wait(self._tries)

    async def _try(self, one: Sending) -> None:
        try:
            answer = await self._answer(one)
            self.results["delivered" if answer.failure is None else "failed"] += 1
            await self._outbox.settle(one, answer)
        except Unavailable:
            self._log.warning("webhook_not_settled", webhook_id=one.webhook.id, delivery_id=one.delivery.id)
        except Exception:  # noqa: BLE001  # it is logged, and the next try is made
            self._log.exception("webhook_failed", webhook_id=one.webhook.id, delivery_id=one.delivery.id)
        finally:
            self._under_way[one.webhook.id] -= 1
            self._under_way += Counter()  # what is at nought goes
            self._news.set()

    async def _answer(self, one: Sending) -> Answer:
        message = self._outbox.message(one)
        if isinstance(message, str):
            return Answer(failure=message)
        return await self.sender.send(one.webhook.url, *message)

    async def _send_on(self) -> None:
        while True:
            self._news.clear()
            more = 0
            try:
                more = await self.send_due()
            except Exception as error:  # noqa: BLE001  # it is logged, and what is next is done
                self._failed(error)
            if not more:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._look_seconds):
                        await self._news.wait()

    def _failed(self, error: Exception) -> None:
        if isinstance(error, Unavailable):
            self._log.warning("webhooks_wait_for_the_store")
        else:
            self._log.error("webhooks_failed", exc_info=error)


def worker(store: Store, seal: Seal, endpoints: Endpoints, clock: Clock) -> Worker:
    """Return the worker of a server."""
    outbox = Outbox(store, seal, clock, random.SystemRandom().random)
    return Worker(outbox, Expiries(store, clock), HttpSender(endpoints))
