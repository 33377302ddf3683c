"""What the life of keys is meant to be, in the simplest words: a dictionary of each thing, no cache, no SQL.

Nothing of it is shared with what it is compared with but the names of codes and the units of time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from ipaddress import ip_address, ip_network
from math import ceil, floor
from typing import Any, Final

SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
VALID: Final = "valid"
Rates = tuple[Any, ...]
"""Limits: each with its limit, window in seconds, burst and name."""


class Refused(Exception):
    """The model says that this cannot be done."""


@dataclass
class Token:
    """A secret that was issued once."""

    text: str
    made_at: int
    valid_until: int | None = None
    replaced_at: int | None = None
    unused_seconds: int | None = None
    uses: int = 0
    last_used: int = 0


@dataclass
class Key:
    """A key with all tokens that it ever had."""

    id: str
    name: str
    expires_at: int | None
    permissions: frozenset[str]
    allowed_ips: tuple[str, ...]
    customer: str | None
    limits: Rates
    status: str = "active"
    bindings: dict[str, Rates] = field(default_factory=dict)
    tokens: list[Token] = field(default_factory=list)
    last_used: int | None = None

    def status_at(self, now: int) -> str:
        """Return what people see."""
        has_ended = self.status == "active" and self.expires_at is not None and self.expires_at <= now
        return "expired" if has_ended else self.status

    def rotation(self) -> Token | None:
        """Return the token that was replaced last."""
        replaced = [token for token in self.tokens if token.replaced_at is not None]
        return replaced[-1] if replaced else None


@dataclass
class Flow:
    """A chatflow."""

    is_public: bool
    limits: Rates


@dataclass(frozen=True)
class Ask:
    """What a call wants, and where it comes from."""

    chatflow: str | None = None
    permission: str | None = None
    address: str | None = None


@dataclass
class Bucket:
    """What is owed of the limits of one list, in calls: each call adds one, and time takes away evenly."""

    rates: Rates
    owed: list[Fraction]
    at: int

    def settle(self, rates: Rates, now: int) -> None:
        """Let time pass, and go on under other limits: the calls of the one with its name, else its window.

        A call costs the microseconds of a window; what is less than one of these is forgiven.
        """
        for place, rate in enumerate(self.rates):
            refilled = Fraction((now - self.at) * rate.limit, rate.window_seconds * SECOND)
            self.owed[place] = max(Fraction(0), self.owed[place] - refilled)
        self.at = now
        if rates == self.rates:
            return
        by_name = {rate.name: owed for rate, owed in zip(self.rates, self.owed, strict=True)}
        by_window = {rate.window_seconds: owed for rate, owed in zip(self.rates, self.owed, strict=True)}
        owed = []
        for rate in rates:
            found = by_name.get(rate.name, by_window.get(rate.window_seconds, Fraction(0)))
            cost = rate.window_seconds * SECOND
            owed.append(min(Fraction(floor(found * cost), cost), Fraction(rate.burst)))
        self.rates, self.owed = rates, owed

    def wait(self) -> Fraction:
        """Return for how many microseconds the next call has to wait; 0: it may come."""
        waits = [Fraction(0)]
        for rate, owed in zip(self.rates, self.owed, strict=True):
            over = owed + 1 - rate.burst
            waits.append(over * rate.window_seconds * SECOND / rate.limit)
        return max(waits)


class Model:
    """Everything that there is, and what becomes of it."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {}
        self.flows: dict[str, Flow] = {}
        self.customers: dict[str, str] = {}
        """The status of each."""
        self.shared: dict[str, Rates] = {}
        """How often all keys of a customer together may call."""
        self.lifetime_days: int | None = None
        self.expiry_required = False
        self.networks: tuple[str, ...] = ()
        """Those of the policy."""
        self.buckets: dict[tuple[str, ...], Bucket] = {}

    # What is said of a token

    def key_of(self, text: str) -> tuple[Key, Token] | None:
        """Return whose token it is."""
        found = ((key, token) for key in self.keys.values() for token in key.tokens if token.text == text)
        return next(found, None)

    def said(self, text: str, ask: Ask, now: int) -> str:
        """Return what is said of a call, before any limit."""
        found = self.key_of(text)
        if found is None:
            return "unknown_key"
        key, token = found
        if key.status != "active":
            return f"{key.status}_key"
        if (key.expires_at or now + 1) <= now or (token.valid_until or now + 1) <= now:
            return "expired_key"
        if key.customer is not None and self.customers[key.customer] != "active":
            return f"{self.customers[key.customer]}_key"
        if not (_lies_in(ask.address, key.allowed_ips) and _lies_in(ask.address, self.networks)):
            return "ip_not_allowed"
        is_open = ask.chatflow in self.flows and self.flows[ask.chatflow].is_public
        if ask.chatflow is not None and ask.chatflow not in key.bindings and not is_open:
            return "chatflow_not_allowed"
        if ask.permission is not None and not {ask.permission, "*"} & key.permissions:
            return "permission_missing"
        return VALID

    def limits_of(self, key: Key, chatflow: str | None) -> list[tuple[tuple[str, ...], Rates]]:
        """Return all limits that a call of a key has to keep to."""
        found: list[tuple[tuple[str, ...], Rates]] = [(("key", key.id), key.limits)]
        if key.customer is not None:
            found.append((("customer", key.customer), self.shared[key.customer]))
        if chatflow in self.flows:
            found.append((("binding", key.id, chatflow), key.bindings.get(chatflow, ())))
            found.append((("chatflow", chatflow), self.flows[chatflow].limits))
        return [(whose, rates) for whose, rates in found if rates]

    def call(self, text: str, ask: Ask, now: int) -> tuple[str, int]:
        """Return what is said of a call that counts, and how many seconds it has to wait."""
        said = self.said(text, ask, now)
        found = self.key_of(text)
        if said != VALID or found is None:
            return said, 0
        key, token = found
        buckets = []
        for whose, rates in self.limits_of(key, ask.chatflow):
            bucket = self.buckets.setdefault(whose, Bucket(rates, [Fraction(0)] * len(rates), now))
            bucket.settle(rates, now)
            buckets.append(bucket)
        wait = max((bucket.wait() for bucket in buckets), default=Fraction(0))
        if wait > 0:
            return "rate_limited", ceil(wait / SECOND)
        for bucket in buckets:
            bucket.owed = [owed + 1 for owed in bucket.owed]
        key.last_used = now
        if token.replaced_at is not None:
            token.uses += 1
            token.last_used = now
        return VALID, 0

    # What is done to keys

    def may_change(self, key: Key) -> None:
        """Refuse what is done to a key that was revoked, itself or with its customer."""
        if key.status == "revoked" or (key.customer and self.customers[key.customer] == "revoked"):
            raise Refused("revoked")

    def keep_to_policy(self, before: Key | None, after: Key, now: int) -> None:
        """Refuse what the policy forbids of what a write changes; who enables a key answers for all."""
        if after.status != "active":
            return
        is_new = before is None or before.status != "active"
        if is_new or before is None or before.expires_at != after.expires_at:
            began = now if before is None else max((token.made_at for token in after.tokens), default=0)
            latest = None if self.lifetime_days is None else began + self.lifetime_days * DAY
            is_too_long = latest is not None and (after.expires_at is None or after.expires_at > latest)
            if is_too_long or (after.expires_at is None and self.expiry_required):
                raise Refused("policy")
        is_moved = is_new or before is None or before.allowed_ips != after.allowed_ips
        if is_moved and not all(_within(own, self.networks) for own in after.allowed_ips):
            raise Refused("policy")

    def check_customer(self, before: str | None, customer: str | None) -> None:
        """Refuse to give a key to a customer that is not there or was revoked."""
        if customer is not None and customer != before and self.customers.get(customer) in {None, "revoked"}:
            raise Refused("customer")

    def bind(self, key: Key, flows: Iterable[str]) -> None:
        """Make these the chatflows that a key opens; each that is named is closed to everybody else."""
        wanted = list(flows)
        if set(wanted) == set(key.bindings):
            return
        for flow in wanted:
            self.flows[flow].is_public = False
        key.bindings = {flow: key.bindings.get(flow, ()) for flow in wanted}

    def rotate(self, key: Key, text: str, now: int, grace: int, unused: int | None) -> None:
        """Give a key a new token."""
        self.may_change(key)
        if key.status_at(now) == "expired" or self.is_rotating(key, now):
            raise Refused("not now")
        ends = now + grace * SECOND
        for token in key.tokens:
            if token.replaced_at is None:
                token.replaced_at, token.unused_seconds = now, unused
                token.valid_until = min(ends, token.valid_until or ends)
        key.tokens.append(Token(text, now))

    def set_grace(self, key: Key, now: int, grace: int) -> None:
        """End or extend the grace of the old token."""
        self.may_change(key)
        if not self.is_rotating(key, now):
            raise Refused("no rotation")
        self.end_old(key, now, now + grace * SECOND)

    def is_rotating(self, key: Key, now: int) -> bool:
        """Tell whether the old token of a key still works."""
        last = key.rotation()
        return last is not None and last.valid_until is not None and last.valid_until > now

    def end_old(self, key: Key, now: int, at: int) -> None:
        """Let old tokens that still work end at a time."""
        for token in key.tokens:
            if token.replaced_at is not None and token.valid_until is not None and token.valid_until > now:
                token.valid_until = at

    def finish_unused(self, now: int) -> int:
        """End old tokens that were not used for as long as their rotations say."""
        ended = 0
        for key in self.keys.values():
            last = key.rotation()
            if last is None or last.unused_seconds is None or key.status == "revoked":
                continue
            assert last.replaced_at is not None
            unused = max(last.last_used, last.replaced_at) + last.unused_seconds * SECOND
            if self.is_rotating(key, now) and unused <= now:
                self.end_old(key, now, now)
                ended += 1
        return ended

    def set_status(self, keys: Sequence[Key], status: str, now: int) -> int:
        """Give keys a status, all or none, leaving those out that were revoked; return how many changed."""
        changed = []
        for key in keys:
            is_final = key.status == "revoked" or (
                status != "revoked" and key.customer and self.customers[key.customer] == "revoked"
            )
            if key.status == status or is_final:
                continue
            after = Key(**{**vars(key), "status": status})
            self.keep_to_policy(key, after, now)
            changed.append(key)
        for key in changed:
            key.status = status
        return len(changed)

    def delete_customer(self, customer: str) -> None:
        """Delete a customer without keys that could be used."""
        own = [key for key in self.keys.values() if key.customer == customer]
        if any(key.status != "revoked" for key in own):
            raise Refused("keys")
        for key in own:
            key.customer = None
        del self.customers[customer]

    def delete_flow(self, flow: str) -> None:
        """Delete a chatflow; its keys stay."""
        del self.flows[flow]
        for key in self.keys.values():
            key.bindings.pop(flow, None)

    def ends(self, now: int) -> list[int]:
        """Return all times ahead at which something ends by itself."""
        found: set[int] = set()
        for key in self.keys.values():
            found.add(key.expires_at or 0)
            for token in key.tokens:
                found.add(token.valid_until or 0)
                if token.replaced_at is not None and token.unused_seconds is not None:
                    found.add(max(token.last_used, token.replaced_at) + token.unused_seconds * SECOND)
        return sorted(at for at in found if at > now)


def _lies_in(address: str | None, networks: Sequence[str]) -> bool:
    if not networks:
        return True
    try:
        found = ip_address(address or "")
    except ValueError:
        return False
    plain = getattr(found, "ipv4_mapped", None) or found
    return any(plain in ip_network(network) for network in networks)


def _within(network: str, networks: Sequence[str]) -> bool:
    own = ip_network(network)
    wider = [ip_network(each) for each in networks]
    return not networks or any(
        own.version == each.version and own.subnet_of(each)  # type: ignore[arg-type]
        for each in wider
    )
