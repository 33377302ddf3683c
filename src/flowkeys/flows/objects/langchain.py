"""LangChain Runnables and LangGraph graphs as things that answer.

Nothing of theirs is imported here: an object of theirs can only come from a module that has been imported,
so it is recognised by the classes that are loaded already.
"""

from collections.abc import AsyncGenerator, Callable
from typing import Any

from flowkeys.flows.objects.answers import Extras
from flowkeys.flows.objects.graphs import ask_graph
from flowkeys.flows.objects.inputs import History, graph_shape, runnable_shape
from flowkeys.flows.objects.recognise import is_a
from flowkeys.flows.objects.runnables import ask_runnable

Streaming = Callable[[str, History, str], AsyncGenerator[str | Extras, None]]


def adapt(found: Any) -> Streaming | None:
    """Return what answers for a Runnable or graph, or None when it is neither."""
    if is_a(found, "langgraph.graph.state", "StateGraph"):
        found = found.compile()
    if is_a(found, "langgraph.pregel", "Pregel"):
        # A session's memory is ours and belongs to one key; a checkpointer's would be shared by name.
        graph = found.copy({"checkpointer": None})
        of_graph = graph_shape(graph)
        return lambda question, history, session: ask_graph(graph, of_graph, question, history, session)
    if is_a(found, "langchain_core.runnables", "Runnable"):
        of_chain = runnable_shape(found)
        return lambda question, history, session: ask_runnable(found, of_chain, question, history, session)
    return None
