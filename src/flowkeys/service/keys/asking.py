"""Calls that wait for Valkey inside the connection that they came over.

What `Verifier` does for those who await, without a task or a future for each: one question is sent, and
whoever asked is called when it is answered. Whatever is not as most calls are is left to `Verifier.verify`.
"""

from collections.abc import Callable
from functools import partial

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.decision import ANYTHING, AccessRequest, Allowed, Decision, denial
from flowkeys.domain.keys.networks import Client
from flowkeys.domain.times import Clock
from flowkeys.service.keys.asked import AskedOf
from flowkeys.service.keys.spending import LimitsAndQuotas
from flowkeys.service.ports.quotas import Runs
from flowkeys.service.ports.verification import PENDING, ChatflowDirectory, Keys

Then = Callable[[Decision | None], None]
"""Is called with a decision, or with None when it has to be awaited, since nothing is known."""
NoteUse = Callable[[KeyRecord, AccessRequest, int, Client | None], None]


class Asking:
    """Decides about tokens when whoever counts has answered."""

    __slots__ = ("_asked", "_clock", "_directory", "_keys", "_note_use", "_spending")

    def __init__(
        self,
        keys: Keys,
        directory: ChatflowDirectory,
        clock: Clock,
        asked: AskedOf,
        spending: LimitsAndQuotas,
        note_use: NoteUse,
    ) -> None:
        """See `Verifier`, whose parts these are; an allowed call is noted with `note_use`."""
        self._keys = keys
        self._directory = directory
        self._clock = clock
        self._asked = asked
        self._spending = spending
        self._note_use = note_use

    def verify(self, text: bytes, request: AccessRequest, client: Client | None, then: Then) -> bool:
        """Decide about a call as `Verifier.verify` does that takes, and call `then` later. False: await that.

        Raises:
            Unavailable: the store cannot be reached.
        """
        now = self._clock()
        record = self._keys.at_once(text, now)
        if record is PENDING or record is None or denial(record, request, now, client) is not None:
            return False
        chatflow_id = request.chatflow_id
        access = None if chatflow_id is None else self._directory.at_once(chatflow_id, now)
        if access is PENDING:
            return False
        return self._ask(record, request, access, client, None, then)

    def call(
        self,
        allowed: Allowed,
        access: ChatflowAccess,
        client: Client | None,
        runs: Runs,
        then: Then,
    ) -> bool:
        """Decide about a call of a chatflow as `Verifier.call` does, and call `then` later.

        False: await that.
        """
        return self._ask(allowed.record, ANYTHING, access, client, runs, then)

    def _ask(
        self,
        record: KeyRecord,
        request: AccessRequest,
        access: ChatflowAccess | None,
        client: Client | None,
        runs: Runs | None,
        then: Then,
    ) -> bool:
        asked = self._asked.of(record, access, client)
        return self._spending.ask(asked, access, runs, partial(self._decided, request, client, then))

    def _decided(
        self, request: AccessRequest, client: Client | None, then: Then, decision: Decision | None
    ) -> None:
        if type(decision) is Allowed:
            self._note_use(decision.record, request, self._clock(), client)
        then(decision)
