"""``/audit``: who did what, searched and filtered."""

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from fastapi import Response

from flowkeys.domain.audit.difference import Difference, differences
from flowkeys.domain.audit.entry import AuditQuery, AuditRecord
from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.ids import is_id
from flowkeys.domain.journal import AuditEntry, Subject
from flowkeys.service.audit.input import read_query
from flowkeys.service.audit.log import AUDIT_VIEW
from flowkeys.web.api.audit import stream
from flowkeys.web.pages.audit import words
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

SHOWN: Final = 25
"""Entries of a page."""
_LONGEST: Final = 200
_DIGITS: Final = 18
_FILTERS: Final = ("subject", "actor", "action", "from", "to")


@router.page("GET", "/audit", needs=AUDIT_VIEW)
async def show(call: PageCall) -> Response:
    """List what was done, newest first, with what each entry changed."""
    typed = {name: call.query_params.get(name, "").strip()[:_LONGEST] for name in _FILTERS}
    errors: dict[str, str] = {}
    items: list[AuditRecord] = []
    audit = call.services.audit
    choices = await audit.choices(call.caller)
    try:
        items = await audit.part(call.caller, _query(typed, call.query_params.get("before", "")))
    except InvalidInput as error:
        errors = {each.field: each.message for each in error.errors}
    older = len(items) > SHOWN
    items = items[:SHOWN]
    known = await audit.names(call.caller, _ids(items, typed["subject"]))
    link = {name: value for name, value in typed.items() if value}
    return call.render(
        "audit/list.html",
        422 if errors else 200,
        title="Audit log",
        typed=typed,
        errors=errors,
        rows=[_row(item, known) for item in items],
        choices=choices,
        action_names={name: words.action(name) for name in choices.actions},
        subjects=words.SUBJECTS,
        subject_name=known.get(typed["subject"]),
        subject_is_id=bool(typed["subject"]) and typed["subject"] not in words.SUBJECTS,
        is_filtered=bool(link),
        without_subject=urlencode({name: value for name, value in link.items() if name != "subject"}),
        is_first="before" not in call.query_params,
        newest=urlencode(link),
        older=urlencode({**link, "before": items[-1].seq}) if older else None,
        head=await audit.head(call.caller),
    )


@router.page("GET", "/audit/export", needs=AUDIT_VIEW)
async def export(call: PageCall) -> Response:
    """Send all that the filters leave, as JSON lines."""
    typed = {name: call.query_params.get(name, "").strip()[:_LONGEST] for name in _FILTERS}
    response = await stream(call.services.audit, call.caller, _query(typed, ""))
    response.headers["Content-Disposition"] = 'attachment; filename="audit.jsonl"'
    return response


def _query(typed: dict[str, str], before: str) -> AuditQuery:
    makes_sense = before.isascii() and before.isdigit() and len(before) <= _DIGITS
    return read_query(
        subject=typed["subject"],
        actor=typed["actor"],
        action=typed["action"],
        since=typed["from"],
        until=typed["to"],
        limit=SHOWN + 1,
        before=int(before) if makes_sense else None,
    )


def _ids(items: Iterable[AuditRecord], subject: str) -> set[str]:
    """Return the ids that are shown by name: in what entries changed, and of what is filtered by."""
    found = {subject} if is_id(subject) else set()
    for item in items:
        for difference in differences(item.entry.before, item.entry.after):
            found.update(text for text in (*difference.before, *difference.after) if is_id(text))
    return found


def _row(item: AuditRecord, known: dict[str, str]) -> dict[str, Any]:
    entry = item.entry
    return {
        "seq": item.seq,
        "at": entry.at,
        "actor": entry.actor_name,
        "actor_type": words.ACTORS[entry.actor_type],
        "actor_filter": entry.actor_id or entry.actor_name,
        "action": words.action(entry.action),
        "subject": item.subject_name or entry.subject_id,
        "subject_id": entry.subject_id,
        "subject_type": words.SUBJECTS[entry.subject],
        "url": _url(entry),
        "address": entry.address,
        "is_here": entry.actor_type in {"operator", "system"},
        "changes": [_named(each, known) for each in differences(entry.before, entry.after)],
    }


def _url(entry: AuditEntry) -> str | None:
    """Return where the subject is shown; it may be gone, and then its page says so."""
    if entry.subject == Subject.KEY:
        return f"/keys/{entry.subject_id}"
    if entry.subject == Subject.WEBHOOK and entry.action != "webhook.delete":
        return f"/webhooks/{entry.subject_id}"
    if entry.subject == Subject.CUSTOMER and entry.action != "customer.delete":
        return f"/customers/{entry.subject_id}"
    if entry.subject == Subject.EXECUTION and entry.action != "execution.delete":
        return f"/executions/{entry.subject_id}"
    if entry.subject == Subject.CHATFLOW and entry.action != "chatflow.delete":
        return f"/chatflows/{entry.subject_id}"
    return None


def _named(difference: Difference, known: dict[str, str]) -> Difference:
    return msgspec.structs.replace(
        difference,
        field=words.field(difference.field),
        before=tuple(known.get(text, text) for text in difference.before),
        after=tuple(known.get(text, text) for text in difference.after),
    )
