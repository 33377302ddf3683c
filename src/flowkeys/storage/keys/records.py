"""What verification reads of keys and chatflows, made of the columns that every engine's look-ups return.

Read without SQLAlchemy: the library does too.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, ParamSpec, TypeVar

import msgspec

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.chatflows.visitors import VisitorRules, read_rules
from flowkeys.domain.customers.customer import KeyCustomer
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.api_key import KeyRecord, Status
from flowkeys.domain.keys.rotation import Replaced
from flowkeys.domain.keys.terms import Terms
from flowkeys.domain.limits.stored import limits_from
from flowkeys.domain.permissions import PermissionSet
from flowkeys.service.ports.verification import Unreadable
from flowkeys.storage.keys.spoilt import SPOILT, check_types
from flowkeys.storage.keys.terms import customer_from, terms_from

Given = ParamSpec("Given")
Made = TypeVar("Made")

_SHARED: Final = 4096
"""Sets of permissions and of chatflows that records share, of each kind."""
_CUSTOMERS: Final = 65_536
"""Customers, and terms of keys, that records share."""
_NO_TERMS: Final = [None] * 12
_FEW: Final = 8
"""Up to so many chatflows are kept as a tuple, which is smaller than a set and searched as fast."""
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_STATUS: Final = {status.value: status for status in Status}


class RecordReader:
    """Makes records of rows; equal sets of permissions and of chatflows are one object."""

    def __init__(self) -> None:
        decode = msgspec.json.Decoder(frozenset[str]).decode
        self._permissions: Callable[[str], PermissionSet] = _shared(decode)
        self._chatflows: Callable[[str], Collection[str]] = _shared(_chatflows)
        self._ids: Callable[[str], str] = _shared(str)
        self._positions: Callable[[int], int] = _shared(int)
        self._customer: Callable[..., KeyCustomer] = _shared(customer_from, _CUSTOMERS)
        self._terms: Callable[..., Terms | None] = _shared(terms_from, _CUSTOMERS)

    def __call__(self, row: Sequence[object]) -> KeyRecord:
        """Return the record of a row, whose columns are in the order of the engines' look-ups.

        Raises:
            SPOILT: the row was spoilt by hand.
        """
        key_id, workspace_id, name, permissions, status, expires_at, valid_until, *rest = row
        chatflows, _, at, *terms, replaced_at, token = rest
        check_types(name, expires_at, valid_until, replaced_at)
        return KeyRecord(
            f"{key_id}\n{name}",
            self._ids(workspace_id),  # type: ignore[arg-type]
            self._permissions(permissions),  # type: ignore[arg-type]
            _STATUS[status],  # type: ignore[index]
            expires_at,  # type: ignore[arg-type]
            None if valid_until is None else Replaced(valid_until, replaced_at, token),  # type: ignore[arg-type]
            self._chatflows(chatflows) if chatflows else (),  # type: ignore[arg-type]
            self._positions(at),  # type: ignore[arg-type]
            None if terms == _NO_TERMS else self._terms_of(*terms),
        )

    def _terms_of(self, own: object, policy: object, customer_id: object, *rest: object) -> Terms | None:
        *customer, rate_limits, quotas, bindings = rest
        belongs_to = None if customer_id is None else self._customer(*customer)
        return self._terms(own, policy, belongs_to, rate_limits, quotas, bindings)


def access_of(row: Sequence[Any]) -> ChatflowAccess:
    """Return what a call needs to know of a chatflow first.

    Raises:
        Unavailable: its row was spoilt by hand.
    """
    chatflow_id, workspace_id, is_public, version, rate_limits, api_config, chatbot_config = row
    try:
        limits = limits_from(rate_limits)
        rules = _rules(api_config, chatbot_config, is_public=bool(is_public))
    except SPOILT as error:
        raise Unavailable(f"The chatflow {chatflow_id} cannot be read.") from error
    return ChatflowAccess(chatflow_id, workspace_id, bool(is_public), version, limits, rules)


def tokens_of(
    read: RecordReader, tag: str, rows: Iterable[Sequence[Any]]
) -> list[tuple[bytes, KeyRecord | Unreadable]]:
    """Return what rows say of tokens, by their digests' bytes.

    What is no digest behind the `tag`, and may be there by hand, is no token's.
    """
    found: list[tuple[bytes, KeyRecord | Unreadable]] = []
    for row in rows:
        text = row[8][len(tag) :]
        if not isinstance(text, str) or not _DIGEST.fullmatch(text):
            continue
        record: KeyRecord | Unreadable
        try:
            record = read(row)
        except SPOILT:
            record = Unreadable(str(row[0]))
        found.append((bytes.fromhex(text), record))
    return found


def _rules(api_config: str | None, chatbot_config: str | None, *, is_public: bool) -> VisitorRules | None:
    """Return what a chatflow's configuration asks; what cannot be understood keeps one that is public closed.

    One that only keys open was stored with whatever somebody's export had in it.
    """
    try:
        return read_rules(api_config, chatbot_config)
    except SPOILT:
        if is_public:
            raise
        return None


def _chatflows(joined: str) -> Collection[str]:
    ids = joined.split(",")
    return tuple(ids) if len(ids) <= _FEW else frozenset(ids)


def _shared(make: Callable[Given, Made], size: int = _SHARED) -> Callable[Given, Made]:
    """Return `make` with its latest results kept, so that equal ones are one object."""
    return lru_cache(size)(make)  # type: ignore[return-value]
