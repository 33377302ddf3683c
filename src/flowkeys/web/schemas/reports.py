"""Reports on the wire."""

from typing import Any

from flowkeys.domain.keys.report import DESCRIBED, Counted, Report
from flowkeys.web.schemas.wire import Out


class ReportOut(Out):
    """A report: what it means, what to do about the keys in it, and how many there are."""

    name: Report
    title: str
    says: str
    advice: str
    total: int


def report(item: Counted) -> dict[str, Any]:
    """Return a report: what it means, and how many keys are in it."""
    said = DESCRIBED[item.report]
    return {
        "name": item.report,
        "title": said.title,
        "says": item.says,
        "advice": said.advice,
        "total": item.total,
    }
