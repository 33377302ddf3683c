"""What calls return: read-only values with Python's names over the wire's. Unknown members are ignored."""

from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import field
from msgspec.structs import force_setattr

from flowkeys.client.limits import LimitLeft, Quota, QuotaLeft, RateLimit

T = TypeVar("T")


class SecretText(str):
    """A string whose ``repr`` hides it, so that logs and tracebacks of what holds it do not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "SecretText('…')"


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The base of every result: snake_case in Python, camelCase on the wire."""


class Page(Wire, Generic[T], frozen=True, kw_only=True):
    """One page of a list, and how many match in all."""

    total: int
    data: list[T]


class Creator(Wire, frozen=True, kw_only=True):
    """Who made a key: a key, a person or the operator."""

    type: str
    id: str | None = None
    name: str | None = None


class BoundChatflow(Wire, frozen=True, kw_only=True):
    """A chatflow that a key opens."""

    id: str
    flow_name: str | None = None
    category: str | None = None
    rate_limits: list[RateLimit] = []
    updated_at: datetime | None = field(name="updatedDate", default=None)


class Rotation(Wire, frozen=True, kw_only=True):
    """A rotation that is under way: the token before still works, and how it was used since."""

    api_key: str
    """The old token, masked."""
    started_at: datetime
    ends_at: datetime
    finish_when_unused_seconds: int | None = None
    last_used_at: datetime | None = None
    last_address: str | None = None
    last_user_agent: str | None = None
    uses: int = 0


class KeyCustomer(Wire, frozen=True, kw_only=True):
    """Whom a key belongs to."""

    id: str
    name: str
    external_id: str | None = None
    status: str | None = None
    """Unless it is ``active``, the key is refused. A verification does not say it."""


class Key(Wire, frozen=True, kw_only=True):
    """An API key. `api_key` is masked: the token is shown once, by `NewKey`. `last_…` is of one use."""

    id: str
    key_name: str
    api_key: str
    status: str = "active"
    permissions: list[str] = []
    chatflows: list[BoundChatflow] = field(name="chatFlows", default_factory=list)
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    last_address: str | None = None
    last_user_agent: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    created_by: Creator | None = None
    workspace_id: str | None = None
    note: str | None = None
    allowed_ips: list[str] = []
    rate_limits: list[RateLimit] = []
    quotas: list[Quota] = []
    rotation: Rotation | None = None
    """None unless the token before still works."""
    customer: KeyCustomer | None = None
    unused_permissions: list[str] | None = None
    """In the report ``unused-permissions`` only: those that no call has used."""

    @property
    def customer_id(self) -> str | None:
        """The id of the customer that it belongs to, or None when it is nobody's."""
        return None if self.customer is None else self.customer.id


class NewKey(Key, frozen=True, kw_only=True):
    """A key that was just created. This is the only time that `token` can be read: store it now."""

    api_secret: str | None = None
    """The digest that the server keeps."""

    def __post_init__(self) -> None:
        """Wrap what must not appear in a ``repr``."""
        force_setattr(self, "api_key", SecretText(self.api_key))
        if self.api_secret is not None:
            force_setattr(self, "api_secret", SecretText(self.api_secret))

    @property
    def token(self) -> str:
        """The secret that programs present as ``Authorization: Bearer fl-…``."""
        return str(self.api_key)


class BulkResult(Wire, frozen=True, kw_only=True):
    """What became of the keys that were named: how many were changed, and how many were so already.

    `skipped` are the ids of revoked keys, which can be neither disabled nor enabled.
    """

    affected: int
    unchanged: int
    skipped: list[str] = []


class Verification(Wire, frozen=True, kw_only=True):
    """Whether a token is good. It is false in a condition when the token is not."""

    valid: bool
    code: str | None = None
    """``valid``, or why not: ``unknown_key``, ``expired_key``, ``chatflow_not_allowed``…"""
    id: str | None = None
    key_name: str | None = None
    workspace_id: str | None = None
    chatflow_ids: list[str] | None = None
    permissions: list[str] | None = None
    expires_at: datetime | None = None
    token_valid_until: datetime | None = None
    """When the token that was asked about ends, if it was replaced."""
    token_replaced_at: datetime | None = None
    """When this token ends, though its key does not: it was replaced by another."""
    allowed_ips: list[str] | None = None
    """Where calls may come from; none: from anywhere."""
    customer: KeyCustomer | None = None
    policy_allowed_ips: list[str] | None = None
    """Where calls with any key of the workspace may come from, too."""
    position: int | None = None
    """Of the feed of changes: those up to there are in this answer."""
    limits_left: list[LimitLeft] | None = None
    """What is left of each limit, after a question that counts."""
    quotas_left: list[QuotaLeft] | None = None
    """And of each quota."""
    retry_after_seconds: int | None = None
    detail: str | None = None

    def __bool__(self) -> bool:
        return self.valid


class ExplanationStep(Wire, frozen=True, kw_only=True):
    """One step of a decision."""

    step: str
    """``form``, ``known``, ``status``, ``expiry``, ``customer``, ``network``, ``chatflow``…"""
    ok: bool | None
    """None when an earlier step failed, so that this one was not looked at."""
    detail: str


class Explanation(Wire, frozen=True, kw_only=True):
    """Why a token is good or refused. It is false in a condition when the token is refused."""

    valid: bool
    code: str
    """``valid``, or why not."""
    steps: list[ExplanationStep]
    """All of them, in the order in which they are decided."""
    api_key: str | None = None
    """Masked; None when it has not the form of a key."""
    id: str | None = None
    key_name: str | None = None
    detail: str | None = None

    def __bool__(self) -> bool:
        return self.valid


class Chatflow(Wire, frozen=True, kw_only=True):
    """A chatflow. `flow_data` is the JSON text that Flowise exports."""

    id: str
    name: str
    type: str = "CHATFLOW"
    flow_data: str = ""
    is_public: bool = False
    api_key_id: str | None = field(name="apikeyid", default=None)
    """The key that was bound first; `api_key_ids` has all."""
    api_key_ids: list[str] = []
    chatbot_config: str | None = None
    api_config: str | None = None
    category: str | None = None
    rate_limits: list[RateLimit] = []
    credentials: dict[str, str] = {}
    """Names of the server's model credentials by node id, where they were named beside the graph."""
    created_at: datetime | None = field(name="createdDate", default=None)
    updated_at: datetime | None = field(name="updatedDate", default=None)
    workspace_id: str | None = None
    runnable: bool | None = None
    missing_node_kinds: list[str] = []
    problems: list[str] = []
    """Other reasons why it cannot run, in words."""
    warnings: list[str] = []
    """Limits in its configuration that the server does not enforce."""


class Message(Wire, frozen=True, kw_only=True):
    """One stored message of a conversation."""

    id: str
    role: str
    """``userMessage`` or ``apiMessage``."""
    content: str
    session_id: str | None = None
    chat_id: str | None = None
    chatflow_id: str | None = field(name="chatflowid", default=None)
    key_id: str | None = None
    person_id: str | None = None
    """Who tried the chatflow in the page; without key and person it was asked in public."""
    created_at: datetime | None = field(name="createdDate", default=None)
    finish_reason: str | None = None
    """How the model ended that made an answer: ``length`` when it was cut off."""
    source_documents: list[dict[str, Any]] | None = None
    used_tools: list[dict[str, Any]] | None = None


class SourceDocument(Wire, frozen=True, kw_only=True):
    """A passage that an answer was drawn from."""

    page_content: str = ""
    metadata: dict[str, Any] = {}


class Prediction(Wire, frozen=True, kw_only=True):
    """The answer of a chatflow. Pass `session_id` to the next call to go on with the conversation."""

    value: Any = field(name="text", default="")
    """What was answered, of the type that the flow gave it: mostly a text."""
    question: Any = None
    """As it was asked."""
    chat_id: str | None = None
    chat_message_id: str | None = None
    session_id: str | None = None
    execution_id: str | None = None
    finish_reason: str | None = None
    """How the model ended: ``stop``; ``length`` when the answer was cut off; ``content_filter``…"""
    source_documents: list[SourceDocument] | None = None
    used_tools: list[dict[str, Any]] | None = None
    """What was used for it; how much of this and of the next is told is the chatflow's ``executedData``."""
    agent_flow_executed_data: list[dict[str, Any]] | None = None

    @property
    def text(self) -> str:
        """The answer as a text; a number, a truth value or null as JSON writes it."""
        return self.value if isinstance(self.value, str) else msgspec.json.encode(self.value).decode()
