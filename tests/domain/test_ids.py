"""Ids: version 4 UUIDs, each given out once."""

import multiprocessing
import uuid
from concurrent.futures import ThreadPoolExecutor

from flowkeys.domain.ids import new_id
from tests.support.waiting import PATIENCE_SECONDS


def test_ids_are_version_4_uuids_and_never_repeat() -> None:
    """Whichever thread asks."""
    with ThreadPoolExecutor(8) as pool:
        ids = [i for batch in pool.map(lambda _: [new_id() for _ in range(500)], range(16)) for i in batch]
    assert len(set(ids)) == 8000
    for text in ids[:500]:
        parsed = uuid.UUID(text)
        assert (parsed.version, parsed.variant, str(parsed)) == (4, uuid.RFC_4122, text)


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
