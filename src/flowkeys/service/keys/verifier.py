"""Verification: the hot path. It reads, decides, and remembers in memory; it never writes (docs/adr/0004).

A write for each would make the store the bottleneck of every call, and could undo a change made meanwhile.
"""

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.decision import (
    ANYTHING,
    AccessRequest,
    Allowed,
    Decision,
    Denied,
    Reason,
    decide,
    denial,
)
from flowkeys.domain.keys.networks import Client, Visitor
from flowkeys.domain.keys.token import Token
from flowkeys.domain.limits.gcra import NOTHING, Passed, Scope, Taken
from flowkeys.domain.times import Clock
from flowkeys.service.keys.asked import AskedOf, quota_scopes_of, scopes_of
from flowkeys.service.keys.asking import Asking
from flowkeys.service.keys.public import decide_about_public, foreign, told
from flowkeys.service.keys.spending import LimitsAndQuotas
from flowkeys.service.ports.limits import RateLimiter, Ready, Together
from flowkeys.service.ports.quotas import QuotaKeeper, Runs
from flowkeys.service.ports.verification import PENDING, STALE, ChatflowDirectory, Keys, UsageRecorder


class Verifier:
    """Decides about tokens."""

    __slots__ = (
        *("_asked", "_clock", "_directory", "_keys", "_known"),
        *("_limiter", "_spending", "_usage", "asking"),
    )

    def __init__(
        self,
        keys: Keys,
        directory: ChatflowDirectory,
        usage: UsageRecorder,
        clock: Clock,
        limiter: RateLimiter | None = None,
        quotas: QuotaKeeper | None = None,
        ready: Ready | None = None,
        together: Together | None = None,
    ) -> None:
        """Count calls with `limiter` and `quotas`; without, calls that are to be counted are refused.

        What `ready` puts together lets in most of them; `together` asks for what several processes count.
        """
        self._limiter = limiter
        self._spending = LimitsAndQuotas(limiter, quotas, together)
        self._asked = AskedOf(ready)
        self._known = self._asked.known
        self._keys = keys
        self._directory = directory
        self._usage = usage
        self._clock = clock
        self.asking: Asking | None = None
        """Decides without a task about calls that several processes count."""
        if together is not None:
            self.asking = Asking(keys, directory, clock, self._asked, self._spending, self._note_use)

    def at_once(
        self,
        text: bytes,
        request: AccessRequest = ANYTHING,
        client: Client | None = None,
        *,
        counts: bool = True,
        takes: bool = False,
        runs: Runs | None = None,
    ) -> Decision | None:
        """Return the decision about what `client` presented as a token, or None: then await `verify`.

        An allowed one counts as use unless `counts` is False. With `takes` it is a call, which takes one of
        each limit and quota that applies to it; nothing is taken when the answer is None, or a denial. With
        `runs` it is to run the chatflow, and reserves what that may use of quotas of tokens.

        Raises:
            Unavailable: the store cannot be reached. That is an outage, not a denial.
        """
        now = self._clock()
        record = self._keys.at_once(text, now)
        if record is PENDING:
            return None
        denied = denial(record, request, now, client)
        if denied is not None:
            found = self._if_public_at_once(denied, request, now, client)
            return self._finish(found, request, now, client, counts=counts, takes=takes, runs=runs)
        assert record is not None
        taken: Taken | Passed | None = None
        key_id = None
        if takes:
            chatflow_id = request.chatflow_id
            called = None if chatflow_id is None else self._directory.at_once(chatflow_id, now)
            if called is PENDING:
                return None
            limits_nobody = called is None or (called.limits is None and called.visitors is None)
            if record.terms is not None or not limits_nobody:
                known = self._known.get(record.identity) if limits_nobody else None
                asked = (
                    known
                    if known is not None and known.record is record
                    else self._asked.of(record, called, client)
                )
                key_id = asked.key_id
                if asked.let_in is not None and (taken := asked.let_in(now)) is None:
                    found = self._spending.at_once(asked, called, runs)
                    return self._finish(found, request, now, client, counts=counts)
        if counts:
            self._usage.used(key_id or record.key_id, now, client)
            if record.replaced is not None or request.permissions:
                self._note_more(record, request, now, client)
        return Allowed(record, taken)

    def _if_public_at_once(
        self, denied: Denied, request: AccessRequest, now: int, client: Client | None
    ) -> Decision | None:
        if denied.reason is not Reason.CHATFLOW_NOT_ALLOWED:
            return denied
        access = self._directory.at_once(request.chatflow_id or "", now)
        return None if access is PENDING else decide_about_public(denied, request, access, now, client)

    def _finish(
        self,
        decision: Decision | None,
        request: AccessRequest,
        now: int,
        client: Client | None,
        *,
        counts: bool,
        takes: bool = False,
        runs: Runs | None = None,
    ) -> Decision | None:
        """Have a call take that is not as most are, and count it."""
        if takes and type(decision) is Allowed:
            chatflow_id = request.chatflow_id
            called = None if chatflow_id is None else self._directory.at_once(chatflow_id, now)
            decision = None if called is PENDING else self._take_at_once(decision, called, now, client, runs)
        if counts and type(decision) is Allowed:
            self._note_use(decision.record, request, now, client)
        return decision

    def _note_more(self, record: KeyRecord, request: AccessRequest, now: int, client: Client | None) -> None:
        if record.replaced is not None and record.replaced.at is not None:
            self._usage.used_replaced(record.replaced.token, now, client)
        if request.permissions:
            self._usage.exercised(record.key_id, record.permissions, request.permissions)

    def call_at_once(
        self,
        allowed: Allowed,
        access: ChatflowAccess,
        now: int,
        client: Client | None,
        runs: Runs | None = None,
    ) -> Decision | None:
        """Make a call of a chatflow of what `at_once` allowed: it takes of limits, and counts as use.

        For whoever needs to know the chatflow anyhow, so that it is looked up once. None: await `call`.

        Raises:
            Unavailable: whoever counts cannot be reached.
        """
        decision = self._take_at_once(allowed, access, now, client, runs)
        if type(decision) is Allowed:
            self._note_use(decision.record, ANYTHING, now, client)
        return decision

    async def call(
        self,
        allowed: Allowed,
        access: ChatflowAccess,
        now: int,
        client: Client | None,
        runs: Runs | None = None,
    ) -> Decision:
        """Return what `call_at_once` returns.

        Raises:
            Unavailable: whoever counts cannot be reached.
        """
        decision = await self.take(allowed.record, access, client, runs)
        if isinstance(decision, Allowed):
            self._note_use(decision.record, ANYTHING, now, client)
        return decision

    def _take_at_once(
        self,
        allowed: Allowed,
        access: ChatflowAccess | None,
        now: int,
        client: Client | None,
        runs: Runs | None,
    ) -> Decision | None:
        record = allowed.record
        if record.terms is None and (access is None or (access.limits is None and access.visitors is None)):
            return allowed
        asked = self._asked.of(record, access, client)
        passed = None if asked.let_in is None else asked.let_in(now)
        return self._spending.at_once(asked, access, runs) if passed is None else Allowed(record, passed)

    async def take(
        self, record: KeyRecord, access: ChatflowAccess | None, client: Client | None, runs: Runs | None
    ) -> Decision:
        """Have a call that is allowed take of limits and quotas; it counts as no use by that."""
        return await self._spending.take(self._asked.of(record, access, client), access, runs)

    def used(self, record: KeyRecord, request: AccessRequest, client: Client | None) -> None:
        """Count a use that was allowed without counting: its answer was not certain before."""
        self._note_use(record, request, self._clock(), client)

    def _note_use(self, record: KeyRecord, request: AccessRequest, now: int, client: Client | None) -> None:
        self._usage.used(record.key_id, now, client)
        if record.replaced is not None or request.permissions:
            self._note_more(record, request, now, client)
        if record.position == STALE:
            self._keys.accepted_stale()

    async def verify(
        self,
        token: Token | bytes,
        request: AccessRequest = ANYTHING,
        client: Client | None = None,
        *,
        counts: bool = True,
        takes: bool = False,
        runs: Runs | None = None,
    ) -> Decision:
        """Return the decision about `token` for `request` of `client`; what counts and takes, as at once.

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
            decision = decide_about_public(decision, request, access, now, client)
        if takes and isinstance(decision, Allowed):
            chatflow_id = request.chatflow_id
            access = None if chatflow_id is None else await self._directory.access(chatflow_id)
            decision = await self.take(decision.record, access, client, runs)
        if counts and isinstance(decision, Allowed):
            self._note_use(decision.record, request, now, client)
        return decision

    def visit_at_once(self, access: ChatflowAccess, client: Visitor) -> Taken | Denied | None:
        """Return what `visit` returns, or `Taken` of nothing where nothing is asked; None: await `visit`."""
        denied = foreign(access, client)
        scopes = scopes_of(None, access, client)
        if denied is not None or not scopes or self._limiter is None:
            return denied or NOTHING
        taken = self._limiter.at_once(scopes)
        return None if taken is PENDING else told(access, taken)

    async def visit(self, access: ChatflowAccess, client: Visitor) -> Taken | Denied:
        """Decide about a call of a public chatflow without a key: where its page is from, and how often.

        Raises:
            Unavailable: whoever counts cannot be reached.
        """
        denied = foreign(access, client)
        scopes = scopes_of(None, access, client)
        if denied is not None or not scopes or self._limiter is None:
            return denied or NOTHING
        return told(access, await self._limiter.take(scopes))

    async def left(self, text: bytes) -> Taken | None:
        """Return what is left of the limits and quotas of the key of a token; None: it has none.

        Raises:
            Unavailable: the store, or whoever counts, cannot be reached.
        """
        now = self._clock()
        found = self._keys.at_once(text, now)
        record: KeyRecord | None = await self._keys.find(text, now) if found is PENDING else found
        return None if record is None else await self.standing(record)

    async def standing(self, record: KeyRecord, access: ChatflowAccess | None = None) -> Taken | None:
        """Return what is left of the limits of a key, on a chatflow if one is given; None: it has none."""
        return await self._spending.standing(scopes_of(record, access, None), quota_scopes_of(record))

    async def left_of(self, scopes: tuple[Scope, ...]) -> Taken:
        """Return what is left of the limits of some scopes: all of it where nobody counts.

        Raises:
            Unavailable: whoever counts cannot be reached.
        """
        if not scopes or self._limiter is None:
            return Taken(scopes, (0,) * sum(len(limits.rates) for _, _, limits in scopes))
        return await self._limiter.standing(scopes)
