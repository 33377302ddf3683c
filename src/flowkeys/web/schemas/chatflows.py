"""Chatflows, messages and predictions on the wire."""

from typing import Annotated, Any

import msgspec
from pydantic import BeforeValidator, Field, WithJsonSchema

from flowkeys.domain.chatflows.chatflow import ChatflowType
from flowkeys.web.schemas.limits import RATE_LIMITS, RateLimitIn, RateLimitOut
from flowkeys.web.schemas.wire import In, Out

_READ_ONLY = "Accepted only when it equals the current value, so that a whole chatflow can be put back."
_TEXT = "A JSON object, as a string or as it is; it is stored as a string."
_SEEN = (
    "What callers see of a run (`agentFlowExecutedData`, `usedTools`, `calledTools`): `full`; `outline`, "
    "which nodes ran and the names of tools; `none`. null: outline with a key, none without one, full for "
    "who is signed in and for keys with `executions:view`."
)
_KEPT = "Flowise's; stored as given."


def _text(value: Any) -> Any:
    """Return an object as the text that is stored of it, and everything else as it is."""
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else value


JsonText = Annotated[
    str, BeforeValidator(_text), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]})
]


class ChatflowFields(In):
    """The members that may be written."""

    name: str = ""
    flow_data: JsonText = Field(
        default="", description="The graph's JSON as a string, as Flowise exports it, or the graph itself."
    )
    type: str = Field(default="CHATFLOW", description="CHATFLOW, AGENTFLOW, MULTIAGENT or ASSISTANT.")
    is_public: bool | None = Field(default=None, description="Anyone may call it. Binding a key ends that.")
    apikeyid: str | None = Field(
        default=None, alias="apikeyid", description="Makes this key the only one bound; null unbinds all."
    )
    api_key_ids: list[str] = Field(default=[], description="The whole set of bound keys.")
    chatbot_config: JsonText | None = Field(default=None, description=_TEXT)
    api_config: JsonText | None = Field(default=None, description=_TEXT)
    rate_limits: list[RateLimitIn] | None = Field(default=None, description=RATE_LIMITS)
    category: str | None = None
    credentials: dict[str, str | None] = Field(
        default={},
        description="The whole naming of this server's credentials for nodes that use one: by the node's id "
        "or label, or `*` for all others. It is kept beside the graph, which stays as given.",
        examples=[{"*": "openai"}],
    )
    deployed: Any = Field(default=None, description=_KEPT)
    analytic: Any = Field(default=None, description=_KEPT)
    speech_to_text: Any = Field(default=None, description=_KEPT)
    text_to_speech: Any = Field(default=None, description=_KEPT)
    follow_up_prompts: Any = Field(default=None, description=_KEPT)
    mcp_server_config: Any = Field(default=None, description=_KEPT)
    executed_data: Any = Field(default=None, description=_SEEN, examples=["outline"])


class ChatflowCreate(ChatflowFields):
    """A chatflow to be stored. It is closed until a key is bound or it is made public."""

    name: str = Field(description="1 to 255 characters.", examples=["Docs assistant"])


class ChatflowUpdate(ChatflowFields):
    """What is to change of a chatflow, or the whole chatflow with some of it changed."""

    id: Any = Field(default=None, description=_READ_ONLY)
    created_date: Any = Field(default=None, description=_READ_ONLY)
    updated_date: Any = Field(default=None, description=_READ_ONLY)
    workspace_id: Any = Field(default=None, description=_READ_ONLY)
    runnable: Any = Field(default=None, description=_READ_ONLY)
    missing_node_kinds: Any = Field(default=None, description=_READ_ONLY)
    problems: Any = Field(default=None, description=_READ_ONLY)
    warnings: Any = Field(default=None, description=_READ_ONLY)


class ChatflowOut(Out):
    """A chatflow."""

    id: str
    name: str
    flow_data: str
    type: ChatflowType
    is_public: bool
    apikeyid: str | None = Field(alias="apikeyid", description="The first bound key.")
    api_key_ids: list[str]
    chatbot_config: str | None
    api_config: str | None
    rate_limits: list[RateLimitOut] = Field(description="How often all its callers together may call it.")
    category: str | None
    credentials: dict[str, str] = Field(description="Names of credentials by node id.")
    deployed: Any
    analytic: Any
    speech_to_text: Any
    text_to_speech: Any
    follow_up_prompts: Any
    mcp_server_config: Any
    executed_data: Any = Field(description=_SEEN)
    created_date: str
    updated_date: str
    workspace_id: str
    runnable: bool
    missing_node_kinds: list[str] = Field(description="Node kinds that this server does not have.")
    problems: list[str] = Field(description="Other reasons why it cannot run, in words.")
    warnings: list[str] = Field(
        description="What its configuration asks and cannot be enforced, and what it names that is not here."
    )


class ChatflowPageOut(Out):
    """A page of chatflows."""

    total: int
    data: list[ChatflowOut]


class MessageOut(Out):
    """A stored message."""

    id: str
    role: str = Field(description="userMessage or apiMessage.")
    content: str
    chatflowid: str = Field(alias="chatflowid")
    chat_id: str
    session_id: str
    key_id: str | None
    person_id: str | None = Field(description="The signed-in person who tried the chatflow.")
    created_date: str
    finish_reason: str | None = Field(default=None, description="length when the answer was cut off.")
    source_documents: list[Any] | None = None
    used_tools: list[Any] | None = None


class MessagePageOut(Out):
    """A page of messages, newest first."""

    total: int
    data: list[MessageOut]


class StreamingOut(Out):
    """Whether a chatflow can stream: always, and for any id, so that it tells nothing."""

    is_streaming: bool


class PublicConfigOut(Out):
    """What the widget shows of a public chatflow: display fields only."""

    uploads: dict[str, Any]
    flow_data: str = Field(description="A string, as the widget needs it; holds no part of the graph.")
    model_config = Out.model_config | {"extra": "allow"}


class PredictionIn(In):
    """A question to a chatflow. Members that Flowise's clients send beside these are passed over."""

    model_config = In.model_config | {"extra": "allow", "strict": False}

    question: str | None = None
    form: dict[str, Any] | None = Field(default=None, description="For a chatflow that starts with a form.")
    streaming: bool | None = None
    chat_id: str | None = None
    session_id: str | None = None
    override_config: dict[str, Any] | None = Field(
        default=None, description="`sessionId`, and what the chatflow's owner enabled."
    )
    history: list[dict[str, Any]] | None = Field(
        default=None, description="Replaces the stored history for this call."
    )
    uploads: list[Any] | None = None
    human_input: Any = None


class PredictionOut(Out):
    """An answer."""

    text: str
    question: str
    chat_id: str
    chat_message_id: str
    session_id: str
    execution_id: str | None = None
    finish_reason: str | None = Field(default=None, description="length when the answer was cut off.")
    source_documents: list[Any] | None = None
    used_tools: list[Any] | None = None
    agent_flow_executed_data: list[Any] | None = None


class ApprovalIn(In):
    """Which code is meant."""

    digests: list[str] | None = Field(
        default=None,
        description="The digests that were shown: what has changed since is not approved. Without them: all.",
        max_length=1000,
    )


class CodeOut(Out):
    """A piece of code that running the chatflow would run."""

    node_id: str
    label: str
    digest: str = Field(description="SHA-256 of the code's UTF-8, in hex.")
    approved: bool
    code: str


class ToolFields(In):
    """The members of a custom tool that may be written."""

    name: str = Field(default="", description="What models call it.")
    description: str = Field(default="", description="What models are told of it.")
    color: str = Field(default="", description="For lists of Flowise's.")
    icon_src: str | None = Field(default=None, description="For lists of Flowise's.")
    parameters: str | None = Field(
        default=None,
        alias="schema",
        description="What it takes: a JSON list of `{property, description, type, required}`, as text; "
        "types are `string`, `number`, `boolean` and `date`.",
    )
    func: str | None = Field(
        default=None, description="The body of an async function of JavaScript; `$name` is what it takes."
    )
    export_id: str | None = Field(
        default=None,
        description="The id by which chatflows of an export name it, where that is not its own; no two tools "
        "of a workspace have the same.",
    )


class ToolCreate(ToolFields):
    """A custom tool to be made."""

    name: str = Field(description="What models call it.", examples=["add"])


class ToolsImport(In):
    """Custom tools of an export."""

    tools: list[ToolCreate] = Field(max_length=1000)


class ToolUpdate(ToolFields):
    """What is to change of a custom tool, or the whole of it with some of it changed."""

    id: Any = Field(default=None, description="Accepted only when it equals the current value.")
    created_date: Any = Field(default=None, description="Accepted only when it equals the current value.")
    updated_date: Any = Field(default=None, description="Accepted only when it equals the current value.")
    workspace_id: Any = Field(default=None, description="Accepted only when it equals the current value.")


class ToolOut(Out):
    """A custom tool."""

    id: str
    name: str
    description: str
    color: str
    icon_src: str | None
    parameters: str | None = Field(alias="schema")
    func: str | None
    export_id: str | None
    created_date: str
    updated_date: str
    workspace_id: str
