"""What commands do to several keys at once: to all of them, or to none."""

from collections.abc import Sequence
from typing import Final

from flowkeys.cli.backends.backend import Backend, BulkAction, Json
from flowkeys.cli.output import moment, print_json, say
from flowkeys.cli.streams import note, printable

_DONE: Final[dict[BulkAction, str]] = {"disable": "Disabled", "enable": "Enabled", "revoke": "Revoked"}


def change(backend: Backend, action: BulkAction, key_ids: Sequence[str], *, as_json: bool) -> None:
    """Do it, and say what became of the keys."""
    result = backend.change_keys(action, list(key_ids))
    if as_json:
        print_json(result)
        return
    say(f"{_DONE[action]} {counted(result['affected'])}.")
    if result["unchanged"]:
        note(f"{counted(result['unchanged'])} had been {_DONE[action].lower()} already.")
    if result["skipped"]:
        note(f"{counted(len(result['skipped']))} stay revoked: {', '.join(result['skipped'])}.")


def question(keys: Sequence[Json]) -> str:
    """Return what to ask before keys are revoked: what each opens, and moment it was last used."""
    lines = [f"  {described(key)}" for key in keys]
    return "\n".join([f"Revoke {counted(len(keys))} for good?", *lines, "All of them?"])


def described(key: Json) -> str:
    """Return a key in one line, with what depends on it."""
    flows = ", ".join(printable(flow["flowName"]) for flow in key["chatFlows"]) or "no chatflow"
    used = f"last used {moment(key['lastUsedAt'])}" if key["lastUsedAt"] else "never used"
    return f"{printable(key['keyName'])!r} ({key['apiKey']}): it opens {flows}; {used}"


def counted(number: int) -> str:
    """Return a number of keys in words."""
    return "1 key" if number == 1 else f"{number:,} keys"
