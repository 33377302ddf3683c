"""Keys that the program itself lists: for tests of a service that verifies keys."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from flowkeys.domain.customers.customer import CustomerStatus, KeyCustomer
from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.api_key import KeyRecord, Status
from flowkeys.domain.keys.decision import AccessRequest, Allowed, Decision, Denied, Reason, decide
from flowkeys.domain.keys.networks import Client, Networks, clean_networks
from flowkeys.domain.keys.rotation import Replaced
from flowkeys.domain.keys.terms import Terms
from flowkeys.domain.keys.token import Token
from flowkeys.domain.limits.quota import Quotas, parse_quotas
from flowkeys.domain.limits.rate import Limits, parse_limits
from flowkeys.domain.permissions import unknown
from flowkeys.domain.times import Clock

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def mint() -> str:
    """Return a new token, well formed, that no server knows."""
    return Token.mint().reveal()


class FixedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a fixed list. Its ``repr`` does not show the token."""

    token: str
    """Made with `mint`."""
    id: str = "key"
    name: str = "Test key"
    workspace_id: str = "workspace"
    permissions: Collection[str] = ()
    chatflow_ids: Collection[str] = ()
    expires_at: datetime | None = None
    allowed_ips: Collection[str] = ()
    """Addresses and networks (CIDR) that calls may come from; none: from anywhere."""
    rate_limits: Collection[str] = ()
    """How often it may call, such as ``10/second``; such a key is refused unless limits are ignored."""
    quotas: Collection[str] = ()
    """How much it may use, such as ``1000/month``; such a key is refused unless limits are ignored."""
    customer_rate_limits: Collection[str] = ()
    """How often all keys of its customer together may call; such a key is refused likewise."""
    customer_quotas: Collection[str] = ()
    """How much all keys of its customer may use together."""
    token_replaced_at: datetime | None = None
    """When another token replaced this one; `token_valid_until` says until when it works."""
    token_valid_until: datetime | None = None
    customer_id: str | None = None
    """The customer that it belongs to, if any; the two below say more of it."""
    customer_external_id: str | None = None
    customer_name: str = "Test customer"
    customer_disabled: bool = False
    """Whether its customer is disabled, so that the key is refused."""
    disabled: bool = False
    revoked: bool = False

    def record(self) -> KeyRecord:
        """Return what verification needs of it.

        Raises:
            ConfigurationError: it has a permission that does not exist, a time without a zone, or a network
                or limit that is none.
        """
        if unknown(self.permissions):
            raise ConfigurationError(f"There is no permission {', '.join(unknown(self.permissions))}.")
        for name in ("expires_at", "token_replaced_at", "token_valid_until"):
            time: datetime | None = getattr(self, name)
            if time is not None and time.tzinfo is None:
                raise ConfigurationError(f"{name} needs a time zone, such as datetime.UTC.")
        if self.token_replaced_at is not None and self.token_valid_until is None:
            raise ConfigurationError("A token that was replaced needs token_valid_until.")
        try:
            networks = clean_networks(self.allowed_ips)
        except ValueError as error:
            raise ConfigurationError(f"allowed_ips: {error}") from None
        limits = _limits("rate_limits", self.rate_limits)
        of_customer = _limits("customer_rate_limits", self.customer_rate_limits)
        quotas = _quotas("quotas", self.quotas)
        quotas_of_customer = _quotas("customer_quotas", self.customer_quotas)
        for name in ("customer_rate_limits", "customer_quotas"):
            if getattr(self, name) and self.customer_id is None:
                raise ConfigurationError(f"{name} needs customer_id.")
        state = CustomerStatus.DISABLED if self.customer_disabled else CustomerStatus.ACTIVE
        customer = (
            None
            if self.customer_id is None
            else KeyCustomer(
                self.customer_id,
                self.customer_name,
                self.customer_external_id,
                state,
                of_customer,
                quotas_of_customer,
            )
        )
        terms = Terms(Networks(networks) if networks else None, customer, limits=limits, quotas=quotas)
        status = Status.REVOKED if self.revoked else Status.DISABLED if self.disabled else Status.ACTIVE
        until = _microseconds(self.token_valid_until)
        return KeyRecord.of(
            key_id=self.id,
            workspace_id=self.workspace_id,
            name=self.name,
            permissions=frozenset(self.permissions),
            status=status,
            expires_at=_microseconds(self.expires_at),
            replaced=None if until is None else Replaced(until, _microseconds(self.token_replaced_at)),
            chatflow_ids=frozenset(self.chatflow_ids),
            terms=terms if networks or limits or quotas or customer else None,
        )

    def __repr__(self) -> str:
        return f"FixedKey(id={self.id!r}, name={self.name!r})"


def _microseconds(time: datetime | None) -> int | None:
    return None if time is None else (time - _EPOCH) // _MICROSECOND


def _quotas(name: str, texts: Collection[str]) -> Quotas | None:
    try:
        quotas = parse_quotas(texts)
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}") from None
    return Quotas(quotas) if quotas else None


def _limits(name: str, texts: Collection[str]) -> Limits | None:
    try:
        rates = parse_limits(texts)
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}") from None
    return Limits(rates) if rates else None


class FixedSource:
    """Implements `Source` over a list."""

    def __init__(
        self, keys: Iterable[FixedKey], public: Collection[str], clock: Clock, *, ignores_limits: bool = False
    ) -> None:
        """Know `keys`, and `public`, the ids of chatflows that every good key may call.

        Raises:
            ConfigurationError: a token is not well formed: its checksum is wrong, as a typing mistake's is.
        """
        self._records: dict[bytes, KeyRecord] = {}
        self._public = frozenset(public)
        self._ignores_limits = ignores_limits
        self._clock = clock
        for key in keys:
            if Token.parse(key.token) is None:
                raise ConfigurationError(f"The token of {key.name} is not well formed. Make one with mint().")
            self._records[key.token.encode()] = key.record()

    def decide(self, text: bytes, request: AccessRequest, client: Client | None = None) -> Decision:
        """Return the decision."""
        if request.chatflow_id in self._public:
            request = msgspec.structs.replace(request, chatflow_id=None)
        decision = decide(self._records.get(text), request, self._clock(), client)
        if self._ignores_limits or not isinstance(decision, Allowed):
            return decision
        terms = decision.record.terms
        customer = None if terms is None else terms.customer
        is_limited = terms is not None and (terms.limits is not None or terms.quotas is not None)
        is_limited |= customer is not None and (customer.limits is not None or customer.quotas is not None)
        return Denied(Reason.LIMITS_NOT_COUNTED, decision.record) if is_limited else decision

    at_once = decide

    async def adecide(self, text: bytes, request: AccessRequest, client: Client | None = None) -> Decision:
        """Return the decision."""
        return self.decide(text, request, client)

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""
