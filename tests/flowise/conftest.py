"""A server beside the model that the recordings of Flowise were made with."""

from collections.abc import Callable, Iterator

import pytest

from tests.flowise.recordings import MISSING, RECORDED
from tests.flowise.replaying import Replay, Sample, replaying
from tests.flowise.stub import Stub
from tests.support.server import Running


@pytest.fixture(scope="module")
def replay(serve: Callable[..., Running]) -> Iterator[Replay]:
    """Ask a server of ours what Flowise was asked."""
    if not RECORDED.is_dir():
        pytest.skip(MISSING)
    stub, sample = Stub(), Sample()
    yield replaying(serve, stub, sample)
    stub.stop()
    sample.close()
