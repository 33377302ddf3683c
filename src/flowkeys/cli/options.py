"""The options that several commands have, written once."""

from typing import Annotated

import typer

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
Search = Annotated[str, typer.Option("--search", metavar="TEXT", help="A part of the name, in any case.")]
