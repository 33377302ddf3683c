"""When an import counts as ended whose process says nothing."""

import pytest

from flowkeys.domain.chatflows.import_job import SILENT_SECONDS, ImportJob, State
from flowkeys.domain.times import SECOND

BEGIN = 1_795_400_000 * SECOND


def job(state: State) -> ImportJob:
    """Return an import of which something was heard at `BEGIN`."""
    return ImportJob(
        id="i",
        workspace_id="w",
        owner="o",
        once=None,
        name="n",
        total=1,
        state=state,
        begun_at=0,
        told_at=BEGIN,
    )


@pytest.mark.parametrize(
    ("seconds", "seen"),
    [
        (0, State.RUNNING),
        (SILENT_SECONDS - 1, State.RUNNING),
        (SILENT_SECONDS, State.LOST),
        (-3600, State.LOST),
    ],
)
def test_who_says_nothing_for_half_a_minute_has_ended(seconds: int, seen: State) -> None:
    """Also by a clock that was set back: nothing is to look as if it went on for an hour."""
    assert job(State.RUNNING).as_seen(BEGIN + seconds * SECOND) is seen


@pytest.mark.parametrize("state", [state for state in State if state is not State.RUNNING])
def test_what_has_ended_stays_as_it_ended(state: State) -> None:
    """However long ago."""
    assert job(state).as_seen(BEGIN + 3600 * SECOND) is state
