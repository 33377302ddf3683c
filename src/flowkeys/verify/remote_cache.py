"""What a server said of tokens, kept while its feed of changes is heard.

The record is kept, never the decision. A record is dropped when its key is changed, and one that was read
before the change is not taken in afterwards: both have positions in the feed. Refusals and public chatflows
have none, so they are kept for a second at most, and any change ends that.
"""

import secrets
from collections import OrderedDict
from hashlib import blake2b
from typing import Any, Final

import msgspec

from flowkeys.domain.journal import Subject
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.decision import AccessRequest, Decision, Denied, Reason, decide
from flowkeys.domain.keys.networks import Client
from flowkeys.verify.remote_server import Answer

BRIEF_SECONDS: Final = 1.0
SETTLING_SECONDS: Final = 0.1
"""After the feed begins, nothing is kept until no other process of the server can be behind it: so long after
what the feed says."""
_INDEX_BYTES: Final = 16
_BRIEF: Final = 4096
_CHANGES: Final = 65_536

_EVICTS: Final = frozenset({Subject.KEY.value, Subject.CUSTOMER.value})
"""Whose changes end what was read before; their ids are not alike."""

Mark = tuple[int, int]
"""What had been forgotten and changed when a question was asked."""


class RemoteCache:
    """Keeps answers. Whoever calls holds a lock; times are seconds of a clock that never goes back."""

    def __init__(self, size: int, silence_seconds: float) -> None:
        """Keep at most `size` records, and trust none when the feed is silent for longer than that."""
        self._size = size
        self._silence = silence_seconds
        self._key = secrets.token_bytes(32)
        self._records: OrderedDict[bytes, KeyRecord] = OrderedDict()
        self._brief: OrderedDict[tuple[bytes, str | None], tuple[Denied, float]] = OrderedDict()
        self._public: OrderedDict[str, float] = OrderedDict()
        self._changed: dict[str, int] = {}
        self._forgotten = 0
        self._changes = 0
        self._heard: float | None = None
        self._since = 0.0
        self._epoch: str | None = None
        self._going_on: dict[str, str] = {}
        self._is_new = True
        """Whether the stream that is heard, if any, has not said yet what it goes on from."""

    def index(self, text: bytes) -> bytes:
        """Return what a token is filed under: it cannot be turned back without this process's key."""
        return blake2b(text, digest_size=_INDEX_BYTES, key=self._key).digest()

    def is_trusted(self, at: float) -> bool:
        """Tell whether the feed is heard."""
        return self._heard is not None and at - self._heard <= self._silence and at >= self._since

    @property
    def mark(self) -> Mark:
        """Where the feed is now; what is asked from now on is kept only if that says so."""
        return self._forgotten, self._changes

    def decide(
        self, index: bytes, request: AccessRequest, now: int, at: float, client: Client | None = None
    ) -> Decision | None:
        """Return the decision about `client` at the time `now` that what is kept allows, or None."""
        if not self.is_trusted(at):
            return None
        record = self._records.get(index)
        if record is None or not self._is_valid(record):
            return self._refusal(index, None, at) or self._refusal(index, request.chatflow_id, at)
        decision = decide(record, request, now, client)
        if not (isinstance(decision, Denied) and decision.reason is Reason.CHATFLOW_NOT_ALLOWED):
            return decision
        chatflow_id = request.chatflow_id or ""
        if self._public.get(chatflow_id, 0.0) > at:
            return decide(record, msgspec.structs.replace(request, chatflow_id=None), now, client)
        return self._refusal(index, chatflow_id, at)

    def keep(self, index: bytes, chatflow_id: str | None, answer: Answer, asked: Mark, at: float) -> None:
        """Take in an answer to a question that was asked at `asked`."""
        forgotten, changes = asked
        if forgotten != self._forgotten or not self.is_trusted(at):
            return
        record, denied = answer.record, answer.denied
        settled = changes == self._changes
        if record is not None:
            if self._is_valid(record):
                _put(self._records, index, record, self._size)
            # Who is refused for where it calls from was asked nothing about a chatflow.
            is_public = denied is None and chatflow_id is not None and chatflow_id not in record.chatflow_ids
            if settled and chatflow_id is not None and is_public:
                _put(self._public, chatflow_id, at + BRIEF_SECONDS, _BRIEF)
        elif settled and denied is not None:
            about = chatflow_id if denied.reason is Reason.CHATFLOW_NOT_ALLOWED else None
            _put(self._brief, (index, about), (denied, at + BRIEF_SECONDS), _BRIEF)

    def begin(self) -> dict[str, str]:
        """Return what a new stream of the feed is asked to go on from; nothing: from now."""
        self._is_new = True
        return self._going_on

    def hear(self, name: str, data: dict[str, Any], at: float) -> None:
        """Take in an event of the feed. What is known counts on if the first says that it goes on from there.

        Changes before that are heeded, and prove nothing: the server may be about to say that some lack.
        """
        if name == "change":
            self._change(data["subject"], data["subjectId"], data["position"])
            if not self._is_new:
                self._heard = at
            return
        epoch = data.get("epoch")
        goes_on = epoch == self._epoch
        if self._is_new:
            goes_on = data.get("resumed") is True and self._heard is not None
        if name == "forget" or not goes_on:
            self.forget()
        if not goes_on:
            self._since = at + SETTLING_SECONDS + data.get("boundMs", 0) / 1000
        self._epoch, self._heard, self._is_new = epoch, at, False
        shown = {"after": data.get("position"), "epoch": epoch, "mark": data.get("mark")}
        self._going_on = {name: str(value) for name, value in shown.items() if value is not None}

    def lose(self) -> None:
        """Trust nothing, and begin anew: the server says that this verifier may know no more."""
        self._heard = None
        self._going_on = {}
        self.forget()

    def forget(self) -> None:
        """Forget everything, and take in nothing that was asked before."""
        self._forgotten += 1
        self._records.clear()
        self._brief.clear()
        self._public.clear()
        self._changed.clear()

    def _change(self, subject: str, subject_id: str, position: int) -> None:
        self._changes += 1
        self._brief.clear()
        if subject == Subject.POLICY:  # every record holds its networks
            self.forget()
        elif subject == Subject.CHATFLOW:
            self._public.pop(subject_id, None)
        elif subject in _EVICTS:
            self._changed[subject_id] = position
            if len(self._changed) > _CHANGES:
                self.forget()

    def _is_valid(self, record: KeyRecord) -> bool:
        if not self._changed:
            return True
        customer = None if record.terms is None else record.terms.customer
        changed = self._changed.get(record.key_id, -1)
        if customer is not None:
            changed = max(changed, self._changed.get(customer.id, -1))
        return changed <= record.position

    def _refusal(self, index: bytes, chatflow_id: str | None, at: float) -> Denied | None:
        denied, until = self._brief.get((index, chatflow_id), (None, 0.0))
        return denied if until > at else None


def _put(kept: OrderedDict[Any, Any], name: Any, value: Any, size: int) -> None:
    kept[name] = value
    kept.move_to_end(name)
    if len(kept) > size:
        kept.popitem(last=False)
