"""Chatflows as people read them."""

from collections.abc import Sequence

from flowkeys.cli.backends.backend import Json
from flowkeys.cli.output import NONE, moment, print_fields, print_table, when, written_limits
from flowkeys.domain.chatflows.visitors import read_rules


def access(flow: Json) -> str:
    """Return who may call a chatflow."""
    if flow["isPublic"]:
        return "public: anyone"
    count = len(flow["apiKeyIds"])
    return f"{count} key{'' if count == 1 else 's'}" if count else "closed"


def reasons(flow: Json) -> list[str]:
    """Return all that keeps a chatflow from running."""
    kinds = flow["missingNodeKinds"]
    missing = [f"node kinds that this server does not have: {', '.join(kinds)}"] if kinds else []
    return [*missing, *flow["problems"]]


def show_flows(flows: Sequence[Json]) -> None:
    """Print a table of chatflows."""
    rows = (
        (
            flow["name"],
            flow["type"],
            access(flow),
            "yes" if flow["runnable"] else "no",
            when(flow["updatedDate"]),
            flow["id"],
        )
        for flow in flows
    )
    print_table(("NAME", "TYPE", "ACCESS", "RUNS", "CHANGED (UTC)", "ID"), rows)


def show_flow(flow: Json) -> None:
    """Print all but the flowData of one chatflow."""
    print_fields(
        [
            ("name", flow["name"]),
            ("id", flow["id"]),
            ("type", flow["type"]),
            ("access", access(flow)),
            *(("key", key_id) for key_id in flow["apiKeyIds"]),
            ("rate limits", written_limits(flow["rateLimits"]) or "none"),
            ("runs", "yes" if flow["runnable"] else "no"),
            *(("because", reason) for reason in reasons(flow)),
            *(("credential", f"{node} uses {name}") for node, name in flow["credentials"].items()),
            ("category", flow["category"] or NONE),
            ("made", moment(flow["createdDate"])),
            ("changed", moment(flow["updatedDate"])),
            *(("warning", text) for text in flow["warnings"]),
        ]
    )


def next_steps(flow: Json, address: str) -> str:
    """Return what to do after a chatflow was made."""
    url = f"{address}/api/v1/prediction/{flow['id']}"
    body = """-H 'Content-Type: application/json' -d '{"question": "Hello"}'"""
    header = "" if flow["isPublic"] else "-H 'Authorization: Bearer fl-…' "
    steps = []
    if not flow["isPublic"] and not flow["apiKeyIds"]:
        steps = [
            "It is closed: it answers nobody yet. Make a key for it:",
            f"  flowkeys keys create NAME --chatflow {flow['id']}",
            "or bind one that you have:",
            f"  flowkeys flows bind {flow['id']} KEY",
        ]
    ask = f"  curl {url} {header}{body}"
    return "\n".join([*steps, "Call it, while the server runs (flowkeys serve):", ask, "or try it here:",
                      f"  flowkeys ask {flow['id']} 'Hello'"])  # fmt: skip


def public_warning(flow: Json) -> str:
    """Return what to know of a chatflow that is public: how often anybody may call it."""
    try:
        rules = read_rules(flow["apiConfig"], flow["chatbotConfig"])
    except (ValueError, RecursionError):  # which keeps it from being public
        rules = None
    limited = flow["rateLimits"] or (rules is not None and rules.limits is not None)
    often = "as often as its limits let them" if limited else "without a limit"
    return f"Warning: it is public. Whoever knows its id can call it, without a key, {often}."
