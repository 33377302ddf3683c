"""Naming which of the server's credentials the nodes of a chatflow use, beside its graph."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from flowkeys.domain.chatflows.chatflow import Chatflow, CredentialNode
from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.service.ports.flows import FlowEngine

EVERY: Final = "*"
"""Stands for all nodes with a model that are not named themselves, be there any or not."""
_SHOWN: Final = 10

Names = Mapping[str, str | None]


def named(engine: FlowEngine, before: Chatflow, after: Chatflow, names: Names | None) -> Chatflow:
    """Return `after` with credentials for the nodes that it has; `names` are by node id, label or `EVERY`.

    They are all that is named; where `EVERY` is among them, nodes without a model keep what they had.

    Without `names` those that were named stay named, as far as their nodes are still there.

    Raises:
        InvalidInput: naming ``credentials``: there is no such node, or no such credential on this server.
    """
    if names is None and (after.flow_data == before.flow_data or not before.credentials):
        return after
    nodes = engine.credential_nodes(after)
    if names is None:
        ids = {node.id for node in nodes}
        kept = {node_id: name for node_id, name in before.credentials.items() if node_id in ids}
        return msgspec.structs.replace(after, credentials=kept)
    there_are = engine.credentials(after.workspace_id)
    errors: list[FieldError] = []
    others = {node.id for node in nodes if not node.has_model} if EVERY in names else ()
    result = {node_id: name for node_id, name in before.credentials.items() if node_id in others}
    for ref in sorted(names, key=lambda ref: ref != EVERY):
        credential = names[ref] or ""
        found = _found(ref, nodes, errors)
        for node in found:
            result.pop(node.id, None)
            if credential:
                result[node.id] = credential
        there = [before.credentials.get(node.id) for node in found]
        known = credential in there_are or (there and set(there) == {credential})
        if credential and not known:
            has = ", ".join(there_are[:_SHOWN])
            message = f"This server has no credential named {credential!r}; it has {has or 'none'}."
            if not has:
                message += " Its operator names them in the setting credentials."
            errors.append(FieldError("credentials", message))
    if errors:
        raise InvalidInput(*errors)
    return msgspec.structs.replace(after, credentials=result)


def _found(ref: str, nodes: Sequence[CredentialNode], errors: list[FieldError]) -> list[CredentialNode]:
    if ref == EVERY:
        return [node for node in nodes if node.has_model]
    found = [node for node in nodes if node.id == ref] or [node for node in nodes if node.label == ref]
    if len(found) > 1:
        ids = ", ".join(node.id for node in found[:_SHOWN])
        errors.append(FieldError("credentials", f"Several nodes are called {ref!r}: give an id ({ids})."))
        return []
    if not found:
        has = ", ".join(node.id for node in nodes[:_SHOWN]) or "none"
        message = f"The chatflow has no node {ref!r} that uses a credential; those that do are: {has}."
        errors.append(FieldError("credentials", message))
    return found
