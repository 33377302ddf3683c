"""How many connections a server may hold: as many files as the system lets a process open."""

import resource
from typing import Final

_ENOUGH: Final = 65_536


def allow_many() -> None:
    """Raise this process's own limit on open files to what the system allows it, or to enough.

    Systems begin programs with 1,024, for the sake of those that use ``select``; a stream through a model
    takes two, so that five hundred streams were all there is room for.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
