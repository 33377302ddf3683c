"""Runs that stop for a person and go on later: what is asked, and what the runner keeps meanwhile."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from flowkeys.domain.ids import new_id
from flowkeys.flows.graph.graph import Node

_ELEMENTS: Final = (
    {"type": "agentflowv2-approve-button", "label": "Proceed"},
    {"type": "agentflowv2-reject-button", "label": "Reject"},
)


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """A step waits for a person: `Outcome.waits`.

    The run stops there, and is stored. When the person has answered, on whichever process, the same step of
    the same flow is run again, with the answer in `Run.answer` and what it kept in `Run.kept`; what it gave
    as its output is gone then, and so is its entry, in whose place comes that of what it does now. It may
    wait again. Inside an iteration nothing is stored and nothing stops (Flowise asks, and goes on).
    """

    action: dict[str, Any]
    """What the person is asked, for clients that show buttons (`action_of`)."""
    kept: Any = None
    """What the step needs to go on: JSON values only."""


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """What the runner goes on from, as JSON. Nodes are named by their ids.

    The queue is not among it: what stood there when the run stopped never runs, as in Flowise. Neither is the
    run's own conversation: it is among the session's messages by then.
    """

    node: str
    kept: Any = None
    state: dict[str, Any] = {}
    outputs: dict[str, dict[str, Any]] = {}
    come: dict[str, list[str]] = {}
    """What has come to nodes that wait for several."""
    loops: dict[str, int] = {}
    loop_count: int = 0
    form: dict[str, Any] | None = None
    steps_left: int
    bytes_left: int | None = None
    calls_left: int | None = None
    seconds_left: float | None = None
    """What is left of the limits of a run; None for all of it, in what was stored before there were these."""
    entries: list[dict[str, Any]] = []
    """The steps so far, without the one that waits."""


_ENCODER: Final = msgspec.json.Encoder(enc_hook=str)
_DECODER: Final = msgspec.json.Decoder(Saved)


def write(saved: Saved) -> str:
    """Return it as text. What is no JSON value, a date of a Python flow for example, becomes its text."""
    return _ENCODER.encode(saved).decode()


def read(text: str) -> Saved:
    """Return what `write` wrote."""
    return _DECODER.decode(text)


def action_of(node: Node, input: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002 - as entries have it
    """Return what a person is asked by a node, in the form that Flowise's clients show as two buttons."""
    return {
        "id": new_id(),
        "mapping": {"approve": "Proceed", "reject": "Reject"},
        "elements": [dict(element) for element in _ELEMENTS],
        "data": {"nodeId": node.id, "nodeLabel": node.label, "input": dict(input)},
    }
