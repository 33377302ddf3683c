"""A decision step by step: it always agrees with the decision."""

from hypothesis import given
from hypothesis import strategies as st

from flowkeys.domain.customers.customer import CustomerStatus, KeyCustomer
from flowkeys.domain.keys.api_key import KeyRecord, Status
from flowkeys.domain.keys.decision import ANYTHING, AccessRequest, Allowed, Reason, decide
from flowkeys.domain.keys.explain import NOT_LOOKED_AT, STEPS, Presented, explain
from flowkeys.domain.keys.networks import KnownClient, Networks
from flowkeys.domain.keys.rotation import Replaced
from flowkeys.domain.keys.terms import Terms

NOW = 1_000_000
REASON_OF = {
    "form": {Reason.UNKNOWN_KEY},
    "known": {Reason.UNKNOWN_KEY},
    "status": {Reason.DISABLED_KEY, Reason.REVOKED_KEY},
    "expiry": {Reason.EXPIRED_KEY},
    "customer": {Reason.DISABLED_KEY, Reason.REVOKED_KEY},
    "network": {Reason.IP_NOT_ALLOWED},
    "chatflow": {Reason.CHATFLOW_NOT_ALLOWED},
    "permission": {Reason.PERMISSION_MISSING},
}

_WORKSPACES = st.sampled_from(["w", "other"])
_FLOWS = st.sampled_from(["c", "d"])
_PERMISSIONS = st.sampled_from(["apikeys:view", "apikeys:create", "chatflows:view"])
_TIMES = st.none() | st.integers(NOW - 1, NOW + 1)
_CUSTOMERS = [KeyCustomer("c", "Acme", None, status) for status in CustomerStatus]
records = st.none() | st.builds(
    KeyRecord.of,
    key_id=st.just("k"),
    workspace_id=_WORKSPACES,
    name=st.just("n"),
    permissions=st.frozensets(_PERMISSIONS | st.just("*"), max_size=2),
    status=st.sampled_from([Status.ACTIVE, Status.ACTIVE, Status.DISABLED, Status.REVOKED]),
    expires_at=_TIMES,
    replaced=st.none() | st.builds(Replaced, st.integers(NOW - 1, NOW + 1), _TIMES),
    chatflow_ids=st.frozensets(_FLOWS),
    terms=st.sampled_from(
        [None, None, Terms(), Terms(Networks(["10.0.0.0/8"])), *(Terms(customer=each) for each in _CUSTOMERS)]
    ),
)
clients = st.sampled_from([None, KnownClient(None), KnownClient("10.1.2.3"), KnownClient("192.0.2.1")])
requests = st.builds(
    AccessRequest,
    chatflow_id=st.none() | _FLOWS,
    permissions=st.lists(_PERMISSIONS, max_size=2).map(tuple),
    workspace_id=st.none() | _WORKSPACES,
)


@given(record=records, request=requests, client=clients)
def test_the_steps_agree_with_the_decision(
    record: KeyRecord | None, request: AccessRequest, client: KnownClient | None
) -> None:
    """All steps are right exactly when it is allowed; else the first wrong one is the given reason."""
    decision = decide(record, request, NOW, client)
    steps = explain(Presented("a1B2", record), request, NOW, client)
    assert tuple(step.step for step in steps) == STEPS
    if isinstance(decision, Allowed):
        assert [step.ok for step in steps] == [True] * len(STEPS)
        return
    wrong = next(index for index, step in enumerate(steps) if not step.ok)
    assert steps[wrong].ok is False
    assert decision.reason in REASON_OF[steps[wrong].step]
    assert {(step.ok, step.detail) for step in steps[wrong + 1 :]} <= {(None, NOT_LOOKED_AT)}


@given(record=records, request=requests, client=clients)
def test_a_public_chatflow_is_a_step_that_holds(
    record: KeyRecord | None, request: AccessRequest, client: KnownClient | None
) -> None:
    """The rest is decided as if no chatflow had been named."""
    steps = explain(Presented("a1B2", record, opens_to_all=True), request, NOW, client)
    unnamed = AccessRequest(permissions=request.permissions, workspace_id=request.workspace_id)
    allowed = isinstance(decide(record, unnamed, NOW, client), Allowed)
    assert all(step.ok for step in steps) == allowed


@given(record=records, request=requests, client=clients)
def test_a_key_of_another_workspace_reads_as_none(
    record: KeyRecord | None, request: AccessRequest, client: KnownClient | None
) -> None:
    """Not a letter of the explanation differs."""
    if record is None or request.workspace_id in {None, record.workspace_id}:
        return
    assert explain(Presented("a1B2", record), request, NOW, client) == explain(
        Presented("a1B2"), request, NOW, client
    )


def test_what_is_no_token_fails_at_its_form() -> None:
    """Nothing else is looked at."""
    steps = explain(Presented(None), ANYTHING, NOW)
    assert [step.ok for step in steps] == [False, *[None] * 7]
