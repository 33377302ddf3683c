"""From values to their JSON on the wire."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec import UNSET

from flowkeys.domain.keys.api_key import ApiKey, Creator, KeyRecord
from flowkeys.domain.keys.decision import Decision, Denied, Reason
from flowkeys.domain.keys.terms import Terms
from flowkeys.domain.keys.token import mask
from flowkeys.domain.limits.fields import as_json, limits_json
from flowkeys.domain.limits.quota import standings
from flowkeys.domain.limits.quota_fields import standing_json
from flowkeys.domain.predictions import executed
from flowkeys.domain.predictions.executed import ExecutedData
from flowkeys.domain.times import to_iso
from flowkeys.web.errors import KINDS

if TYPE_CHECKING:
    from flowkeys.domain.customers.customer import Customer, KeyCustomer
    from flowkeys.domain.keys.explain import Explanation
    from flowkeys.domain.keys.networks import Networks
    from flowkeys.domain.keys.policy import Policy
    from flowkeys.domain.keys.rotation import Rotation
    from flowkeys.domain.predictions.conversation import Message
    from flowkeys.service.chatflows.reader import CheckedChatflow
    from flowkeys.service.keys.policies import Check
    from flowkeys.service.keys.rotations import MadeKey
    from flowkeys.service.predictions.run import Answer

Json = dict[str, Any]
_NO_TERMS: Final = Terms()


def key(item: ApiKey, now: int) -> Json:
    """Return a key, its token masked."""
    created, updated = to_iso(item.created_at), to_iso(item.updated_at)
    return {
        "id": item.id,
        "keyName": item.name,
        "apiKey": mask(item.hint),
        "permissions": sorted(item.permissions),
        "chatFlows": [
            {
                "id": bound.id,
                "flowName": bound.name,
                "category": bound.category,
                "updatedDate": to_iso(bound.updated_at),
                "rateLimits": limits_json(bound.rate_limits),
            }
            for bound in item.chatflows
        ],
        "status": item.status_at(now).value,
        "expiresAt": _time(item.expires_at),
        "lastUsedAt": _time(item.last_used_at),
        "lastAddress": item.last_address,
        "lastUserAgent": item.last_user_agent,
        "createdAt": created,
        "createdDate": created,
        "updatedAt": updated,
        "updatedDate": updated,
        "createdBy": creator(item.created_by),
        "workspaceId": item.workspace_id,
        "note": item.note,
        "allowedIps": list(item.allowed_ips),
        "rateLimits": limits_json(item.rate_limits),
        "quotas": _quotas(item, now),
        "rotation": _rotation(item.rotation_at(now)),
        "customerId": None if item.customer is None else item.customer.id,
        "customer": None
        if item.customer is None
        else {**_customer(item.customer), "status": item.customer.status.value},
        **({} if item.unused_permissions is None else {"unusedPermissions": list(item.unused_permissions)}),
    }


def _rotation(item: "Rotation | None") -> Json | None:
    """Return a rotation that is under way: the old token, and how it was used since."""
    if item is None:
        return None
    return {
        "apiKey": mask(item.hint),
        "startedAt": to_iso(item.started_at),
        "endsAt": to_iso(item.ends_at),
        "finishWhenUnusedSeconds": item.finish_when_unused_seconds,
        "lastUsedAt": _time(item.last_used_at),
        "lastAddress": item.last_address,
        "lastUserAgent": item.last_user_agent,
        "uses": item.uses,
    }


def made_key(made: "MadeKey", now: int) -> Json:
    """Return a new key with its token: the one answer that shows it."""
    return {**key(made.key, now), "apiKey": made.token.reveal(), "apiSecret": made.digest}


def verified(decision: Decision) -> Json:
    """Return what a decision says about a token.

    Of a key that is refused for where it is used from it says all that is said of a good one: who keeps
    answers may decide by it about calls from elsewhere.
    """
    left = as_json(decision.taken)
    if not isinstance(decision, Denied):
        return {"valid": True, "code": "valid", **_record(decision.record), **left}
    record, code = decision.record, decision.reason.value
    said = {"valid": False, "code": code, "detail": decision.detail or KINDS[code].detail}
    if record is None:
        return said
    if decision.reason is Reason.IP_NOT_ALLOWED:
        return {**said, **_record(record)}
    return {**said, "id": record.key_id, "keyName": record.name, **left}


def _record(record: KeyRecord) -> Json:
    terms = record.terms or _NO_TERMS
    return {
        "id": record.key_id,
        "keyName": record.name,
        "workspaceId": record.workspace_id,
        "permissions": sorted(record.permissions),
        "chatflowIds": sorted(record.chatflow_ids),
        "expiresAt": _time(record.expires_at),
        "tokenValidUntil": _time(record.valid_until),
        "tokenReplacedAt": _time(record.replaced_at),
        "allowedIps": _texts(terms.networks),
        "policyAllowedIps": _texts(terms.policy_networks),
        "customer": None if terms.customer is None else _customer(terms.customer),
        "position": record.position,
    }


def policy(item: "Policy") -> Json:
    """Return the policy of a workspace."""
    from flowkeys.service.keys.policies import for_people

    return {**for_people(item), "updatedAt": _time(item.updated_at)}


def policy_check(found: "Check", now: int) -> Json:
    """Return what does not keep to the policy."""
    return {
        "total": found.total,
        "data": [
            {
                "key": key(broken.key, now),
                "breaches": [
                    {name: getattr(breach, name) for name in ("policy", "field", "message", "action")}
                    | {"latest": _time(breach.latest)}
                    for breach in broken.breaches
                ],
            }
            for broken in found.keys
        ],
        "people": [{"id": each.person_id, "name": each.name, "keys": each.total} for each in found.people],
    }


def _texts(networks: "Networks | None") -> list[str]:
    return [] if networks is None else list(networks.texts)


def _quotas(item: "ApiKey | Customer", now: int) -> list[Json]:
    return standing_json(standings(item.quotas, item.quota_uses, now, item.tokens_reserved))


def customer(item: "Customer", now: int) -> Json:
    """Return a customer."""
    return {
        "id": item.id,
        "name": item.name,
        "externalId": item.external_id,
        "meta": item.meta,
        "status": item.status.value,
        "keyCount": item.key_count,
        "rateLimits": limits_json(item.rate_limits),
        "quotas": _quotas(item, now),
        "createdAt": to_iso(item.created_at),
        "updatedAt": to_iso(item.updated_at),
        "revokedAt": _time(item.revoked_at),
        "workspaceId": item.workspace_id,
    }


def _customer(item: "KeyCustomer") -> Json:
    return {"id": item.id, "externalId": item.external_id, "name": item.name}


def explained(explanation: "Explanation") -> Json:
    """Return a decision with its steps; of the token its last characters only."""
    decision, hint = explanation.decision, explanation.hint
    said = verified(decision)
    return {
        **{name: said[name] for name in ("valid", "code", "detail", "id", "keyName") if name in said},
        "apiKey": None if hint is None else mask(hint),
        "steps": [{"step": step.step, "ok": step.ok, "detail": step.detail} for step in explanation.steps],
    }


def chatflow(checked: "CheckedChatflow") -> Json:
    """Return a chatflow, `flowData` as it was given."""
    from flowkeys.service.chatflows.input import EXTRAS

    item = checked.chatflow
    return {
        "id": item.id,
        "name": item.name,
        "flowData": item.flow_data,
        "type": item.type.value,
        "isPublic": item.is_public,
        "apikeyid": item.key_ids[0] if item.key_ids else None,
        "apiKeyIds": list(item.key_ids),
        "chatbotConfig": item.chatbot_config,
        "apiConfig": item.api_config,
        "rateLimits": limits_json(item.rate_limits),
        "credentials": dict(item.credentials),
        "category": item.category,
        **{name: item.extras.get(name) for name in EXTRAS},
        "createdDate": to_iso(item.created_at),
        "updatedDate": to_iso(item.updated_at),
        "workspaceId": item.workspace_id,
        "runnable": checked.check.runnable,
        "missingNodeKinds": list(checked.check.missing_kinds),
        "problems": list(checked.check.problems),
        "warnings": list(checked.warnings),
    }


_SHOWN_DETAILS: Final = ("sourceDocuments", "usedTools")


def message(item: "Message", *, outlined: bool) -> Json:
    """Return a stored message; `outlined` with the names of tools alone."""
    details: Mapping[str, Any] = item.details
    if outlined and (used := details.get("usedTools")):
        details = {**details, "usedTools": executed.tools(used, ExecutedData.OUTLINE)}
    return {
        "id": item.id,
        "role": item.role.value,
        "content": item.content,
        "chatflowid": item.chatflow_id,
        "chatId": item.chat_id,
        "sessionId": item.session_id,
        "keyId": item.key_id,
        "personId": item.person_id,
        "createdDate": to_iso(item.created_at),
        **_finish(item.finish_reason),
        **{name: details[name] for name in _SHOWN_DETAILS if name in details},
    }


def answer(item: "Answer") -> Json:
    """Return an answer with the members that Flowise answers with."""
    told = {"text": item.result.text, "question": item.question, "form": item.form, "chatId": item.chat_id}
    told |= {"chatMessageId": item.message_id, "sessionId": item.session_id}
    body: Json = {name: value for name, value in told.items() if value is not UNSET}
    body |= _finish(item.result.finish_reason)
    if item.execution_id is not None:
        body["executionId"] = item.execution_id
    if item.execution_id is not None and item.result.executed:
        body["agentFlowExecutedData"] = item.result.executed
    if item.result.stopped is not None:
        body["action"] = item.result.stopped.action
    if item.result.source_documents:
        body["sourceDocuments"] = item.result.source_documents
    if item.result.used_tools:
        body["usedTools"] = item.result.used_tools
    return body


def metadata(item: "Answer") -> Json:
    """Return the data of a stream's `metadata` event."""
    stopped = item.result.stopped
    told = {
        "chatId": item.chat_id,
        "chatMessageId": item.message_id,
        "question": item.question,
        "sessionId": item.session_id,
        "action": None if stopped is None else stopped.action,
    }
    return {name: value for name, value in told.items() if value} | _finish(item.result.finish_reason)


def _finish(reason: str | None) -> Json:
    return {} if reason in {None, "stop"} else {"finishReason": reason}


def _time(value: int | None) -> str | None:
    return None if value is None else to_iso(value)


def creator(by: Creator) -> Json:
    """Return who made something."""
    return {"type": by.type, "id": by.id, "name": by.name}
