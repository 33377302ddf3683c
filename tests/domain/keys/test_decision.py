"""The decision: a pure function."""

import msgspec
import pytest

from flowkeys.domain.keys.api_key import KeyRecord, Status
from flowkeys.domain.keys.decision import ANYTHING, AccessRequest, Allowed, Denied, Reason, decide
from flowkeys.domain.keys.networks import KnownClient, Networks
from flowkeys.domain.keys.rotation import Replaced
from flowkeys.domain.keys.terms import Terms

NOW = 1_000_000
RECORD = KeyRecord.of(
    key_id="k",
    workspace_id="w",
    name="n",
    permissions=frozenset({"apikeys:view"}),
    status=Status.ACTIVE,
    expires_at=None,
    replaced=None,
    chatflow_ids=frozenset({"c"}),
)

INSIDE = Terms(Networks(["10.0.0.0/8"]))


@pytest.mark.parametrize(
    ("change", "request_", "reason"),
    [
        ({"status": Status.REVOKED}, ANYTHING, Reason.REVOKED_KEY),
        ({"status": Status.DISABLED}, ANYTHING, Reason.DISABLED_KEY),
        ({"status": Status.DISABLED, "expires_at": NOW}, ANYTHING, Reason.DISABLED_KEY),
        ({"expires_at": NOW}, ANYTHING, Reason.EXPIRED_KEY),
        ({"replaced": Replaced(NOW, NOW - 1)}, ANYTHING, Reason.EXPIRED_KEY),
        ({}, AccessRequest(chatflow_id="other"), Reason.CHATFLOW_NOT_ALLOWED),
        ({"chatflow_ids": frozenset()}, AccessRequest(chatflow_id="c"), Reason.CHATFLOW_NOT_ALLOWED),
        ({"permissions": frozenset({"*"})}, AccessRequest(chatflow_id="x"), Reason.CHATFLOW_NOT_ALLOWED),
        ({}, AccessRequest(permissions=("apikeys:create",)), Reason.PERMISSION_MISSING),
        (
            {"permissions": frozenset()},
            AccessRequest(permissions=("apikeys:view",)),
            Reason.PERMISSION_MISSING,
        ),
        ({}, AccessRequest(workspace_id="other"), Reason.UNKNOWN_KEY),
        ({"terms": INSIDE}, ANYTHING, Reason.IP_NOT_ALLOWED),
        ({"terms": INSIDE, "expires_at": NOW}, ANYTHING, Reason.EXPIRED_KEY),
        ({"terms": INSIDE}, AccessRequest(chatflow_id="other"), Reason.IP_NOT_ALLOWED),
    ],
)
def test_a_refusal_names_its_reason(change: dict, request_: AccessRequest, reason: Reason) -> None:
    """Status before expiry, expiry before what is asked; bindings alone open chatflows."""
    decision = decide(msgspec.structs.replace(RECORD, **change), request_, NOW)
    assert isinstance(decision, Denied)
    assert decision.reason is reason


@pytest.mark.parametrize(
    ("change", "request_"),
    [
        ({}, ANYTHING),
        ({"expires_at": NOW + 1, "replaced": Replaced(NOW + 1, NOW)}, ANYTHING),
        ({}, AccessRequest(chatflow_id="c")),
        ({}, AccessRequest(permissions=("apikeys:view",), workspace_id="w")),
        ({"permissions": frozenset({"*"})}, AccessRequest(permissions=("users:manage",))),
    ],
)
def test_a_live_key_may_do_what_it_holds(change: dict, request_: AccessRequest) -> None:
    """A microsecond before the expiry it still works."""
    assert isinstance(decide(msgspec.structs.replace(RECORD, **change), request_, NOW), Allowed)


def test_a_replaced_token_that_ended_says_so() -> None:
    """When it was replaced, and when it ended; not of a key that has expired, nor by hand."""
    replaced = msgspec.structs.replace(RECORD, replaced=Replaced(NOW, 0))
    denied = decide(replaced, ANYTHING, NOW)
    assert isinstance(denied, Denied)
    assert denied.detail is not None
    assert "replaced by a new one at 1970-01-01T00:00:00.000Z" in denied.detail
    assert "ended at 1970-01-01T00:00:01.000Z" in denied.detail
    for other in ({"expires_at": NOW}, {"replaced": Replaced(NOW)}):
        assert decide(msgspec.structs.replace(replaced, **other), ANYTHING, NOW).detail is None  # type: ignore[union-attr]


def test_an_unknown_token_is_refused_without_a_record() -> None:
    """There is nothing to tell about it."""
    assert decide(None, ANYTHING, NOW) == Denied(Reason.UNKNOWN_KEY)


def test_a_key_of_some_networks_is_good_in_them_alone() -> None:
    """What is not known of a client is not taken for one inside; a key without networks asks nobody."""
    record = msgspec.structs.replace(RECORD, terms=INSIDE)
    assert isinstance(decide(record, ANYTHING, NOW, KnownClient("10.1.2.3")), Allowed)
    for address in (None, "192.0.2.1", "unix"):
        decision = decide(record, ANYTHING, NOW, KnownClient(address))
        assert isinstance(decision, Denied)
        assert decision.reason is Reason.IP_NOT_ALLOWED

    class Asked:
        def address(self) -> str:
            raise AssertionError("nobody needs it")

    assert isinstance(decide(RECORD, ANYTHING, NOW, Asked()), Allowed)
