"""Which limits and quotas apply to a call with a key."""

from typing import Final

from flowkeys.domain.addresses import network_of
from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.networks import Client
from flowkeys.domain.limits.fields import form_of
from flowkeys.domain.limits.gcra import ADDRESS, BINDING, CHATFLOW, CUSTOMER, KEY, Kept, Scope
from flowkeys.domain.limits.spent import QuotaScope
from flowkeys.service.ports.limits import Ask, LetIn, Ready

_REMEMBERED: Final = 16_384
"""So many keys, two kilobytes of each."""


class Asked:
    """The limits and quotas that apply to a call, and how its answer says so."""

    __slots__ = ("ask", "form", "key_id", "let_in", "limits", "quotas", "record")

    def __init__(
        self,
        record: KeyRecord,
        limits: tuple[Scope, ...],
        quotas: tuple[QuotaScope, ...],
        ready: Ready | None = None,
    ) -> None:
        """With `ready`, calls are let in where nothing else is to be known of them."""
        self.record = record
        self.key_id = record.key_id
        self.limits = limits
        self.quotas = quotas
        self.form = form_of(limits, quotas)
        self.let_in = _let_in(ready, Kept(self.form), limits, quotas) if limits or quotas else None
        """See `LetIn`; None where nothing applies."""
        self.ask: Ask | None = None
        """Asks for these calls where several processes count, once that was put together."""


def _let_in(
    ready: Ready | None, kept: Kept, limits: tuple[Scope, ...], quotas: tuple[QuotaScope, ...]
) -> LetIn:
    return (None if ready is None else ready(kept, limits, quotas)) or _let_nobody_in


def _let_nobody_in(_: int) -> None:
    """Leave each call to be decided."""


class AskedOf:
    """Tells what applies to calls, and remembers it: to find out takes longer than to decide about a limit.

    A record that was read again is another object, of which it is found out anew. When too many are known all
    are let go: of so many keys each calls seldom.
    """

    __slots__ = ("_ready", "known")

    def __init__(self, ready: Ready | None = None) -> None:
        self._ready = ready
        self.known: dict[str, Asked] = {}
        """What applies to every call with a record, by its identity: a text that is hashed once."""

    def of(self, record: KeyRecord, access: ChatflowAccess | None, client: Client | None) -> Asked:
        """Return every limit and every quota that applies to a call."""
        if access is None or (access.limits is None and access.visitors is None):
            known = self.known.get(record.identity)
            if known is not None and known.record is record:
                return known
            if record.terms is None or record.terms.bindings is None:
                return self._note(record)
        return Asked(record, scopes_of(record, access, client), quota_scopes_of(record))

    def _note(self, record: KeyRecord) -> Asked:
        if len(self.known) >= _REMEMBERED:
            self.known.clear()
        found = self.known[record.identity] = Asked(
            record, _of_record(record, None), quota_scopes_of(record), self._ready
        )
        return found


def scopes_of(
    record: KeyRecord | None, access: ChatflowAccess | None, client: Client | None
) -> tuple[Scope, ...]:
    """Return every limit that applies to a call.

    Those of the key, of the key on the chatflow, of the key's customer, and of the chatflow.
    """
    own = () if record is None else _of_record(record, access)
    return own if access is None else own + _of_chatflow(access, client)


def _of_record(record: KeyRecord, access: ChatflowAccess | None) -> tuple[Scope, ...]:
    terms = record.terms
    if terms is None:
        return ()
    found: list[Scope] = []
    if terms.limits is not None:
        found.append((KEY, record.key_id, terms.limits))
    if terms.bindings is not None and access is not None:
        own = terms.bindings.get(access.id)
        if own is not None:
            found.append((BINDING, f"{record.key_id}\n{access.id}", own))
    customer = terms.customer
    if customer is not None and customer.limits is not None:
        found.append((CUSTOMER, customer.id, customer.limits))
    return tuple(found)


def _of_chatflow(access: ChatflowAccess, client: Client | None) -> tuple[Scope, ...]:
    found: list[Scope] = []
    if access.limits is not None:
        found.append((CHATFLOW, access.id, access.limits))
    rules = access.visitors
    if rules is not None and rules.limits is not None:
        address = network_of(None if client is None else client.address())
        found.append((ADDRESS, f"{access.id}\n{address}", rules.limits))
    return tuple(found)


def quota_scopes_of(record: KeyRecord) -> tuple[QuotaScope, ...]:
    """Return the quotas that apply to calls with a key: its own, and its customer's."""
    terms = record.terms
    if terms is None:
        return ()
    found: list[QuotaScope] = []
    if terms.quotas is not None:
        found.append((KEY, record.key_id, record.workspace_id, terms.quotas))
    customer = terms.customer
    if customer is not None and customer.quotas is not None:
        found.append((CUSTOMER, customer.id, record.workspace_id, customer.quotas))
    return tuple(found)
