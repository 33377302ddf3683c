"""Runs on the wire, with the names of Flowise's executions."""

from typing import Any, Literal

from pydantic import Field

from flowkeys.domain.predictions.execution import Execution, RunState
from flowkeys.domain.times import to_iso
from flowkeys.web.render import Json
from flowkeys.web.schemas.wire import In, Out

State = Literal["INPROGRESS", "STOPPED", "FINISHED", "ERROR", "TIMEOUT"]


class ExecutionOut(Out):
    """A run of an agentflow, as lists have it."""

    id: str = Field(description="`executionId` of its answers.")
    agentflow_id: str = Field(description="The chatflow.")
    state: State = Field(description="STOPPED: it waits for a person. TIMEOUT: nobody answered in time.")
    session_id: str
    chat_id: str
    question: str
    text: str = Field(description="What it said last.")
    key_id: str | None
    person_id: str | None
    action: dict[str, Any] | None = Field(description="What the person is asked, of a run that waits.")
    error: str | None = Field(description="How it failed, or why an earlier answer led nowhere.")
    created_date: str
    updated_date: str
    stopped_date: str | None
    expires_at: str | None = Field(description="Until when it can be answered.")
    workspace_id: str


class ExecutionDetailOut(ExecutionOut):
    """A run with its steps."""

    execution_data: list[Any] = Field(description="As `agentFlowExecutedData`, all of it.")


class ExecutionPageOut(Out):
    """A page of runs."""

    total: int
    data: list[ExecutionOut]


class ResumeIn(In):
    """What a person answers."""

    type: Literal["proceed", "reject"]
    feedback: str = Field(default="", max_length=100_000, description="What they say besides.")
    start_node_id: str | None = Field(default=None, description="The node that waits.")


def execution(item: Execution) -> Json:
    """Return a run without its steps."""
    return {
        "id": item.id,
        "agentflowId": item.chatflow_id,
        "state": item.state.value,
        "sessionId": item.session_id,
        "chatId": item.chat_id,
        "question": item.question,
        "text": item.text,
        "keyId": item.key_id,
        "personId": item.person_id,
        "action": item.action if item.state is RunState.STOPPED else None,
        "error": item.error,
        "createdDate": to_iso(item.started_at),
        "updatedDate": to_iso(item.updated_at),
        "stoppedDate": None if item.stopped_at is None else to_iso(item.stopped_at),
        "expiresAt": None if item.expires_at is None else to_iso(item.expires_at),
        "workspaceId": item.workspace_id,
    }


def detail(item: Execution) -> Json:
    """Return a run with its steps."""
    return {**execution(item), "executionData": item.entries}
