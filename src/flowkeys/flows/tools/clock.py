"""Flowise's ``currentDateTime``: what day and time it is."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from flowkeys.domain.times import to_iso
from flowkeys.flows.context import Run
from flowkeys.flows.tools.tool import takes

_DAYS: Final = ("Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday")
"""From the one on which times begin: 1 January 1970."""
_DAY_SECONDS: Final = 86_400


class CurrentDateTime:
    """Tells the time of the call, in UTC, as JSON: the same in each of its nodes."""

    kind = "currentDateTime"
    label = "CurrentDateTime"
    name = "current_date_time"
    description = "Useful to get current day, date and time."
    schema: Mapping[str, Any] = takes({})
    return_direct = False

    async def call(self, run: Run, arguments: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Tell it."""
        iso = to_iso(run.call.now)
        seconds = run.call.now // 1_000_000
        told = {
            "date": iso[:10],
            "time": iso[11:19],
            "day": _DAYS[seconds // _DAY_SECONDS % 7],
            "timezone": "UTC",
            "timezoneOffset": "+00:00",
            "iso8601": iso,
            "unix_timestamp": seconds,
        }
        return msgspec.json.encode(told).decode()
