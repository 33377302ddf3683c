"""The command itself: runs the examination and prints it."""

from typing import Final

import msgspec
import typer

from flowkeys.cli import options
from flowkeys.cli.backends.choice import require_local
from flowkeys.cli.exit_codes import ExitCode
from flowkeys.cli.output import console, print_json


def doctor(*, as_json: options.AsJson = False) -> None:
    """Examine configuration, data directory, database, secret, disk and chatflows. Changes nothing.

    The exit code is 3 when something fails.
    """
    require_local("flowkeys doctor")
    from flowkeys.cli.doctor.report import examine

    findings = []
    waiting, examination = console(stderr=True), examine()
    while True:
        with waiting.status("Looking at the installation…"):
            finding = next(examination, None)
        if finding is None:
            break
        findings.append(finding)
        if not as_json:
            _print(finding.check, finding.verdict, finding.message, finding.advice)
    counts = {verdict: sum(f.verdict == verdict for f in findings) for verdict in ("ok", "warn", "fail")}
    if as_json:
        print_json({**counts, "findings": [msgspec.to_builtins(finding) for finding in findings]})
    else:
        typer.echo(f"{counts['ok']} fine, {counts['warn']} to look at, {counts['fail']} failing", err=True)
    if counts["fail"]:
        raise typer.Exit(ExitCode.CONFIGURATION)


_COLOURS: Final = {"ok": "green", "warn": "yellow", "fail": "red"}
_INDENT: Final = 5


def _print(check: str, verdict: str, message: str, advice: str | None) -> None:
    from rich.text import Text

    out = console()
    line = Text.assemble((f"{verdict.upper():<5}", _COLOURS[verdict]), (f"{check}: ", "bold"), message)
    out.print(line, soft_wrap=not out.is_terminal)
    if advice:
        for line in Text(advice).wrap(out, out.width - _INDENT):
            out.print(" " * _INDENT + line.plain.rstrip(), soft_wrap=True)
