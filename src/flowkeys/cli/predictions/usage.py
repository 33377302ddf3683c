"""``flowkeys usage``: how much was used, as a table with bars, JSON or CSV."""

import sys
from typing import Annotated

import typer

from flowkeys.cli import options
from flowkeys.cli.backends import resolve
from flowkeys.cli.backends.backend import Json, UsageOf
from flowkeys.cli.backends.choice import open_backend
from flowkeys.cli.failures import Refusal
from flowkeys.cli.output import NONE, print_json, print_table, say, when
from flowkeys.cli.streams import counted

_BAR = 30
"""Characters of the longest bar."""
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def usage(
    *,
    key: Annotated[str | None, typer.Option("--key", metavar="KEY", help="Of one key.")] = None,
    chatflow: Annotated[
        str | None, typer.Option("--chatflow", metavar="FLOW", help="Of one chatflow.")
    ] = None,
    customer: Annotated[
        str | None,
        typer.Option("--customer", metavar="CUSTOMER", help="Of a customer: what its keys used."),
    ] = None,
    first: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="2027-01-31, 2027-01-31T09:00Z, or how long ago: 7d."),
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Now, unless given.")] = None,
    step: Annotated[
        str | None, typer.Option("--step", help="hour or day; hours are kept for 90 days, days for 3 years.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a line for each hour or day.")] = False,
    as_jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Print a JSON document for each hour or day.")
    ] = False,
    workspace: options.Workspace = None,
    as_json: options.AsJson = False,
) -> None:
    """Show how much was used: the last 24 hours of the workspace, unless something else is asked for."""
    if sum(each is not None for each in (key, chatflow, customer)) > 1:
        raise Refusal("usage", "Give one of --key, --chatflow and --customer.")
    if as_csv + as_jsonl + as_json > 1:
        raise Refusal("usage", "Give one of --json, --jsonl and --csv.")
    with open_backend(workspace) as backend:
        found = backend.usage(
            UsageOf(
                key_id=None if key is None else resolve.key_id(backend, key),
                chatflow_id=None if chatflow is None else resolve.flow_id(backend, chatflow),
                customer_id=None if customer is None else resolve.customer_id(backend, customer),
                first=first,
                end=end,
                step=step,
            )
        )
    if as_json:
        print_json(found)
        return
    steps: list[Json] = found if isinstance(found, list) else found["data"]
    if as_csv or as_jsonl:
        from flowkeys.web.api import usage_forms

        text = usage_forms.as_csv(steps) if as_csv else usage_forms.as_lines(steps)
        say(text.rstrip("\n"))
        return
    _print_steps(steps)
    if isinstance(found, dict):
        _print_top("Keys", found["keys"], "keyName")
        _print_top("Chatflows", found["chatflows"], "flowName")
    calls, ok = sum(step["calls"] for step in steps), sum(_ok(step) for step in steps)
    say(f"{counted(calls, 'call')}, {ok} ok, {calls - ok} refused or failed", err=True)


def _print_steps(steps: list[Json]) -> None:
    """Print each hour or day. Bars are for people: where no terminal is they are left out."""
    most = max((step["calls"] for step in steps), default=0)
    bars = [""] if sys.stdout.isatty() else []
    columns = ["UTC", "CALLS", "OK", "OTHER", "TOKENS IN", "OUT", "P50 MS", "P95", "P99", *bars]
    print_table(
        columns,
        (
            [
                when(step["time"]),
                *(str(number) for number in (step["calls"], _ok(step), step["calls"] - _ok(step))),
                *(str(step[name]) for name in ("tokensIn", "tokensOut")),
                *(_latency(step, name) for name in ("p50", "p95", "p99")),
                *(bar(step["calls"], most) for _ in bars),
            ]
            for step in steps
        ),
    )


def _print_top(title: str, top: list[Json], name: str) -> None:
    if top:
        say("")
        print_table(
            [title.upper(), "CALLS", "OK", "ID"],
            ([each[name] or "(gone)", str(each["calls"]), str(each["ok"]), each["id"]] for each in top),
        )


def bar(number: int, most: int, width: int = _BAR) -> str:
    """Return a bar in eighths of a character; whatever is more than none shows."""
    if not number:
        return ""
    eighths = max(1, round(number / most * width * 8))
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def _ok(step: Json) -> int:
    found: int = step["outcomes"].get("ok", 0)
    return found


def _latency(step: Json, name: str) -> str:
    return NONE if step["latencyMs"] is None else f"{step['latencyMs'][name]:g}"
