"""Reports: the keys that somebody should look at, and why."""

from enum import StrEnum
from typing import Final

import msgspec

from flowkeys.domain.times import SECOND, to_iso

UNUSED_DAYS: Final = 90
UNUSED: Final = UNUSED_DAYS * 24 * 3600 * SECOND


class Report(StrEnum):
    """Which keys; only such as are accepted now are in any."""

    NEVER_USED = "never-used"
    UNUSED = "unused-90-days"
    NEVER_EXPIRING = "never-expiring"
    UNBOUND = "bound-to-nothing"
    OWNER_GONE = "owner-gone"
    UNUSED_PERMISSIONS = "unused-permissions"


class Described(msgspec.Struct, frozen=True):
    """What a report is called, what it means, and what is done about it."""

    title: str
    says: str
    advice: str


DESCRIBED: Final[dict[Report, Described]] = {
    Report.NEVER_USED: Described(
        "Never used", "Keys that no call was ever made with.", "Revoke what nobody waits for."
    ),
    Report.UNUSED: Described(
        "Unused for 90 days",
        "Keys that were used, and not in the last 90 days.",
        "Disable them, which can be undone, and revoke them later.",
    ),
    Report.NEVER_EXPIRING: Described(
        "Never expiring", "Keys without an end.", "Give each an expiry: a key that leaks then ends by itself."
    ),
    Report.UNBOUND: Described(
        "Bound to nothing",
        "Keys that open no chatflow. Those that hold permissions may be in use for management.",
        "Bind them, or revoke them.",
    ),
    Report.OWNER_GONE: Described(
        "Owner gone",
        "Keys whose maker was removed, or is a key that is not accepted any more.",
        "Find somebody who answers for them, make them a key of their own, and revoke these.",
    ),
    Report.UNUSED_PERMISSIONS: Described(
        "Permissions never used",
        "Keys with permissions that no call has used. What a library beside the server decides is not seen.",
        "Take away what is not needed: a key that leaks then opens less.",
    ),
}


class Counted(msgspec.Struct, frozen=True):
    """A report, and how many keys are in it."""

    report: Report
    total: int
    since: int | None = None
    """From when on it is recorded what the report rests on; None: from the beginning."""

    @property
    def says(self) -> str:
        """What it means, and since when that is known."""
        says = DESCRIBED[self.report].says
        return says if self.since is None else f"{says} Recorded since {to_iso(self.since)[:10]}."
