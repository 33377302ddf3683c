"""The chain of the audit log is one, whoever writes to it and whatever becomes of what is written."""

import asyncio
from pathlib import Path

import pytest

from flowkeys import bootstrap
from flowkeys.bootstrap import Runtime
from flowkeys.config import load
from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.journal import Subject
from flowkeys.domain.principal import Caller, operator
from flowkeys.service.audit.daily import DailyHead
from flowkeys.service.journal import note
from flowkeys.service.keys.input import NewKey
from flowkeys.service.ports.store import Transaction
from tests.support.audit import assert_whole, verified
from tests.support.waiting import soon


async def _opened(data_dir: Path) -> tuple[Runtime, Caller]:
    runtime = await bootstrap.open_runtime(load(data_dir=data_dir))
    return runtime, Caller(operator((await runtime.workspaces.default()).id))


async def test_two_processes_that_write_side_by_side_make_one_chain(tmp_path: Path) -> None:
    """Given two writers on one database, each of many changes at once, no row lacks and none stands twice."""
    one, caller = await _opened(tmp_path)
    other, _ = await _opened(tmp_path)
    before = assert_whole(tmp_path)
    await asyncio.gather(
        *(
            runtime.keyring.create(caller, NewKey(name=f"{number}"))
            for number in range(50)
            for runtime in (one, other)
        )
    )
    await one.close()
    await other.close()
    assert assert_whole(tmp_path) == before + 100


async def test_what_is_rolled_back_leaves_no_gap(tmp_path: Path) -> None:
    """Given changes that fail after they wrote their row, among others in one commit, the chain is whole."""
    runtime, caller = await _opened(tmp_path)
    before = assert_whole(tmp_path)

    def fails(tx: Transaction) -> None:
        note(tx, caller, 1, action="test", subject=Subject.KEY, subject_id="x")
        raise InvalidInput.of("field", "no")

    results = await asyncio.gather(
        *(runtime.store.write(fails) for _ in range(10)),
        *(runtime.keyring.create(caller, NewKey(name="one")) for _ in range(10)),
        *(runtime.store.write(fails) for _ in range(10)),
        return_exceptions=True,
    )
    await runtime.close()
    assert sum(isinstance(result, InvalidInput) for result in results) == 20
    assert assert_whole(tmp_path) == before + 10


async def test_a_process_with_the_older_secret_may_still_run(tmp_path: Path) -> None:
    """Given one process that began under the old secret and one under the new, their rows are one chain."""
    one, caller = await _opened(tmp_path)
    path = tmp_path / "secret"
    path.write_text(f"{'b3' * 32}\n{path.read_text('utf-8').splitlines()[-1]}\n", "utf-8")
    other, _ = await _opened(tmp_path)
    for runtime in (one, other, one, other):
        await runtime.keyring.create(caller, NewKey(name="one"))
    await one.close()
    await other.close()
    again, _ = await _opened(tmp_path)
    await again.close()
    path.write_text(f"{'b3' * 32}\n", "utf-8")
    assert_whole(tmp_path)


async def test_the_secret_may_go_there_and_back(tmp_path: Path) -> None:
    """Given the old secret in front again, its keys are its own again, and all is verified with it alone."""
    runtime, _ = await _opened(tmp_path)
    await runtime.workspaces.create("before")
    await runtime.close()
    path = tmp_path / "secret"
    old, new = path.read_text("utf-8").splitlines()[-1], "b3" * 32
    for number, text in enumerate((f"{new}\n{old}\n", f"{old}\n{new}\n", f"{old}\n")):
        path.write_text(text, "utf-8")
        runtime, _ = await _opened(tmp_path)
        await runtime.workspaces.create(f"at {number}")
        await runtime.close()
    assert_whole(tmp_path)


async def test_a_start_writes_nothing_where_nothing_is_to_do(tmp_path: Path) -> None:
    """Given a chain under the newest secret, starts add no rows and no segments."""
    for _ in range(2):
        runtime, _ = await _opened(tmp_path)
        await runtime.close()
    first = verified(tmp_path)
    runtime, _ = await _opened(tmp_path)
    segments = await runtime.store.read(lambda tx: len(tx.audit_chain.segments()))
    await runtime.close()
    assert (verified(tmp_path), segments) == (first, 1)


class _Log:
    def __init__(self) -> None:
        self.heads: list[str] = []

    def info(self, event: str, **facts: str) -> None:
        assert event == "audit_head"
        self.heads.append(facts["head"])


@pytest.mark.parametrize("times", [3])
async def test_the_head_is_said_at_the_start_and_again_and_again(tmp_path: Path, times: int) -> None:
    """Given a day that is over at once, the head is said each time, as it is then."""
    runtime, _ = await _opened(tmp_path)
    log = _Log()
    daily = DailyHead.started(runtime.store, log, every_seconds=0)
    await soon(lambda: len(log.heads) >= times, "the head to be said")
    await daily.stop()
    await runtime.close()
    assert log.heads[0] == str(verified(tmp_path).head)
