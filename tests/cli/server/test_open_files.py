"""How many files a server may have open."""

import resource
from collections.abc import Iterator

import pytest

from flowkeys.cli.server.open_files import allow_many

LIMITS = resource.getrlimit(resource.RLIMIT_NOFILE)


@pytest.fixture
def few() -> Iterator[int]:
    """Let this process open 1,024 files, as systems do by themselves, and then as many as before."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, LIMITS[1]))
    yield 1024
    resource.setrlimit(resource.RLIMIT_NOFILE, LIMITS)


def test_as_many_are_allowed_as_the_system_allows(few: int) -> None:
    """Given a limit that the process may raise, it is raised, and what the system sets stays."""
    allow_many()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == LIMITS[1]
    assert soft == (65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)) > few


def test_a_limit_that_is_high_enough_is_left_alone() -> None:
    """What somebody set higher is theirs."""
    allow_many()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    allow_many()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before
    resource.setrlimit(resource.RLIMIT_NOFILE, LIMITS)
