"""Calls of public chatflows: by visitors, who have no key, and with keys that are not bound to them."""

import msgspec

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.chatflows.visitors import VisitorRules
from flowkeys.domain.keys.decision import AccessRequest, Decision, Denied, Reason, decide
from flowkeys.domain.keys.networks import Client, Visitor
from flowkeys.domain.limits.gcra import Taken


def foreign(access: ChatflowAccess, client: Visitor) -> Denied | None:
    """Refuse a call from a page that a chatflow does not answer."""
    rules = access.visitors
    if rules is None or rules.origins is None or rules.admits(client.origin()):
        return None
    return Denied(Reason.ORIGIN_NOT_ALLOWED, text=rules.origin_text)


def told(access: ChatflowAccess, taken: Taken) -> Taken | Denied:
    """Refuse a call without a key that has to wait, in the words of the chatflow's owner."""
    if not taken.wait_seconds:
        return taken
    text = VisitorRules().limit_text if access.visitors is None else access.visitors.limit_text
    return Denied(Reason.RATE_LIMITED, taken=taken, text=text)


def decide_about_public(
    denied: Denied, request: AccessRequest, access: ChatflowAccess | None, now: int, client: Client | None
) -> Decision:
    """A live key of the workspace may call its public chatflows too, bound to them or not."""
    record = denied.record
    if record is None or access is None or not access.is_public:
        return denied
    if access.workspace_id != record.workspace_id:
        return denied
    return decide(record, msgspec.structs.replace(request, chatflow_id=None), now, client)
