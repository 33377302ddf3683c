"""The events of the feed of changes on the wire."""

from typing import Literal

from pydantic import Field

from flowkeys.web.schemas.wire import Out


class ChangeEventOut(Out):
    """One server-sent event."""

    event: Literal["change", "position", "forget"]
    id: str = Field(description="Its position, to go on from.", examples=["1042"])
    data: str = Field(
        description="JSON: `position`, and of a change `subject` and `subjectId`, of the others `epoch`, "
        "`boundMs`, mostly `mark`, and `resumed` where nothing was missed.",
        examples=['{"position":1042,"subject":"key","subjectId":"2f0c6a52-…"}'],
    )
