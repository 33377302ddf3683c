"""API keys for chatflows.

Everything here is imported when it is first used, so that ``import flowkeys`` costs next to nothing.
"""

from importlib import import_module

TYPE_CHECKING = False  # type checkers take it for True; importing `typing` would cost more than all of this
if TYPE_CHECKING:
    from flowkeys.client.aio import AsyncClient
    from flowkeys.client.audit import AuditActor, AuditEntry, AuditHead, AuditSubject, Report
    from flowkeys.client.customers import Customer
    from flowkeys.client.document_stores import Collection, Document, UploadReport
    from flowkeys.client.errors import (
        AuthenticationError,
        ConnectionFailed,
        FlowkeysApiError,
        InvalidRequestError,
        NotFoundError,
        PermissionDenied,
        RateLimited,
        ServerError,
        StreamFailed,
        Unavailable,
        UnexpectedAnswer,
        UpstreamError,
    )
    from flowkeys.client.events import (
        AgentFlowEvent,
        AgentFlowExecutedData,
        End,
        Event,
        Metadata,
        NextAgentFlow,
        SourceDocuments,
        Start,
        StreamError,
        Token,
        Unknown,
        UsedTools,
    )
    from flowkeys.client.limits import LimitLeft, Quota, QuotaLeft, RateLimit
    from flowkeys.client.models import (
        BoundChatflow,
        BulkResult,
        Chatflow,
        Explanation,
        ExplanationStep,
        Key,
        KeyCustomer,
        Message,
        NewKey,
        Page,
        Prediction,
        Rotation,
        SourceDocument,
        Verification,
    )
    from flowkeys.client.policy import BrokenKey, KeysOfPerson, Policy, PolicyBreach, PolicyCheck
    from flowkeys.client.sync import Client
    from flowkeys.client.usage import (
        Latency,
        OwnUsage,
        TopChatflow,
        TopKey,
        Usage,
        UsageReport,
        UsageStep,
        UsageSummary,
    )
    from flowkeys.client.webhooks import Delivery, NewWebhook, Webhook
    from flowkeys.domain.errors import ConfigurationError, FieldError, FlowkeysError
    from flowkeys.domain.predictions.conversation import Role, Turn

__version__ = "0.1.0"

__all__ = [
    "AgentFlowEvent",
    "AgentFlowExecutedData",
    "AsyncClient",
    "AuditActor",
    "AuditEntry",
    "AuditHead",
    "AuditSubject",
    "AuthenticationError",
    "BoundChatflow",
    "BrokenKey",
    "BulkResult",
    "Chatflow",
    "Client",
    "Collection",
    "ConfigurationError",
    "ConnectionFailed",
    "Customer",
    "Delivery",
    "Document",
    "End",
    "Event",
    "Explanation",
    "ExplanationStep",
    "FieldError",
    "FlowkeysApiError",
    "FlowkeysError",
    "InvalidRequestError",
    "Key",
    "KeyCustomer",
    "KeysOfPerson",
    "Latency",
    "LimitLeft",
    "Message",
    "Metadata",
    "NewKey",
    "NewWebhook",
    "NextAgentFlow",
    "NotFoundError",
    "OwnUsage",
    "Page",
    "PermissionDenied",
    "Policy",
    "PolicyBreach",
    "PolicyCheck",
    "Prediction",
    "Quota",
    "QuotaLeft",
    "RateLimit",
    "RateLimited",
    "Report",
    "Role",
    "Rotation",
    "ServerError",
    "SourceDocument",
    "SourceDocuments",
    "Start",
    "StreamError",
    "StreamFailed",
    "Token",
    "TopChatflow",
    "TopKey",
    "Turn",
    "Unavailable",
    "UnexpectedAnswer",
    "Unknown",
    "UploadReport",
    "UpstreamError",
    "Usage",
    "UsageReport",
    "UsageStep",
    "UsageSummary",
    "UsedTools",
    "Verification",
    "Webhook",
    "__version__",
]

_HOMES = {
    "flowkeys.client.sync": "Client",
    "flowkeys.client.aio": "AsyncClient",
    "flowkeys.client.errors": (
        "FlowkeysApiError ConnectionFailed UnexpectedAnswer InvalidRequestError AuthenticationError"
        " PermissionDenied NotFoundError RateLimited ServerError Unavailable UpstreamError StreamFailed"
    ),
    "flowkeys.client.events": (
        "Event Start Token SourceDocuments UsedTools AgentFlowEvent NextAgentFlow AgentFlowExecutedData"
        " Metadata StreamError End Unknown"
    ),
    "flowkeys.client.audit": "AuditActor AuditEntry AuditHead AuditSubject Report",
    "flowkeys.client.customers": "Customer",
    "flowkeys.client.document_stores": "Collection Document UploadReport",
    "flowkeys.client.policy": "BrokenKey KeysOfPerson Policy PolicyBreach PolicyCheck",
    "flowkeys.client.limits": "LimitLeft Quota QuotaLeft RateLimit",
    "flowkeys.client.models": (
        "Key NewKey BoundChatflow BulkResult Verification Explanation ExplanationStep Page Chatflow Message"
        " Rotation KeyCustomer SourceDocument Prediction"
    ),
    "flowkeys.client.webhooks": "Webhook NewWebhook Delivery",
    "flowkeys.client.usage": "Latency Usage UsageStep UsageReport OwnUsage UsageSummary TopKey TopChatflow",
    "flowkeys.domain.predictions.conversation": "Role Turn",
    "flowkeys.domain.errors": "FlowkeysError ConfigurationError FieldError",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


if not TYPE_CHECKING:  # so that a type checker sees a wrong name

    def __getattr__(name: str) -> object:
        """Import the public name `name` from its module (PEP 562)."""
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_HOME_OF[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return __all__
