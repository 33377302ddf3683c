"""Which credential of this server each model of a flow uses, where a person named one beside the flow.

An export names credentials by ids of the server that it comes from, which mean nothing here.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from flowkeys.domain.chatflows.chatflow import CredentialNode
from flowkeys.flows.graph.graph import Graph, Node

ADDRESSES: Final = ("basepath", "basePath", "baseUrl", "baseURL", "base_url", "overrideEndpoint")
"""How the settings of models call the base URL that they are asked at."""
_CONFIG: Final = "ModelConfig"
_CREDENTIAL: Final = "credential"
_FOREIGN: Final = "FLOWISE_CREDENTIAL_ID"
CREDENTIAL: Final = (_CREDENTIAL, _FOREIGN)
"""How settings call the credential that they name: what a person named here goes first."""
_CALLING: Final = frozenset({"httpAgentflow", "executeFlowAgentflow"})
"""The kinds of nodes that may be given a credential themselves."""
_REPLACED: Final = frozenset({*CREDENTIAL, *ADDRESSES})


def credential_named(config: Mapping[str, Any]) -> str:
    """Return what the settings of a node, a tool or a model name as its credential; empty: nothing."""
    return next((ref for name in CREDENTIAL if isinstance(ref := config.get(name), str) and ref), "")


def credential_nodes(graph: Graph) -> tuple[CredentialNode, ...]:
    """Return the nodes that use a credential, runnable or not, in the flow's order."""
    found = []
    for node in graph.nodes:
        for name, _ in _configs(node):
            chosen = _text(node.inputs.get(name.removesuffix("Config")))
            found.append(CredentialNode(node.id, node.label, chosen))
        if node.kind in _CALLING:
            found.append(CredentialNode(node.id, node.label, "", has_model=False))
    return tuple(found)


def with_credentials(graph: Graph, names: Mapping[str, str]) -> Graph:
    """Return the graph with the credentials that were named, by node id; other nodes stay as they are.

    Who names one for a model has it asked at the credential's own base URL: that of the flow is left out.
    """
    if not names:
        return graph
    nodes = tuple(_named(node, names[node.id]) if node.id in names else node for node in graph.nodes)
    return msgspec.structs.replace(graph, nodes=nodes)


def _named(node: Node, credential: str) -> Node:
    inputs = dict(node.inputs)
    if node.kind in _CALLING:
        inputs |= {_CREDENTIAL: credential, _FOREIGN: ""}
    for name, config in _configs(node):
        own = {member: value for member, value in config.items() if member not in _REPLACED}
        inputs[name] = {**own, _CREDENTIAL: credential}
    return msgspec.structs.replace(node, inputs=inputs)


def _configs(node: Node) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the settings of a node's model, which stand under a name of each kind's own; there is one."""
    for name, value in node.inputs.items():
        if name.endswith(_CONFIG) and isinstance(value, Mapping):
            yield name, value
            return


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
