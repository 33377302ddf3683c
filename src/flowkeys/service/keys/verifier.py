"""Verification: the hot path. It reads, decides, and remembers in memory; it never writes.

Why last use is not written here: a write for each verification would make the store the bottleneck of every
call, and a record written back could undo a change made meanwhile (docs/adr/0004).
"""

import msgspec

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.decision import ANYTHING, AccessRequest, Allowed, Decision, Denied, Reason, decide
from flowkeys.domain.keys.networks import Client
from flowkeys.domain.keys.token import Token
from flowkeys.domain.times import Clock
from flowkeys.service.ports.verification import PENDING, ChatflowDirectory, Keys, UsageRecorder


class Verifier:
    """Decides about tokens."""

    __slots__ = ("_clock", "_directory", "_keys", "_usage")

    def __init__(self, keys: Keys, directory: ChatflowDirectory, usage: UsageRecorder, clock: Clock) -> None:
        self._keys = keys
        self._directory = directory
        self._usage = usage
        self._clock = clock

    def at_once(
        self,
        text: bytes,
        request: AccessRequest = ANYTHING,
        client: Client | None = None,
        *,
        counts: bool = True,
    ) -> Decision | None:
        """Return the decision about what `client` presented as a token, or None: then await `verify`.

        An allowed one counts as use unless `counts` is False.

        Raises:
            Unavailable: the store cannot be reached. That is an outage, not a denial.
        """
        now = self._clock()
        record = self._keys.at_once(text, now)
        if record is PENDING:
            return None
        decision = decide(record, request, now, client)
        if type(decision) is Denied and decision.reason is Reason.CHATFLOW_NOT_ALLOWED:
            access = self._directory.at_once(request.chatflow_id or "", now)
            if access is PENDING:
                return None
            decision = _decide_about_public(decision, request, access, now, client)
        if counts and type(decision) is Allowed:
            record = decision.record
            self._usage.used(record.key_id, now)
            if record.replaced is not None:
                self._usage.used_replaced(record.replaced.token, now, client)
        return decision

    async def verify(
        self,
        token: Token | bytes,
        request: AccessRequest = ANYTHING,
        client: Client | None = None,
        *,
        counts: bool = True,
    ) -> Decision:
        """Return the decision about `token` for `request` of `client`; an allowed one counts as use.

        Raises:
            Unavailable: the store cannot be reached. That is an outage, not a denial.
        """
        text = token if isinstance(token, bytes) else token.reveal().encode("ascii")
        now = self._clock()
        found = self._keys.at_once(text, now)
        record: KeyRecord | None = await self._keys.find(text, now) if found is PENDING else found
        now = self._clock()
        decision = decide(record, request, now, client)
        if isinstance(decision, Denied) and decision.reason is Reason.CHATFLOW_NOT_ALLOWED:
            access = await self._directory.access(request.chatflow_id or "")
            decision = _decide_about_public(decision, request, access, now, client)
        if counts and isinstance(decision, Allowed):
            record = decision.record
            self._usage.used(record.key_id, now)
            if record.replaced is not None:
                self._usage.used_replaced(record.replaced.token, now, client)
        return decision


def _decide_about_public(
    denied: Denied, request: AccessRequest, access: ChatflowAccess | None, now: int, client: Client | None
) -> Decision:
    """A live key of the workspace may call its public chatflows too, bound to them or not."""
    record = denied.record
    if record is None or access is None or not access.is_public:
        return denied
    if access.workspace_id != record.workspace_id:
        return denied
    return decide(record, msgspec.structs.replace(request, chatflow_id=None), now, client)
