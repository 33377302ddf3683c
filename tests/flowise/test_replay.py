"""Recordings of a real Flowise, replayed: what is answered otherwise is meant to differ, or is known."""

import pytest

from tests.flowise.known import known
from tests.flowise.recordings import MISSING, Recording, recordings
from tests.flowise.replaying import Replay
from tests.flowise.rows import rows
from tests.flowise.share import Share

ALL = recordings() or [pytest.param(None, id="all", marks=pytest.mark.skip(reason=MISSING))]
SHARE = Share()


@pytest.mark.parametrize("recording", ALL, ids=lambda recording: getattr(recording, "name", "all"))
def test_a_recording_is_answered_as_flowise_did(recording: Recording, replay: Replay) -> None:
    """What is on the list of known differences differs, and nothing else does."""
    found = SHARE.add(recording, replay)

    expected = known().get(recording.name, frozenset())
    new = {name: what for name, what in found.items() if what and name not in expected}
    assert not new, f"differs from Flowise: {new}"
    agreeing = sorted(name for name, what in found.items() if not what and name in expected)
    assert not agreeing, f"agrees now: take it off tests/flowise/known.txt: {recording.name} {agreeing}"


@pytest.mark.skipif(not recordings(), reason=MISSING)
def test_the_list_of_known_differences_names_recordings() -> None:
    """What is not recorded cannot be known to differ."""
    there = {
        one.name: {e.name for form in ("whole", "streamed") for e in one.exchanges(form)}
        for one in recordings()
    }

    assert {name for name, exchanges in known().items() if not exchanges <= there.get(name, set())} == set()


def test_what_is_meant_to_differ_is_said_with_its_members() -> None:
    """A row without a member, an event or a request would allow a whole recording."""
    assert "".join(rows()) == "abcdefghijklmn"
    assert all(pattern.startswith("/") for row in rows().values() for pattern in row.patterns)


def test_the_share_of_answers_that_agree(capsys: pytest.CaptureFixture[str]) -> None:
    """Printed by kind: with ``pytest -s``, or by ``python -m tests.flowise``."""
    with capsys.disabled():
        print(f"\n{SHARE.table()}")
