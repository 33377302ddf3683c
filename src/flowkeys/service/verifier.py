"""Verification: the hot path. It reads, decides, and remembers in memory; it never writes.

Why last use is not written here: a write for each verification would make the store the bottleneck of every
call, and a record written back could undo a change made meanwhile (docs/adr/0004).
"""

import msgspec

from flowkeys.domain.decision import ANYTHING, AccessRequest, Allowed, Decision, Denied, Reason, decide
from flowkeys.domain.digest import TokenDigest, TokenHasher
from flowkeys.domain.times import Clock
from flowkeys.domain.token import Token
from flowkeys.service.ports.verification import ChatflowDirectory, KeyStore, UsageRecorder


class Verifier:
    """Decides about tokens."""

    __slots__ = ("_clock", "_directory", "_hasher", "_keys", "_usage")

    def __init__(
        self,
        keys: KeyStore,
        directory: ChatflowDirectory,
        hasher: TokenHasher,
        usage: UsageRecorder,
        clock: Clock,
    ) -> None:
        self._keys = keys
        self._directory = directory
        self._hasher = hasher
        self._usage = usage
        self._clock = clock

    async def verify(self, token: Token, request: AccessRequest = ANYTHING) -> Decision:
        """Return the decision about `token` for `request`; an allowed one counts as use.

        Raises:
            Unavailable: the store cannot be reached. That is an outage, not a denial.
        """
        digests = self._hasher.digest(token)
        record = await self._keys.find(digests.all)
        now = self._clock()
        decision = decide(record, request, now)
        if isinstance(decision, Denied) and decision.reason is Reason.CHATFLOW_NOT_ALLOWED:
            decision = await self._decide_about_public(decision, request, now)
        if isinstance(decision, Allowed):
            found = decision.record
            self._usage.used(found.key_id, now)
            if found.digest != digests.newest:
                self._usage.outdated(found.key_id, TokenDigest(found.digest), digests.newest)
        return decision

    async def _decide_about_public(self, denied: Denied, request: AccessRequest, now: int) -> Decision:
        """A live key of the workspace may call its public chatflows too, bound to them or not."""
        record = denied.record
        if record is None or request.chatflow_id is None:
            return denied
        access = await self._directory.access(request.chatflow_id)
        if access is None or not access.is_public or access.workspace_id != record.workspace_id:
            return denied
        return decide(record, msgspec.structs.replace(request, chatflow_id=None), now)
