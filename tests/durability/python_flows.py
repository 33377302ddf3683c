"""Chatflows that run the Python objects of `targets`."""

from typing import Any

from flowkeys.flows.drafts.templates import python_flow
from tests.durability.process import TARGETS, Served
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api

NAMES = ("wait", "drip", "pour", "block", "quick", "hold")
SETTINGS = {"python_path": TARGETS, "python_flows": ",".join(f"durable:{name}" for name in NAMES)}


class Caller:
    """A client whose key opens one chatflow."""

    def __init__(self, api: Api, chatflow_id: str) -> None:
        self.api = api
        self.path = f"/prediction/{chatflow_id}"

    def ask(self, question: str, **body: Any) -> Any:
        """Ask, and return the response."""
        return self.api.post(self.path, json={"question": question, **body})

    def stream(self, question: str, **body: Any) -> Any:
        """Ask for a stream; the response is a context manager."""
        return self.api.stream("POST", self.path, json={"question": question, "streaming": True, **body})


def caller(served: Served, owner: Api, name: str) -> Caller:
    """Return a client of a chatflow that runs one of the objects."""
    chatflow = make_chatflow(owner, name, python_flow(f"durable:{name}"))
    return Caller(served.api(bound_key(owner, chatflow)["apiKey"]), chatflow["id"])
