"""Forward-auth, ``/api/v1/auth/verify``: whether a proxy may let a call through, and whose it is.

The answer is 200 with an empty body and the key's identity in headers, or a refusal with the same headers
empty. Any method and any path below it is answered; what is asked for is `target`'s to read.
"""

import re
from functools import lru_cache, partial
from typing import Final
from urllib.parse import quote

from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.decision import Allowed, Decision, Denied
from flowkeys.domain.keys.header import KeyHeader
from flowkeys.domain.limits.fields import lines_of
from flowkeys.domain.limits.gcra import Passed
from flowkeys.domain.usage.usage import OK, Door
from flowkeys.service.keys.verifier import Verifier
from flowkeys.web.errors import Problem
from flowkeys.web.hot.call import Call, Refuser, Then, of_failure, read_head
from flowkeys.web.hot.reply import NO_STORE, Form, Reply, form, to_replaced
from flowkeys.web.hot.target import Asked

ROUTE: Final = "/api/v1/auth/verify"
_DOOR: Final = Door.FORWARD_AUTH.value
_REMEMBERED: Final = 4096
_UNRESERVED: Final = re.compile(r"[A-Za-z0-9._~ -]*")
"""And the space, which names have."""
_SAME: Final = form(200, NO_STORE)
_NAMES: Final = (b"x-auth-key-id", b"x-auth-key-name", b"x-auth-workspace-id", b"x-auth-customer-id")
_BLOCK: Final = b"%b: %%b\r\n" * len(_NAMES) % _NAMES + _SAME.block


class ForwardAuth:
    """Answers forward-auth calls."""

    __slots__ = ("_calls", "_key_header", "_refuser", "_verifier")

    def __init__(self, verifier: Verifier, refuser: Refuser, key_header: KeyHeader | None = None) -> None:
        self._key_header = key_header
        self._verifier = verifier
        self._refuser = refuser
        self._calls = refuser.calls

    def answer(self, call: Call, asked: Asked) -> Reply | None:
        """Return the answer, or None when `answer_later` has to be awaited for it."""
        try:
            credential = read_head(call, self._key_header)
            if type(credential) is not bytes or asked.malformed is not None:
                return self._refuse(call, asked, _first(credential, asked))
            good = asked.never is None
            decision = self._verifier.at_once(credential, asked.request, call, counts=good, takes=good)
            return None if decision is None else self._answer(call, asked, decision)
        except Exception as error:  # noqa: BLE001 - every call gets an answer
            return self._refuse(call, asked, of_failure(error, call))

    def ask(self, call: Call, asked: Asked, then: Then) -> bool:
        """Have whoever counts asked about a call that `answer` had none for, and `then` called later.

        False: nothing was asked, await `answer_later`.
        """
        asking = self._verifier.asking
        if asking is None or asked.never is not None:
            return False
        try:
            credential = read_head(call, self._key_header)
            return isinstance(credential, bytes) and asking.verify(
                credential, asked.request, call, partial(self._told, call, asked, then)
            )
        except Exception:  # noqa: BLE001 - whoever awaits it says why
            return False

    def _told(self, call: Call, asked: Asked, then: Then, decision: Decision | None) -> None:
        if decision is None:
            then(None)
            return
        try:
            reply = self._answer(call, asked, decision)
        except Exception as error:  # noqa: BLE001 - every call gets an answer
            reply = self._refuse(call, asked, of_failure(error, call))
        then(reply)

    async def answer_later(self, call: Call, asked: Asked) -> Reply:
        """Return the answer to a call that `answer` had none for."""
        try:
            credential = read_head(call, self._key_header)
            if not isinstance(credential, bytes):
                return self._refuse(call, asked, credential)
            decision = await self._verifier.verify(
                credential, asked.request, call, counts=asked.never is None, takes=asked.never is None
            )
            return self._answer(call, asked, decision)
        except Exception as error:  # noqa: BLE001 - every call gets an answer
            return self._refuse(call, asked, of_failure(error, call))

    def _answer(self, call: Call, asked: Asked, decision: Decision) -> Reply:
        if type(decision) is Allowed and asked.never is None:
            record = decision.record
            self._calls.count(_DOOR, OK, record, asked.request.chatflow_id or "", call.started)
            taken = decision.taken
            if taken is None:
                is_plain = record.terms is None  # of most keys: nothing is called that has nothing to find
                form = _passed(record.identity, record.workspace_id, "") if is_plain else _form_of(record)
                reply = Reply(form, call.request_id, b"")
            elif type(taken) is Passed:
                head = taken.kept.head
                if type(head) is not Form:
                    head = taken.kept.head = _form_of(record)
                reply = Reply(head, call.request_id, b"", taken.text.lines_of_passed % taken.numbers)
            else:
                reply = Reply(_form_of(record), call.request_id, b"", lines_of(taken))
            return reply if record.replaced is None else to_replaced(reply, record)
        never = asked.never
        if isinstance(decision, Denied):
            denied = decision
        else:
            assert never is not None
            denied = Denied(never.reason, decision.record, never.detail)
        return self._refuse(call, asked, denied)

    def _refuse(self, call: Call, asked: Asked, why: Denied | Problem) -> Reply:
        chatflow_id = asked.request.chatflow_id
        return self._refuser.refuse(
            call, ROUTE, why, identity=True, nginx=asked.nginx, door=_DOOR, chatflow_id=chatflow_id
        )


def _first(credential: bytes | Denied | Problem, asked: Asked) -> Denied | Problem:
    """Return what is refused first, as for every other call: large headers, the URL, the credential."""
    if isinstance(credential, Problem):
        return credential
    if asked.malformed is not None:
        return asked.malformed
    assert isinstance(credential, Denied)
    return credential


def _form_of(record: KeyRecord) -> Form:
    terms = record.terms
    customer_id = "" if terms is None or terms.customer is None else terms.customer.id
    return _passed(record.identity, record.workspace_id, customer_id)


@lru_cache(_REMEMBERED)
def _passed(identity: str, workspace_id: str, customer_id: str) -> Form:
    """Return the headers that name a key, and the customer that it belongs to, empty for none.

    The key's name is percent-encoded: headers are ASCII (RFC 9110).
    Of many keys few are remembered here: this has to be quick.
    """
    key_id, _, name = identity.partition("\n")
    ids = key_id.encode("ascii"), encoded(name), workspace_id.encode("ascii"), customer_id.encode("ascii")
    return Form(200, (*zip(_NAMES, ids, strict=True), *_SAME.headers), _SAME.status_line, _BLOCK % ids)


def encoded(name: str) -> bytes:
    """Return a key's name with all but RFC 3986's unreserved characters percent-encoded."""
    if _UNRESERVED.fullmatch(name):
        return name.replace(" ", "%20").encode("ascii")
    return quote(name, safe="").encode("ascii")
