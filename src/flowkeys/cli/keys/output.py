"""Keys as people read them."""

from collections.abc import Sequence

from flowkeys.cli.backends.backend import Json
from flowkeys.cli.output import (
    NONE,
    moment,
    print_fields,
    print_table,
    quota_fields,
    say,
    when,
    written_limits,
)
from flowkeys.cli.streams import printable
from flowkeys.domain.keys.token import HINT_LENGTH


def show_keys(keys: Sequence[Json]) -> None:
    """Print a table of keys."""
    columns = ["NAME", "KEY", "STATUS", "CHATFLOWS", "EXPIRES (UTC)", "LAST USED (UTC)", "ID"]
    with_unused = any("unusedPermissions" in key for key in keys)
    if with_unused:
        columns.insert(3, "NEVER USED")
    print_table(
        columns,
        (
            (
                key["keyName"],
                f"fl-…{key['apiKey'][-HINT_LENGTH:]}",
                key["status"],
                *([", ".join(key.get("unusedPermissions", ()))] if with_unused else []),
                ", ".join(flow["flowName"] for flow in key["chatFlows"]) or NONE,
                when(key["expiresAt"]),
                when(key["lastUsedAt"]),
                key["id"],
            )
            for key in keys
        ),
    )


def show_key(key: Json) -> None:
    """Print all that is known of one key."""
    flows = ", ".join(_opened(flow) for flow in key["chatFlows"])
    print_fields(
        [
            ("name", key["keyName"]),
            ("id", key["id"]),
            ("key", key["apiKey"]),
            ("status", key["status"]),
            ("customer", _customer(key)),
            ("permissions", ", ".join(key["permissions"]) or "none"),
            ("chatflows", flows or "none: it opens nothing"),
            ("expires", moment(key["expiresAt"], "never")),
            ("used from", ", ".join(key["allowedIps"]) or "anywhere"),
            ("rate limits", written_limits(key["rateLimits"]) or "none"),
            *quota_fields(key["quotas"]),
            ("last used", _last_use(key)),
            ("made", f"{moment(key['createdAt'])} by {key['createdBy']['name']}"),
            ("changed", moment(key["updatedAt"])),
            ("note", key["note"] or NONE),
        ]
    )
    if key["rotation"] is not None:
        say("")
        for line in told_of_rotation(key["rotation"]):
            say(line)


def told_of_rotation(rotation: Json) -> list[str]:
    """Return what is known of an old token that still works, a line each."""
    until = f"The old token ({rotation['apiKey']}) works until {moment(rotation['endsAt'])}"
    unused = rotation["finishWhenUnusedSeconds"]
    more = f", or until it was not used for {_duration(unused)}." if unused else "."
    lines = [f"It was replaced at {moment(rotation['startedAt'])}.", until + more]
    if rotation["lastUsedAt"] is None:
        return [*lines, "It was not used since."]
    uses = f"{rotation['uses']} use{'' if rotation['uses'] == 1 else 's'} since."
    return [*lines, f"It was last used at {_last_use(rotation)}; {uses}"]


def _last_use(of: Json) -> str:
    """Return when a key or an old token was last used, from where and by what, as far as that is known."""
    where = f" from {of['lastAddress']}" if of["lastAddress"] else ""
    what = f", by {of['lastUserAgent']}" if of["lastUserAgent"] else ""
    return printable(f"{moment(of['lastUsedAt'], 'never')}{where}{what}")


def _duration(seconds: int) -> str:
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds % length == 0:
            return f"{seconds // length} {unit if seconds != length else unit[:-1]}"
    return f"{seconds} seconds"


def _opened(flow: Json) -> str:
    limits = written_limits(flow["rateLimits"])
    return f"{flow['flowName']} ({flow['id']}{', at most ' + limits if limits else ''})"


def _customer(key: Json) -> str:
    customer = key["customer"]
    if customer is None:
        return NONE
    is_active = customer["status"] == "active"
    return f"{customer['name']} ({customer['id']}){'' if is_active else ', ' + customer['status']}"


def show_explanation(answer: Json) -> None:
    """Print a decision and its steps."""
    said = "valid" if answer["valid"] else answer["code"]
    of = printable(answer.get("keyName") or answer["apiKey"] or "the token")
    say(f"{said}: {of}")
    marks = {True: "yes", False: "NO", None: "-"}
    print_table(
        ("STEP", "OK", ""), ((step["step"], marks[step["ok"]], step["detail"]) for step in answer["steps"])
    )
