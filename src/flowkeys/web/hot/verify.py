"""``POST /api/v1/apikey/verify``, the plain cases: everything unusual is the framework's to answer.

What is answered here is answered to the byte as `web.api.verify` does, and what is refused is refused for the
credential alone. A body that is not exactly the form, a caller without the permission, an unknown permission:
None, and the framework, which says what is wrong with it, decides anew.
"""

from collections.abc import Iterable
from functools import partial
from typing import Final, Literal

import msgspec

from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.bearer import UNKNOWN
from flowkeys.domain.keys.decision import ANYTHING, AccessRequest, Allowed, Decision, Denied, Reason
from flowkeys.domain.keys.networks import Client, KnownClient, is_address
from flowkeys.domain.permissions import KNOWN
from flowkeys.service.keys.verifier import Verifier
from flowkeys.service.ports.verification import PENDING, Pending
from flowkeys.web import render
from flowkeys.web.hot.call import Call, Refuser, Then, of_failure, read_head
from flowkeys.web.hot.reply import JSON, NO_STORE, Reply, form, to_limited, to_replaced
from flowkeys.web.requests.body import MAX_TOKEN_LENGTH, MAX_TOKENS

ROUTE: Final = "/api/v1/apikey/verify"
TARGET: Final = ROUTE.encode()
_REMEMBERED: Final = 1024
_MEDIA_TYPES: Final = frozenset({b"application/json", b"application/json; charset=utf-8"})
_OK: Final = form(200, NO_STORE, JSON)
_VIEW: Final = AccessRequest(permissions=("apikeys:view",))

Unset = msgspec.UnsetType


class _Body(msgspec.Struct, forbid_unknown_fields=True, rename="camel", gc=False):
    """What `schemas.keys.VerifyIn` takes."""

    token: str | Unset = msgspec.UNSET
    tokens: list[str] | Unset = msgspec.UNSET
    chatflow_id: str | Unset = msgspec.UNSET
    permission: str | Unset = msgspec.UNSET
    address: str | Unset = msgspec.UNSET
    count: bool | Unset = msgspec.UNSET


class Question(msgspec.Struct, frozen=True, gc=False):
    """What a call asks that takes of limits: about which token, and what it is used for, by whom."""

    text: bytes
    wanted: AccessRequest
    client: Client | None
    caller: KeyRecord | None = None
    """Who asks, when that is another."""


_decode: Final = msgspec.json.Decoder(_Body).decode
_encode: Final = msgspec.json.Encoder().encode


class Verify:
    """Answers questions about tokens."""

    __slots__ = ("_bodies", "_refuser", "_tally", "_verifier")

    def __init__(self, verifier: Verifier, refuser: Refuser) -> None:
        self._verifier = verifier
        self._refuser = refuser
        self._tally = refuser.tally
        self._bodies: dict[int, tuple[KeyRecord, bytes]] = {}

    def refusal(self, call: Call) -> Reply | Literal[Pending.PENDING] | None:
        """Return the refusal of a call whose body has not come: it is not waited for.

        None: its body is. `PENDING`: its key has to be looked up first, which whoever awaits that does.
        """
        try:
            credential = read_head(call)
            why = (
                self._verifier.at_once(credential, ANYTHING, call, counts=False)
                if isinstance(credential, bytes)
                else credential
            )
            # Where a key is used from, its body may say.
            if isinstance(why, Denied) and why.reason is Reason.IP_NOT_ALLOWED:
                return None
            if why is None:
                return PENDING
            return None if isinstance(why, Allowed) else self._refuser.refuse(call, ROUTE, why)
        except Exception as error:  # noqa: BLE001 - every call gets an answer
            return self._refuser.refuse(call, ROUTE, of_failure(error, call))

    def answer(self, call: Call) -> Reply | None:
        """Return the answer to a call whose body has been read, or None."""
        try:
            return self._answer(call)
        except Exception as error:  # noqa: BLE001 - every call gets an answer
            return self._refuser.refuse(call, ROUTE, of_failure(error, call))

    def _answer(self, call: Call) -> Reply | None:
        credential = read_head(call)
        if not isinstance(credential, bytes):
            return self._refuser.refuse(call, ROUTE, credential)
        body = _read(call)
        wanted = None if body is None else _wanted(body)
        if body is None or wanted is None or (body.token is body.tokens is msgspec.UNSET):
            # The caller is the one in question, or must be good for the rest to be looked at.
            client: Client = call if body is None else _client(body) or call
            decision = self._verifier.at_once(
                credential,
                wanted or ANYTHING,
                client,
                counts=wanted is not None,
                takes=wanted is not None and body is not None and body.count is True,
            )
            if type(decision) is Denied and (wanted or decision.reason is not Reason.IP_NOT_ALLOWED):
                return self._refuser.refuse(call, ROUTE, decision)
            if type(decision) is not Allowed or wanted is None:
                return None
            return self._of_own(call, decision)
        return self._about_others(call, credential, body, wanted)

    def ask(self, call: Call, question: Question, then: Then) -> bool:
        """Have whoever counts asked about a call that `answer` had none for, and `then` called later.

        False: nothing was asked.
        """
        asking = self._verifier.asking
        if asking is None:
            return False
        told = partial(self._told, call, question, then)
        try:
            return asking.verify(question.text, question.wanted, question.client, told)
        except Exception:  # noqa: BLE001 - the framework says why
            return False

    def _told(self, call: Call, question: Question, then: Then, decision: Decision | None) -> None:
        if decision is None:
            then(None)
            return
        try:
            reply = self._reply_to(call, question, decision)
        except Exception as error:  # noqa: BLE001 - every call gets an answer
            reply = self._refuser.refuse(call, ROUTE, of_failure(error, call))
        then(reply)

    async def answer_later(self, call: Call, question: Question) -> Reply:
        """Return the answer to a call that was asked about, and has to be awaited after all."""
        try:
            decision = await self._verifier.verify(
                question.text, question.wanted, question.client, takes=True
            )
            return self._reply_to(call, question, decision)
        except Exception as error:  # noqa: BLE001 - every call gets an answer
            return self._refuser.refuse(call, ROUTE, of_failure(error, call))

    def question(self, call: Call) -> Question | None:
        """Return what a call asks that takes of limits, when several processes count those, or None."""
        if self._verifier.asking is None:
            return None
        credential = read_head(call)
        body = _read(call) if isinstance(credential, bytes) else None
        wanted = None if body is None else _wanted(body)
        if body is None or wanted is None or body.count is not True or body.tokens is not msgspec.UNSET:
            return None
        assert isinstance(credential, bytes)
        if body.token is msgspec.UNSET:
            return Question(credential, wanted, _client(body) or call)
        caller = self._verifier.at_once(credential, _VIEW, call, counts=False)
        if type(caller) is not Allowed or not body.token.isascii():
            return None
        own = AccessRequest(wanted.chatflow_id, wanted.permissions, caller.record.workspace_id)
        return Question(body.token.encode("ascii"), own, _client(body), caller.record)

    def _reply_to(self, call: Call, question: Question, decision: Decision) -> Reply:
        if question.caller is not None:
            return self._of_other(call, decision, question.caller)
        if isinstance(decision, Denied):
            return self._refuser.refuse(call, ROUTE, decision)
        return self._of_own(call, decision)

    def _of_own(self, call: Call, decision: Allowed) -> Reply:
        self._tally.allowed += 1
        if decision.taken is not None:
            reply = _answered(call, _encode(render.verified(decision)), decision.record)
            return to_limited(reply, decision.taken)
        return _answered(call, self._body(decision), decision.record)

    def _of_other(self, call: Call, decision: Decision, caller: KeyRecord) -> Reply:
        self._verifier.used(caller, _VIEW, call)
        self._note((decision,))
        reply = _answered(call, _encode(render.verified(decision)), caller)
        return reply if decision.taken is None else to_limited(reply, decision.taken)

    def _body(self, decision: Decision) -> bytes:
        """Return what is said of an allowed key: the same as long as its record is the very same object."""
        record = decision.record
        assert record is not None
        known = self._bodies.get(id(record))
        if known is not None and known[0] is record:
            return known[1]
        body = _encode(render.verified(decision))
        if len(self._bodies) >= _REMEMBERED:
            self._bodies.clear()
        self._bodies[id(record)] = record, body
        return body

    def _about_others(
        self, call: Call, credential: bytes, body: _Body, wanted: AccessRequest
    ) -> Reply | None:
        if body.token is not msgspec.UNSET and body.tokens is not msgspec.UNSET:
            return None
        if body.tokens is not msgspec.UNSET and body.count is True:
            return None  # what was taken of some could not be given back if others had to be waited for
        # Counts as use when the answer is certain: whoever answers instead counts it, too.
        caller = self._verifier.at_once(credential, _VIEW, call, counts=False)
        if type(caller) is Denied and caller.reason is not Reason.PERMISSION_MISSING:
            return self._refuser.refuse(call, ROUTE, caller)
        if type(caller) is not Allowed:
            return None
        own = AccessRequest(wanted.chatflow_id, wanted.permissions, caller.record.workspace_id)
        client = _client(body)
        if body.tokens is msgspec.UNSET:
            assert body.token is not msgspec.UNSET
            one = self._decide([body.token], own, client, takes=body.count is True)
            return None if one is None else self._of_other(call, one[0], caller.record)
        decisions = self._decide(body.tokens, own, client, takes=False)
        if decisions is None:
            return None
        self._verifier.used(caller.record, _VIEW, call)
        self._note(decisions)
        results = [render.verified(decision) for decision in decisions]
        return _answered(call, _encode({"results": results}), caller.record)

    def _note(self, decisions: Iterable[Decision]) -> None:
        """Count what is answered about tokens; what the framework answers it counts."""
        for decision in decisions:
            self._tally.decided(decision.reason.value if isinstance(decision, Denied) else None)

    def _decide(
        self, texts: list[str], own: AccessRequest, client: Client | None, *, takes: bool
    ) -> list[Decision] | None:
        """Decide about others, and count those uses when each is certain; None: one is not."""
        decisions: list[Decision] = []
        for text in texts:
            decision: Decision | None = UNKNOWN
            if text.isascii():
                token = text.encode("ascii")
                decision = self._verifier.at_once(token, own, client, counts=False, takes=takes)
            if decision is None:
                return None
            decisions.append(decision)
        for decision in decisions:
            if type(decision) is Allowed:
                self._verifier.used(decision.record, own, client)
        return decisions


def _answered(call: Call, body: bytes, caller: KeyRecord) -> Reply:
    reply = Reply(_OK, call.request_id, body)
    return reply if caller.replaced is None else to_replaced(reply, caller)


def _read(call: Call) -> _Body | None:
    is_json = False
    for name, value in call.headers:
        if name == b"content-type":
            if value not in _MEDIA_TYPES:
                return None
            is_json = True
        elif name == b"content-encoding":
            return None
    if not is_json:
        return None
    try:
        body = _decode(call.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if type(body.token) is str and len(body.token) > MAX_TOKEN_LENGTH:
        return None
    return None if type(body.tokens) is list and len(body.tokens) > MAX_TOKENS else body


def _client(body: _Body) -> Client | None:
    return None if body.address is msgspec.UNSET else KnownClient(body.address)


def _wanted(body: _Body) -> AccessRequest | None:
    if body.address is not msgspec.UNSET and not is_address(body.address):
        return None
    if body.permission is msgspec.UNSET:
        if body.chatflow_id is msgspec.UNSET:
            return ANYTHING
        return AccessRequest(body.chatflow_id)
    if body.permission not in KNOWN:
        return None
    chatflow_id = None if body.chatflow_id is msgspec.UNSET else body.chatflow_id
    return AccessRequest(chatflow_id, (body.permission,))
