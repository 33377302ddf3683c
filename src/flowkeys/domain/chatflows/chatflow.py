"""The chatflow: what a key opens."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from flowkeys.domain.chatflows.code import NOTHING_BROUGHT, Brought, CodePiece
from flowkeys.domain.chatflows.visitors import VisitorRules
from flowkeys.domain.keys.api_key import Status
from flowkeys.domain.limits.rate import Limits, RateLimit


class ChatflowType(StrEnum):
    """Flowise's kinds of chatflow. It decides which events a stream has."""

    CHATFLOW = "CHATFLOW"
    AGENTFLOW = "AGENTFLOW"
    MULTIAGENT = "MULTIAGENT"
    ASSISTANT = "ASSISTANT"


class Chatflow(msgspec.Struct, frozen=True, kw_only=True):
    """A chatflow as it is stored. `flow_data`, the two configurations and `extras` are kept as given."""

    id: str
    workspace_id: str
    name: str
    type: ChatflowType
    flow_data: str
    is_public: bool
    chatbot_config: str | None
    api_config: str | None
    category: str | None
    extras: dict[str, Any]
    """Flowise's other columns (``deployed``, ``analytic``, ``speechToText``…), stored as given."""
    created_at: int
    updated_at: int
    version: int
    credentials: Mapping[str, str] = {}
    """Names of the server's credentials by the id of the node that uses each, where a person named one
    beside the graph: an export's own ids of credentials mean nothing here."""
    rate_limits: tuple[RateLimit, ...] = ()
    """How often all its callers together may call it."""
    brought: Brought = NOTHING_BROUGHT
    """What its workspace brings to code in it; stored elsewhere."""
    key_ids: tuple[str, ...] = ()
    """The bound keys, the first bound first."""


class ChatflowAccess(msgspec.Struct, frozen=True, gc=False):
    """What a call needs to know of a chatflow before anything of it is loaded."""

    id: str
    workspace_id: str
    is_public: bool
    version: int
    limits: Limits | None = None
    """How often all its callers together may call it."""
    visitors: VisitorRules | None = None
    """What its configuration asks of those who call it; None: nothing."""


class CredentialNode(msgspec.Struct, frozen=True):
    """A node of a chatflow that uses a credential, or may."""

    id: str
    label: str
    model: str
    """The kind of its model's provider as Flowise names it (``chatOpenAI``); empty when none is chosen."""
    has_model: bool = True
    """It is for a model; else for a service, or another chatflow, which many nodes call without one."""


class FlowCheck(msgspec.Struct, frozen=True):
    """Whether a chatflow can run on this server, and what keeps it from running."""

    runnable: bool
    missing_kinds: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    """Other reasons, in words, for people: an unlisted Python function, an unknown credential…"""
    codes: tuple[CodePiece, ...] = ()
    """The code that running it would run, approved or not."""
    lasts: bool = True
    """Whether only the chatflow itself decides this: else it may be another tomorrow for the same version."""
    of_nodes: Mapping[str, tuple[str, ...]] = {}
    """Those of them that are a node's own, a kind that is missing among them, by the node's id."""


class CallingKey(msgspec.Struct, frozen=True):
    """A key that opens a chatflow, as the chatflow's line in a list shows it."""

    id: str
    name: str
    status: Status
    expires_at: int | None

    def status_at(self, now: int) -> Status:
        """Return the status at the time `now`: an active key past its expiry is expired."""
        if self.status is Status.ACTIVE and self.expires_at is not None and self.expires_at <= now:
            return Status.EXPIRED
        return self.status


class ListedChatflow(msgspec.Struct, frozen=True, kw_only=True):
    """A chatflow as a list shows it: everything but its graph and its configuration."""

    id: str
    name: str
    type: ChatflowType
    category: str | None
    is_public: bool
    created_at: int
    updated_at: int
    version: int
    key_count: int
    """How many bound keys are not revoked."""
    keys: tuple[CallingKey, ...]
    """The first few of them, the first bound first."""
    last_call_at: int | None
    """When it was last asked anything that was answered: from stored messages."""


class ChatflowChoice(msgspec.Struct, frozen=True):
    """A chatflow to choose from."""

    id: str
    name: str
    type: ChatflowType
    is_public: bool
