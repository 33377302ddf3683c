"""What a process remembers of sets of keys: of one version, and not more than it may."""

from flowkeys.storage.keys.bits.remembered import Kept, Remembered
from flowkeys.storage.keys.sets import BLOCK, KeySet

OF_TEN_BLOCKS = Kept(KeySet.of([n * BLOCK for n in range(10)]))


def test_what_was_of_another_version_is_forgotten() -> None:
    """Also what is asked for under a version that was; and nothing is known where there is no version."""
    remembered = Remembered()
    remembered.put("one", ("w1", "a"), OF_TEN_BLOCKS)
    assert remembered.get("one", ("w1", "a")) is OF_TEN_BLOCKS
    assert remembered.get("one", ("w2", "a")) is None
    assert remembered.get("two", ("w1", "a")) is None
    remembered.put(None, ("w1", "b"), OF_TEN_BLOCKS)
    assert remembered.get(None, ("w1", "b")) is None
    remembered.put("two", ("w1", "b"), OF_TEN_BLOCKS)
    assert remembered.get("two", ("w1", "a")) is remembered.get("one", ("w1", "a")) is None
    assert remembered.bytes == OF_TEN_BLOCKS.size()


def test_what_was_not_asked_for_goes_when_there_is_no_more_room() -> None:
    """However often the same is put there; what alone is too large is not remembered."""
    remembered = Remembered(3 * OF_TEN_BLOCKS.size())
    for mark in ("a", "b", "b", "c"):
        remembered.put("one", ("w1", mark), OF_TEN_BLOCKS)
    assert remembered.get("one", ("w1", "a")) is not None
    remembered.put("one", ("w1", "d"), OF_TEN_BLOCKS)
    assert [mark for mark in "abcd" if remembered.get("one", ("w1", mark))] == ["a", "c", "d"]
    assert remembered.bytes == 3 * OF_TEN_BLOCKS.size()
    remembered.put("one", ("w1", "e"), Kept(KeySet.of([n * BLOCK for n in range(1000)])))
    assert [mark for mark in "acde" if remembered.get("one", ("w1", mark))] == ["a", "c", "d"]
