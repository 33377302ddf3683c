"""The tables, by noun. Times are integers of microseconds, UTC; every row has a workspace.

What only SQLite has (full-text tables and the triggers that feed them) is in `storage.sqlite.ddl`.
"""

from flowkeys.storage.schema.base import metadata
from flowkeys.storage.schema.chatflows import chatflow, credential, import_job
from flowkeys.storage.schema.customers import customer
from flowkeys.storage.schema.documents import collection, document, passage
from flowkeys.storage.schema.flows import code_approval, tool, variable
from flowkeys.storage.schema.journal import audit, audit_count, audit_segment, change, sent_form
from flowkeys.storage.schema.keys import (
    api_key,
    binding,
    key_count,
    key_letters,
    key_set,
    key_unread_name,
    permission_use,
    recording,
    token,
)
from flowkeys.storage.schema.people import link, person, sign_in
from flowkeys.storage.schema.predictions import conversation, execution, execution_flow, message
from flowkeys.storage.schema.processes import server
from flowkeys.storage.schema.quotas import quota_notice, quota_use
from flowkeys.storage.schema.usage import usage_batch, usage_day, usage_hour, usage_total
from flowkeys.storage.schema.webhooks import (
    webhook,
    webhook_delivery,
    webhook_event,
    webhook_expiry,
    webhook_secret,
)
from flowkeys.storage.schema.workspaces import policy, workspace

__all__ = (
    "api_key",
    "audit",
    "audit_count",
    "audit_segment",
    "binding",
    "change",
    "chatflow",
    "code_approval",
    "collection",
    "conversation",
    "credential",
    "customer",
    "document",
    "execution",
    "execution_flow",
    "import_job",
    "key_count",
    "key_letters",
    "key_set",
    "key_unread_name",
    "link",
    "message",
    "metadata",
    "passage",
    "permission_use",
    "person",
    "policy",
    "quota_notice",
    "quota_use",
    "recording",
    "sent_form",
    "server",
    "sign_in",
    "token",
    "tool",
    "usage_batch",
    "usage_day",
    "usage_hour",
    "usage_total",
    "variable",
    "webhook",
    "webhook_delivery",
    "webhook_event",
    "webhook_expiry",
    "webhook_secret",
    "workspace",
)
