"""``flowkeys backup``: the database is copied while servers go on."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from flowkeys.cli import options
from flowkeys.cli.backends.choice import require_local
from flowkeys.cli.output import print_json, say
from flowkeys.cli.server.backups.postgres import refuse_postgres
from flowkeys.cli.server.backups.progress import shown
from flowkeys.cli.streams import counted

File = Annotated[Path, typer.Argument(metavar="FILE", help="Where the backup is, or is to be.")]


def backup(
    file: File,
    *,
    force: Annotated[bool, typer.Option("--force", help="Write over a backup that is there.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Copy the database to a file, whole and as it is at one moment, while servers go on.

    What it is, and its SHA-256, is in FILE.json beside it. The server secret is not in it: keep that apart.
    """
    require_local("flowkeys backup")
    from flowkeys import config
    from flowkeys.bootstrap import clock
    from flowkeys.storage.sqlite.backups.making import make

    settings = config.load()
    refuse_postgres(settings, "backup")
    with shown(quiet=as_json) as progress:
        made = make(settings.database_file, file.absolute(), clock(), progress, force=force)
    if as_json:
        print_json({"file": str(file.absolute()), **msgspec.to_builtins(made)})
        return
    keys = counted(made.keys, "key")
    say(f"{file} is a backup of {made.made_at}: {keys}, schema {made.revision}, {made.bytes:,} bytes.")
    say("The server secret is not in it: keep a copy of that elsewhere.", err=True)
