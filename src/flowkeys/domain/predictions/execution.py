"""Runs of agentflows, as they are looked at afterwards, and those that wait for a person."""

from enum import StrEnum
from hashlib import blake2b
from typing import Any

import msgspec


class RunState(StrEnum):
    """What became of a run, in Flowise's words for executions."""

    IN_PROGRESS = "INPROGRESS"
    """A person has answered, and it goes on. Of a run that has not stopped yet nothing is stored."""
    STOPPED = "STOPPED"
    """It waits for a person."""
    FINISHED = "FINISHED"
    ERROR = "ERROR"
    TIMEOUT = "TIMEOUT"
    """Nobody answered in time."""


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One run of an agentflow."""

    id: str
    """``executionId`` of its answers; it begins with the time: the order of ids is that of runs."""
    workspace_id: str
    chatflow_id: str
    key_id: str | None
    person_id: str | None
    """Who tried the chatflow on its page; with neither key nor person it was asked in public."""
    session_id: str
    chat_id: str
    state: RunState
    question: str
    """What was asked; of a form, its JSON."""
    started_at: int
    updated_at: int
    stopped_at: int | None = None
    """When it stopped for a person the last time."""
    expires_at: int | None = None
    """Until when a person may answer."""
    action: dict[str, Any] | None = None
    """What is asked of the person, as Flowise's clients read it: ``data`` names the node that waits."""
    text: str = ""
    """What it said last."""
    error: str | None = None
    """What went wrong: how it ended, or why an earlier answer of a person led nowhere while it waits on."""
    entries: list[dict[str, Any]] = []
    """Its steps, ``agentFlowExecutedData``; lists leave them out."""
    is_apart: bool = True
    """It has a row of its own; else it is read from the answer's message."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a run that waits, besides what it looks like."""

    saved: str
    """What the engine goes on from, JSON that nobody else looks into."""
    flow: "KeptFlow"


class KeptFlow(msgspec.Struct, frozen=True, kw_only=True):
    """What runs that wait go on with: the flow as it was when they stopped, whatever became of it since."""

    flow_data: str
    credentials: dict[str, str]
    api_config: str | None
    type: str

    def digest(self) -> str:
        """Return what tells it from other versions of the same chatflow."""
        return blake2b(msgspec.json.encode(self), digest_size=16).hexdigest()


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A run that waited, taken by somebody's answer: nobody else's goes on with it."""

    execution: Execution
    saved: str
    flow: KeptFlow
    by: str
    """Names this answer: what it leads to is written only while it still holds the run."""


class ExecutionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs are listed, the newest first."""

    workspace_id: str
    chatflow_id: str | None = None
    session_id: str | None = None
    """Only together with a chatflow."""
    state: RunState | None = None
    since: int | None = None
    until: int | None = None
    before: str | None = None
    """The id of the run behind which the list goes on."""
    now: int
    """Who waits longer than until now waits no more."""
    limit: int
    offset: int = 0
