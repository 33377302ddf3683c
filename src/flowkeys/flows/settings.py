"""What the operator allows chatflows to do. Flows name these things; they cannot add to them."""

import re
from collections.abc import Mapping

import msgspec

_SECRET = re.compile(r"api_?key|secret|password|authorization|credential|access_?token|bearer", re.IGNORECASE)


def names_secret(name: str) -> bool:
    """Tell whether a member of flowData is meant to hold a key, a password or the name of one."""
    return _SECRET.search(name) is not None


class ModelCredential(msgspec.Struct, frozen=True):
    """A key for a model endpoint, with the one base URL that it may be sent to."""

    name: str
    base_url: str
    api_key: str

    def __repr__(self) -> str:
        return f"ModelCredential(name={self.name!r}, base_url={self.base_url!r}, api_key='…')"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("name", self.name), ("base_url", self.base_url), ("api_key", "…")]


class FlowSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's limits and permissions for all chatflows of a server."""

    credentials: tuple[ModelCredential, ...] = ()
    """Keys for models, by the names that flows use for them."""
    allowed_endpoints: tuple[str, ...] = ()
    """Base URLs that flows may call although they are not public: a model on this machine, for example."""
    mcp_servers: tuple[str, ...] = ()
    """URLs of the MCP servers whose tools flows may use; no others are called."""
    python_targets: tuple[str, ...] = ()
    """``module:attribute`` of each Python object that a flow may run."""
    variables: Mapping[str, str] = {}
    """What ``{{ $vars.name }}`` resolves to. Every flow reads them all: no place for secrets."""
    cached_flows: int = 256
    """Chatflows kept compiled."""
    cached_checks: int = 4096
    """Chatflows of which it is kept whether they can run, and which collections they name."""
    passages: int = 5
    """Passages that a retriever returns unless its node says otherwise."""
    history_messages: int = 50
    """Earlier messages that a model, a Python object or ``{{ chat_history }}`` is given at most."""
    answer_characters: int = 1_000_000
    """Longest output of a model or a Python object."""
    answer_bytes: int = 64 * 1024 * 1024
    """Most bytes read of a model endpoint's answer, what is around the text counted."""
    state_characters: int = 100_000
    """Longest flow state of a run, its keys and values counted."""
    run_steps: int = 1000
    """Most nodes that one run may run, each time that it runs one counted."""
    run_depth: int = 5
    """How many chatflows may run inside each other, below the one that was called."""
    run_seconds: float = 1800
    """Longest that one run may take, without what it waits for a person."""
    run_bytes: int = 64 * 1024 * 1024
    """Most that one run may come to: texts with variables, answers, and its steps as they are shown."""
    run_calls: int = 1000
    """Most calls to models and services that one run may make."""
    connect_timeout_seconds: float = 10.0
    model_timeout_seconds: float = 120.0
    """Longest wait for the next bytes of a model's answer that comes piece by piece."""
    whole_answer_timeout_seconds: float = 600.0
    """Longest wait for an answer that is asked for whole, of which nothing is heard until it is complete."""
    reserved_tokens: int = 4096
    """How many tokens a model may use whose node does not say: so many are reserved of quotas."""
    code_nodes: bool = False
    """Whether chatflows may run code that was approved."""
    code_seconds: float = 5.0
    """Processor time of one run of code."""
    code_timeout_seconds: float = 60.0
    """Longest that one run of code takes, what it waits for counted."""
    code_memory_bytes: int = 64 * 1024 * 1024
    """Memory of one run of code."""
    code_output_bytes: int = 1_000_000
    """Longest that a run of code returns, in each of the forms that it is needed in."""
    code_calls: int = 20
    """Most calls out of one run of code."""
    code_processes: int = 4
    """Most processes that run code at one time; more runs wait for one of them."""
    python_threads: int = 32
    """Threads for Python callables that are not async, and as many for what others start in threads."""
