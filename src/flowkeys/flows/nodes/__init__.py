"""The node kinds, one module each."""

from flowkeys.flows.nodes import (
    agent,
    condition,
    condition_agent,
    custom_function,
    direct_reply,
    execute_flow,
    http,
    human_input,
    iteration,
    llm,
    loop,
    python,
    retriever,
    start,
    sticky_note,
    tool,
)
from flowkeys.flows.registry import Kind

STANDARD: tuple[Kind, ...] = (
    start.KIND,
    retriever.KIND,
    llm.KIND,
    agent.KIND,
    python.KIND,
    custom_function.KIND,
    http.KIND,
    execute_flow.KIND,
    iteration.KIND,
    loop.KIND,
    tool.KIND,
    condition.KIND,
    condition_agent.KIND,
    human_input.KIND,
    direct_reply.KIND,
    sticky_note.KIND,
)
