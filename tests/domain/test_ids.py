"""Ids: UUIDs, each given out once."""

import multiprocessing
import uuid
from concurrent.futures import ThreadPoolExecutor

from flowkeys.domain.ids import new_id, new_ordered_id
from tests.support.waiting import PATIENCE_SECONDS


def test_ids_are_version_4_uuids_and_never_repeat() -> None:
    """Whichever thread asks."""
    with ThreadPoolExecutor(8) as pool:
        ids = [i for batch in pool.map(lambda _: [new_id() for _ in range(500)], range(16)) for i in batch]
    assert len(set(ids)) == 8000
    for text in ids[:500]:
        parsed = uuid.UUID(text)
        assert (parsed.version, parsed.variant, str(parsed)) == (4, uuid.RFC_4122, text)


def test_ordered_ids_are_version_7_uuids_in_the_order_of_their_times() -> None:
    """RFC 9562 section 5.7: 48 bits of milliseconds; the rest differs, in what is told of one moment too."""
    at = 1_780_000_000_123_456
    ids = [new_ordered_id(at + 1000 * n) for n in range(500)]
    assert ids == sorted(ids)
    for text in ids:
        parsed = uuid.UUID(text)
        assert (parsed.version, parsed.variant, str(parsed)) == (7, uuid.RFC_4122, text)
    assert uuid.UUID(ids[0]).int >> 80 == at // 1000
    assert len({new_ordered_id(at)[9:] for _ in range(8000)}) == 8000


def _some(queue) -> None:
    queue.put([new_id() for _ in range(50)])


def test_a_forked_process_makes_ids_of_its_own() -> None:
    """It does not inherit those that its parent has ready."""
    new_id()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_some, args=(queue,))
    child.start()
    theirs = queue.get(timeout=PATIENCE_SECONDS)
    child.join()
    assert not set(theirs) & {new_id() for _ in range(500)}
