"""The life of keys, lived at random: what is done to them is done to a simple model too, and both agree.

Whatever was done, every token that was ever issued is asked about, with and without a chatflow and a
permission, from several addresses, of the server and of programs that verify beside it.
"""

import json
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import structs

from flowkeys.domain.errors import Conflict, InvalidInput
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.domain.limits.rate import parse_limits
from flowkeys.domain.limits.stored import to_store
from flowkeys.domain.listing import KeyQuery
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.customers.input import CustomerPatch, NewCustomer
from flowkeys.service.keys.input import KeyPatch, NewKey
from flowkeys.service.keys.rotations import NewRotation
from flowkeys.verify import mint
from tests.conformance.going_away.life_house import HEARD, House, waits, word
from tests.conformance.going_away.life_model import DAY, SECOND, VALID, Ask, Flow, Key, Model, Refused, Token
from tests.support.audit import assert_whole

MOST_ALIVE: Final = 6
MOST_KEYS: Final = 20
MOST: Final = 4
"""Chatflows and customers."""
T = TypeVar("T")

PERMISSIONS: Final = (frozenset(), frozenset({"logs:view"}), frozenset({"*"}))
ASKED: Final = (None, "logs:view", "apikeys:view")
NETWORKS: Final = (
    *((), (), (), (), ("10.0.0.0/8",), ("10.1.0.0/16", "2001:db8::/32")),
    *(("10.1.2.3",), ("192.0.2.0/24",)),
)
POLICY_NETWORKS: Final = ((), (), (), *NETWORKS)
ADDRESSES: Final = (None, "10.1.2.3", "10.9.9.9", "::ffff:10.1.2.3", "192.0.2.7", "2001:db8::7", "?")
LIMITS: Final = tuple(
    parse_limits([text] if text else [])
    for text in (
        *("", "", "2/second", "1/minute", "3/minute burst 1"),
        *("5/day", "2/second, 4/hour", "4/hour, 1/second burst 3"),
    )
)
LIVES: Final = (None, None, None, 1, SECOND, 3600 * SECOND, DAY, 30 * DAY, 400 * DAY)
GRACES: Final = (0, 0, 1, 60, 3600, 90 * 86_400)
PAUSES: Final = (1, 5_000, SECOND // 3, SECOND, 2 * SECOND, 61 * SECOND, 3600 * SECOND, DAY)

DO: Final = (*["disable"] * 3, *["enable"] * 6, "revoke")

few = st.integers(1, 3)
which = st.integers(0, 59)
"""One of some things."""


class Life(RuleBasedStateMachine):
    """Everything that is done to a key, and what is said of its tokens."""

    steps = 0
    """Of all machines of a test."""
    beside = True
    """Whether programs beside the server are asked as well, after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.deleted: list[tuple[Key, Token, tuple[Any, ...]]] = []
        """Tokens that were taken away by hand, and their rows."""

    @initialize(cached_keys=st.sampled_from([1000, 3]), warm=st.booleans())
    def start(self, cached_keys: int, warm: bool) -> None:
        """Begin with room for all keys in memory, or for few."""
        self.house = House(cached_keys)
        for limits in (LIMITS[0], LIMITS[2]):
            self.make_customer(limits)
            self.make_flow(is_public=False, limits=limits)
        for at in range(3):
            self.create(at, None, to=3, ips=(), who=at)
            self.bind(at, to=3, limited=2 + at, by_flow=False)
        if warm:
            self.house.warm()

    def teardown(self) -> None:
        """What was written is whole, and what was read from it says the same after a start."""
        if not hasattr(self, "house"):
            return
        try:
            self.look()
            self.house.restart()
            self.everybody_is_told_the_same()
            assert_whole(self.house.data_dir)
        finally:
            self.house.close()

    # Of what there is

    @property
    def keys(self) -> list[Key]:
        """All keys."""
        return list(self.model.keys.values())

    def key(self, at: int) -> Key:
        """Return one: half of the time the first that is not revoked, so that much happens to it."""
        alive = [key for key in self.keys if key.status != "revoked"]
        return alive[0] if alive and at % 2 else self.keys[at // 2 % len(self.keys)]

    def flows(self, at: int) -> tuple[str, ...]:
        """Return some chatflows."""
        return tuple(flow for bit, flow in enumerate(self.model.flows) if at >> bit & 1)

    def customer(self, at: int) -> str | None:
        """Return a customer, or none."""
        return [None, *self.model.customers][at % (len(self.model.customers) + 1)]

    def tokens(self) -> list[str]:
        """Return every token that was ever issued."""
        gone = [token for _, token, _ in self.deleted]
        return [token.text for key in self.keys for token in key.tokens] + [token.text for token in gone]

    def does(self, work: Coroutine[Any, Any, T], meant: Callable[[], object]) -> T | None:
        """Do something to both; who refuses it changes nothing, and who does it says so in the journal."""
        before = self.house.journal()
        try:
            found = self.house.do(work)
        except (InvalidInput, Conflict) as error:
            assert self.house.journal() == before
            try:
                meant()
            except Refused:
                return None
            raise AssertionError("the model does it") from error
        try:
            meant()
        except Refused as error:
            raise AssertionError("the model refuses it") from error
        return found

    # What is done

    def has_room(self) -> bool:
        """Tell whether there are few keys that are not revoked."""
        alive = sum(key.status != "revoked" for key in self.keys)
        return alive < MOST_ALIVE and len(self.keys) < MOST_KEYS

    @precondition(has_room)
    @rule(at=which, life=st.sampled_from(LIVES), to=which, ips=st.sampled_from(NETWORKS), who=which)
    def create(self, at: int, life: int | None, to: int, ips: tuple[str, ...], who: int) -> None:
        """Make a key."""
        now = self.house.now
        key = Key(
            id="",
            name=f"key {len(self.model.keys)}",
            expires_at=None if life is None else now + life,
            permissions=PERMISSIONS[at % len(PERMISSIONS)],
            allowed_ips=ips,
            customer=self.customer(who),
            limits=LIMITS[at % len(LIMITS)],
        )
        new = NewKey(
            name=key.name,
            permissions=key.permissions,
            chatflow_ids=self.flows(to),
            expires_at=key.expires_at,
            allowed_ips=ips,
            customer_id=key.customer,
            rate_limits=key.limits,
        )

        def meant() -> None:
            self.model.keep_to_policy(None, key, now)
            self.model.check_customer(None, key.customer)

        made = self.does(self.house.runtime.keyring.create(self.house.caller, new), meant)
        if made is not None:
            key.id = made.key.id
            key.tokens.append(Token(made.token.reveal(), now))
            self.model.keys[key.id] = key
            self.model.bind(key, self.flows(to))

    @precondition(lambda self: self.model.keys)
    @rule(at=which, what=which, value=which)
    def update(self, at: int, what: int, value: int) -> None:
        """Change something of a key."""
        key, now = self.key(at), self.house.now
        name = ("name", "permissions", "allowed_ips", "expires_at", "limits", "customer")[what % 6]
        life = LIVES[value % len(LIVES)]
        new: Any = {
            "name": f"renamed {value}",
            "permissions": PERMISSIONS[value % len(PERMISSIONS)],
            "allowed_ips": NETWORKS[value % len(NETWORKS)],
            "expires_at": None if life is None else now + life - (value > 50) * 2 * DAY,
            "limits": LIMITS[value % len(LIMITS)],
            "customer": self.customer(value),
        }[name]
        called = {"limits": "rate_limits", "customer": "customer_id"}.get(name, name)

        def meant() -> None:
            self.model.may_change(key)
            if name == "expires_at" and new is not None and new <= now and new != key.expires_at:
                raise Refused("past")
            if name == "customer":
                self.model.check_customer(key.customer, new)
            after = replace(key, **{name: new})
            self.model.keep_to_policy(key, after, now)
            setattr(key, name, new)

        keyring = self.house.runtime.keyring
        self.does(keyring.update(self.house.caller, key.id, KeyPatch(**{called: new})), meant)

    @precondition(lambda self: self.model.keys)
    @rule(at=which, to=which, limited=which, by_flow=st.booleans())
    def bind(self, at: int, to: int, limited: int, by_flow: bool) -> None:
        """Let a key open some chatflows, with limits on one of them; or one more, from its side."""
        key, flows = self.key(at), self.flows(to)
        if by_flow:
            self._bind_one(key, to)
            return
        limits = {flows[0]: LIMITS[limited % len(LIMITS)]} if flows else {}

        def meant() -> None:
            self.model.may_change(key)
            self.model.bind(key, flows)
            key.bindings.update(limits)

        patch = KeyPatch(chatflow_ids=flows, binding_limits=limits)
        self.does(self.house.runtime.keyring.update(self.house.caller, key.id, patch), meant)

    def _bind_one(self, key: Key, at: int) -> None:
        if not self.model.flows:
            return
        flow = list(self.model.flows)[at % len(self.model.flows)]
        chatflows = self.house.runtime.chatflows

        def meant() -> None:
            if key.status == "revoked" and (flow not in key.bindings or self.model.flows[flow].is_public):
                if flow not in key.bindings:
                    raise Refused("revoked")
                return
            self.model.flows[flow].is_public = False
            key.bindings.setdefault(flow, ())

        self.does(chatflows.bind(self.house.caller, flow, key.id), meant)

    @precondition(lambda self: any(key.bindings for key in self.keys))
    @rule(at=which, only=st.booleans())
    def unbind(self, at: int, only: bool) -> None:
        """Take a chatflow from a key, or from all keys."""
        pairs = [(key, flow) for key in self.keys for flow in key.bindings]
        key, flow = pairs[at % len(pairs)]
        chatflows, caller = self.house.runtime.chatflows, self.house.caller
        if only:
            self.does(chatflows.unbind(caller, flow, key.id), lambda: key.bindings.pop(flow))
            return

        def meant() -> None:
            for each in self.keys:
                each.bindings.pop(flow, None)
            self.model.flows[flow].is_public = False

        self.does(chatflows.update(caller, flow, ChatflowPatch(key_ids=())), meant)

    @precondition(lambda self: self.model.keys)
    @rule(at=which, grace=st.sampled_from(GRACES), unused=st.sampled_from([None, None, 60, 3600]))
    def rotate(self, at: int, grace: int, unused: int | None) -> None:
        """Give a key a new token."""
        key, now = self.key(at), self.house.now
        unused = None if unused is None or unused > grace else unused
        new = NewRotation(grace_seconds=grace, finish_when_unused_seconds=unused)
        rotations = self.house.runtime.keyring.rotations
        made = self.does(
            rotations.begin(self.house.caller, key.id, new),
            lambda: self.model.rotate(key, "", now, grace, unused),
        )
        if made is not None:
            key.tokens[-1].text = made.token.reveal()

    @precondition(lambda self: self.model.keys)
    @rule(at=which, grace=st.sampled_from(GRACES))
    def set_grace(self, at: int, grace: int) -> None:
        """End the grace of an old token, or extend it."""
        key, now = self.key(at), self.house.now
        rotations = self.house.runtime.keyring.rotations
        self.does(
            rotations.set_grace(self.house.caller, key.id, grace),
            lambda: self.model.set_grace(key, now, grace),
        )

    @rule()
    def finish_unused(self) -> None:
        """End old tokens that nobody uses, as the server does now and then."""
        found = self.house.do(self.house.runtime.keyring.rotations.finish_unused())
        assert found == self.model.finish_unused(self.house.now)

    @precondition(lambda self: self.model.keys)
    @rule(at=which, how=st.sampled_from(DO))
    def one(self, at: int, how: str) -> None:
        """Disable, enable or revoke a key."""
        key, now, keyring = self.key(at), self.house.now, self.house.runtime.keyring
        status = {"disable": "disabled", "enable": "active", "revoke": "revoked"}[how]

        def meant() -> None:
            if how != "revoke":
                self.model.may_change(key)
            self.model.set_status([key], status, now)

        self.does(getattr(keyring, how)(self.house.caller, key.id), meant)

    @precondition(lambda self: self.model.keys)
    @rule(at=which, how=st.sampled_from(DO))
    def many(self, at: int, how: str) -> None:
        """Do it to some keys, or to none of them."""
        keys = [key for bit, key in enumerate(self.keys) if at >> bit & 1] or [self.key(at)]
        now, keyring = self.house.now, self.house.runtime.keyring
        status = {"disable": "disabled", "enable": "active", "revoke": "revoked"}[how]
        changed: list[int] = []
        call = getattr(keyring, f"{how}_many")(self.house.caller, [key.id for key in keys])
        found = self.does(call, lambda: changed.append(self.model.set_status(keys, status, now)))
        assert found is None or [found.affected] == changed

    @precondition(lambda self: len(self.model.customers) < MOST)
    @rule(limits=st.sampled_from(LIMITS))
    def make_customer(self, limits: tuple[Any, ...]) -> None:
        """Make a customer."""
        new = NewCustomer(name=f"customer {len(self.model.customers)}", rate_limits=limits)
        made = self.house.do(self.house.runtime.customers.create(self.house.caller, new))
        self.model.customers[made.id], self.model.shared[made.id] = "active", limits

    @precondition(lambda self: self.model.customers)
    @rule(at=which, limits=st.sampled_from(LIMITS))
    def limit_customer(self, at: int, limits: tuple[Any, ...]) -> None:
        """Say how often all keys of a customer together may call."""
        customer = list(self.model.customers)[at % len(self.model.customers)]

        def meant() -> None:
            if self.model.customers[customer] == "revoked":
                raise Refused("revoked")
            self.model.shared[customer] = limits

        customers = self.house.runtime.customers
        self.does(customers.update(self.house.caller, customer, CustomerPatch(rate_limits=limits)), meant)

    @precondition(lambda self: self.model.customers)
    @rule(at=which, how=st.sampled_from([*DO, *DO, "delete"]))
    def all_of_customer(self, at: int, how: str) -> None:
        """Disable, enable or revoke a customer with all of its keys, or delete it."""
        customer, now = list(self.model.customers)[at % len(self.model.customers)], self.house.now
        own = [key for key in self.keys if key.customer == customer]

        def meant() -> None:
            if how == "delete":
                self.model.delete_customer(customer)
            elif how == "revoke":
                self.model.customers[customer] = "revoked"
                self.model.set_status(own, "revoked", now)
            elif self.model.customers[customer] == "revoked":
                raise Refused("revoked")
            else:
                self.model.customers[customer] = "disabled" if how == "disable" else "active"

        self.does(getattr(self.house.runtime.customers, how)(self.house.caller, customer), meant)

    @rule(
        ips=st.sampled_from(POLICY_NETWORKS),
        days=st.sampled_from([None, None, None, 1, 90]),
        required=st.sampled_from([False, False, False, True]),
    )
    def set_policy(self, ips: tuple[str, ...], days: int | None, required: bool) -> None:
        """Ask something of all keys, or nothing any more."""
        model = self.model
        model.networks, model.lifetime_days, model.expiry_required = ips, days, required
        policies = self.house.runtime.policies
        fields = {"allowed_ips": ips, "max_lifetime_days": days, "expiry_required": required}
        self.house.do(policies.update(self.house.caller, lambda before: structs.replace(before, **fields)))

    @precondition(lambda self: len(self.model.flows) < MOST)
    @rule(is_public=st.booleans(), limits=st.sampled_from(LIMITS))
    def make_flow(self, is_public: bool, limits: tuple[Any, ...]) -> None:
        """Make a chatflow."""
        patch = ChatflowPatch(name=f"flow {len(self.model.flows)}", is_public=is_public, rate_limits=limits)
        made = self.house.do(self.house.runtime.chatflows.create(self.house.caller, patch))
        self.model.flows[made.chatflow.id] = Flow(is_public, limits)

    @precondition(lambda self: self.model.flows)
    @rule(at=which, is_public=st.booleans(), limits=st.sampled_from(LIMITS), delete=st.booleans())
    def change_flow(self, at: int, is_public: bool, limits: tuple[Any, ...], delete: bool) -> None:
        """Open or close a chatflow to everybody, limit it, or delete it."""
        flow = list(self.model.flows)[at % len(self.model.flows)]
        chatflows = self.house.runtime.chatflows
        if delete and at > 30:
            self.house.do(chatflows.delete(self.house.caller, flow))
            self.model.delete_flow(flow)
        else:
            patch = ChatflowPatch(is_public=is_public, rate_limits=limits)
            self.house.do(chatflows.update(self.house.caller, flow, patch))
            self.model.flows[flow] = Flow(is_public, limits)

    # By hand

    @precondition(lambda self: self.model.keys)
    @rule(at=which, what=which, value=which)
    def key_by_hand(self, at: int, what: int, value: int) -> None:
        """Change a key in SQL, as an operator may."""
        key, hand, now = self.key(at), self.house.by_hand, self.house.now
        if what % 4 == 0:
            key.status = ("active", "active", "active", "disabled", "revoked")[value % 5]
            hand("UPDATE api_key SET status = ? WHERE id = ?", key.status, key.id)
        elif what % 4 == 1:
            life = LIVES[value % len(LIVES)]
            key.expires_at = None if life is None else now + life - (value > 40) * 2 * DAY
            hand("UPDATE api_key SET expires_at = ? WHERE id = ?", key.expires_at, key.id)
        elif what % 4 == 2:
            key.customer = self.customer(value)
            hand("UPDATE api_key SET customer_id = ? WHERE id = ?", key.customer, key.id)
        else:
            key.limits = LIMITS[value % len(LIMITS)]
            hand("UPDATE api_key SET rate_limits = ? WHERE id = ?", to_store(key.limits), key.id)

    @precondition(lambda self: any(key.tokens for key in self.keys))
    @rule(at=which, value=which)
    def token_by_hand(self, at: int, value: int) -> None:
        """Let a token end at another time, or take it away, in SQL."""
        tokens = [(key, token) for key in self.keys for token in key.tokens]
        key, token = tokens[at % len(tokens)]
        row = self._row(key, token)
        if value < 40:
            token.valid_until = self.house.now + GRACES[value % len(GRACES)] * SECOND
            self.house.by_hand("UPDATE token SET valid_until = ? WHERE seq = ?", token.valid_until, row[0])
        elif token.replaced_at is None:
            key.tokens.remove(token)
            self.deleted.append((key, token, row))
            self.house.by_hand("DELETE FROM token WHERE seq = ?", row[0])

    def _row(self, key: Key, token: Token) -> tuple[Any, ...]:
        rows = self.house.shell.execute("SELECT * FROM token WHERE key_id = ? ORDER BY seq", (key.id,))
        found: tuple[Any, ...] = rows.fetchall()[key.tokens.index(token)]
        return found

    @precondition(lambda self: self.deleted)
    @rule(at=which)
    def put_back_by_hand(self, at: int) -> None:
        """Put a token back that was taken away, if its key has no other since."""
        key, token, (_, *values) = self.deleted[at % len(self.deleted)]
        if any(other.replaced_at is None for other in key.tokens):
            return
        del self.deleted[at % len(self.deleted)]
        key.tokens.append(token)
        marks = ", ".join("?" * len(values))
        self.house.by_hand(f"INSERT INTO token VALUES (NULL, {marks})", *values)

    @precondition(lambda self: self.model.flows and self.model.keys)
    @rule(at=which, to=which)
    def binding_by_hand(self, at: int, to: int) -> None:
        """Bind a key to a chatflow, or unbind it, in SQL; and open the chatflow to everybody, or close it."""
        key, flow = self.key(at), list(self.model.flows)[to % len(self.model.flows)]
        if to > 40:
            is_public = self.model.flows[flow].is_public = at % 2 == 0
            self.house.by_hand("UPDATE chatflow SET is_public = ? WHERE id = ?", is_public, flow)
        elif flow in key.bindings:
            del key.bindings[flow]
            self.house.by_hand("DELETE FROM binding WHERE key_id = ? AND chatflow_id = ?", key.id, flow)
        else:
            key.bindings[flow] = ()
            self.house.by_hand(
                """INSERT INTO binding(workspace_id, key_id, chatflow_id, created_at, key_seq)
                SELECT workspace_id, id, ?, 0, seq FROM api_key WHERE id = ?""",
                flow,
                key.id,
            )

    @rule(at=which, value=which)
    def others_by_hand(self, at: int, value: int) -> None:
        """Change a customer, or the networks of the policy, in SQL."""
        if self.model.customers and at % 2:
            customer = list(self.model.customers)[at % len(self.model.customers)]
            status = ("active", "active", "disabled", "disabled", "revoked")[value % 5]
            self.model.customers[customer] = status
            self.house.by_hand("UPDATE customer SET status = ? WHERE id = ?", status, customer)
        elif self.house.shell.execute("SELECT 1 FROM policy").fetchone():
            networks = self.model.networks = POLICY_NETWORKS[value % len(POLICY_NETWORKS)]
            stored = json.dumps(networks) if networks else None
            self.house.by_hand("UPDATE policy SET allowed_ips = ?", stored)

    # What happens by itself

    @rule(pause=st.sampled_from(PAUSES))
    def wait(self, pause: int) -> None:
        """Let time pass."""
        self.house.now += pause

    @rule(at=which, by=st.sampled_from([-1, 0, 1]))
    def wait_for_an_end(self, at: int, by: int) -> None:
        """Let time pass until something ends by itself, or is about to."""
        ends = self.model.ends(self.house.now)
        if ends:
            self.house.now = max(self.house.now, ends[at % len(ends)] + by)

    @rule()
    def flush(self) -> None:
        """Store what is buffered."""
        self.house.do(self.house.runtime.usage.flush())

    @rule()
    def warm(self) -> None:
        """Read all keys ahead."""
        self.house.warm()

    @rule(secret=st.booleans())
    def restart(self, secret: bool) -> None:
        """Stop and start, with another secret perhaps; how often keys called is forgotten."""
        self.house.restart(secrets.token_urlsafe(32) if secret else None)
        self.model.buckets.clear()

    # What is asked

    @precondition(lambda self: self.tokens())
    @rule(
        at=which, to=which, where=st.sampled_from(ADDRESSES), times=st.integers(1, 3), waiting=st.booleans()
    )
    def call(self, at: int, to: int, where: str | None, times: int, waiting: bool) -> None:
        """Call with any token."""
        tokens = self.tokens()
        flows = [None, *self.model.flows]
        self._call(tokens[at % len(tokens)], Ask(flows[to % len(flows)], None, where), times, waiting)

    @precondition(lambda self: self.good())
    @rule(at=which, times=st.integers(1, 9), waiting=st.booleans())
    def call_again_and_again(self, at: int, times: int, waiting: bool) -> None:
        """Call with a token that is good for it, often enough to come to a limit."""
        good = self.good()
        self._call(*good[at % len(good)], times, waiting)

    @precondition(lambda self: self.good())
    @rule(at=which, times=st.integers(1, 9), pause=st.sampled_from(PAUSES))
    def call_now_and_then(self, at: int, times: int, pause: int) -> None:
        """Call with pauses, and let time pass while calls are refused."""
        good = self.good()
        for _ in range(times):
            self._call(*good[at % len(good)], 2, False)
            self.house.now += pause

    def good(self) -> list[tuple[str, Ask]]:
        """Return calls that are let in but for their limits, those with most limits first."""
        asks = [Ask(flow, None, "10.1.2.3") for flow in (None, *self.model.flows)]
        found = [
            (len(self.model.limits_of(key, ask.chatflow)), token.text, ask)
            for key in self.keys
            for token in key.tokens
            for ask in asks
            if self.model.said(token.text, ask, self.house.now) == VALID
        ]
        return [(text, ask) for _, text, ask in sorted(found, key=lambda each: -each[0])]

    def _call(self, text: str, ask: Ask, times: int, waiting: bool) -> None:
        for _ in range(times):
            said, seconds = self.model.call(text, ask, self.house.now)
            found = self.house.called(text, ask, waits=waiting)
            assert word(found) == said
            # Several that are refused together are told different times: at least what they have to wait.
            assert (waits(found) >= seconds) if seconds else (waits(found) == 0)

    @rule()
    def look(self) -> None:
        """Look at every key as people do."""
        keyring, now = self.house.runtime.keyring, self.house.now
        for key in self.keys:
            found: ApiKey = self.house.do(keyring.get(self.house.caller, key.id))
            assert (found.name, found.permissions, found.allowed_ips, found.expires_at) == (
                *(key.name, key.permissions, key.allowed_ips),
                key.expires_at,
            )
            assert found.status_at(now).value == key.status_at(now)
            assert {flow.id: flow.rate_limits for flow in found.chatflows} == key.bindings
            assert (found.customer.id if found.customer else None, found.rate_limits) == (
                *(key.customer, key.limits),
            )
            assert found.last_used_at == key.last_used
            last = key.rotation()
            assert (found.rotation is None) is (last is None)
            if found.rotation is not None and last is not None:
                assert (found.rotation.started_at, found.rotation.ends_at) == (
                    *(last.replaced_at, last.valid_until),
                )
                assert (found.rotation.uses, found.rotation.last_used_at or 0) == (last.uses, last.last_used)
        self._count()

    def _count(self) -> None:
        """The numbers that are kept of keys are the numbers of keys."""
        own = {"workspace_id": self.house.caller.workspace_id}
        for status in Status:
            query = KeyQuery(status=status, **own)
            page = self.house.do(self.house.runtime.keyring.page(self.house.caller, query))
            wanted = {key.id for key in self.keys if key.status_at(self.house.now) == status.value}
            assert ({item.id for item in page.items}, page.total) == (wanted, len(wanted))
        for customer, status in self.model.customers.items():
            found = self.house.do(self.house.runtime.customers.get(self.house.caller, customer))
            alive = [key for key in self.keys if key.customer == customer and key.status != "revoked"]
            assert (found.status.value, found.key_count) == (status, len(alive))

    @invariant()
    def everybody_is_told_the_same(self) -> None:
        """Whoever asks about any token that ever was hears what the model says, at once."""
        if not hasattr(self, "house"):
            return
        type(self).steps += 1
        asks = [Ask(flow, None, "10.1.2.3") for flow in (None, *self.model.flows)]
        asks += [Ask(None, permission, address) for permission in ASKED for address in ADDRESSES]
        tokens = [*self.tokens(), mint()]
        for text in tokens:
            for ask in asks:
                expected = self.model.said(text, ask, self.house.now)
                assert self.house.said(text, ask) == expected, (text, ask)
        if self.beside:
            self._ask_beside(tokens, asks)

    def _ask_beside(self, tokens: list[str], asks: list[Ask]) -> None:
        """Those who verify by themselves hear of it within the bound."""
        self.house.now += HEARD
        for text in tokens:
            for ask in asks:
                expected = self.model.said(text, ask, self.house.now)
                assert self.house.said_beside(text, ask, counted=False) == expected, (text, ask)
                found = self.model.key_of(text)
                if expected == VALID and found and self.model.limits_of(found[0], ask.chatflow):
                    expected = "limits_not_counted"
                assert self.house.said_beside(text, ask, counted=True) == expected, (text, ask)
