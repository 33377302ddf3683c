"""The chatflow: what a key opens."""

from enum import StrEnum
from typing import Any

import msgspec


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
    key_ids: tuple[str, ...] = ()
    """The bound keys, the first bound first."""


class ChatflowAccess(msgspec.Struct, frozen=True, gc=False):
    """What a call needs to know of a chatflow before anything of it is loaded."""

    id: str
    workspace_id: str
    is_public: bool
    version: int


class FlowCheck(msgspec.Struct, frozen=True):
    """Whether a chatflow can run on this server, and what keeps it from running."""

    runnable: bool
    missing_kinds: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    """Other reasons, in words, for people: an unlisted Python function, an unknown credential…"""
