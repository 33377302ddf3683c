"""The options that several commands have, written once."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Final

import typer

from flowkeys.cli.failures import Refusal

_MAY_BE_EMPTY: Final = frozenset({"--note", "--search", "--external-id"})
_NONE_AT_ALL: Final = frozenset(
    {"--permission", "--chatflow", "--allowed-ip", "--customer", "--rate-limit", "--quota"}
)
"""Of ``keys update``: the whole new set, and `''` is the empty one; or the customer, and `''` is none."""

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, as the API gives it, and nothing else.")
]
Workspace = Annotated[
    str | None,
    typer.Option("--workspace", metavar="NAME", help="The workspace, by name or id; local commands only."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="A key: its id, or its name if only one has it.")]
Keys = Annotated[
    list[str], typer.Argument(metavar="KEY...", help="Keys: their ids, or names that only one has.")
]
Flow = Annotated[
    str, typer.Argument(metavar="FLOW", help="A chatflow: its id, or its name if only one has it.")
]
PageNumber = Annotated[
    int | None, typer.Option("--page", min=1, help="From 1; the JSON is {total, data} then.")
]
PageLimit = Annotated[
    int | None, typer.Option("--limit", min=1, max=1000, help="How many, or how many a page.")
]
RateLimits = Annotated[
    list[str] | None,
    typer.Option("--rate-limit", metavar="LIMIT", help="10/second, 1000/day or 5/30s; repeatable, all hold."),
]
NewRateLimits = Annotated[
    list[str] | None,
    typer.Option("--rate-limit", metavar="LIMIT", help="The whole new set, repeatable; '' for no limit."),
]
Quotas = Annotated[
    list[str] | None,
    typer.Option("--quota", metavar="QUOTA", help="1000/month or '50000 tokens/30d'; repeatable, all hold."),
]
NewQuotas = Annotated[
    list[str] | None,
    typer.Option("--quota", metavar="QUOTA", help="The whole new set, repeatable; '' for no quota."),
]
Search = Annotated[str, typer.Option("--search", metavar="TEXT", help="A part of the name, in any case.")]


def require_values(arguments: Sequence[str]) -> None:
    """Refuse an option whose value is empty, as ``--host "$HOST"`` makes it of a variable that is not set.

    Taken as a value it would mean what nobody wrote: every network, or the current folder.

    Raises:
        Refusal: it names the option.
    """
    command = list(arguments[:2])
    allowed = _MAY_BE_EMPTY | (_NONE_AT_ALL if command == ["keys", "update"] else frozenset())
    if command in (["flows", "update"], ["customers", "update"]):
        allowed |= {"--rate-limit", "--quota"}
    for option, value in pairwise([*arguments, "-"]):
        name, has_value, own = option.partition("=")
        if not option.startswith("-") or name in allowed:
            continue
        if (has_value and name.startswith("--") and not own.strip()) or not value.strip():
            raise Refusal("usage", f"{name} has an empty value. Give one, or leave {name} out.")
