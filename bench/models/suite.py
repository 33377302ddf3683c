"""A model's answer, all of it."""

import resource
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench.models import answers, contenders, few_words, no_model, streams
from bench.report import Table

_FILES: Final = 8192
"""A thousand streams are two thousand connections, for the server and for those who call alike."""


def measure(folder: Path, rounds: int, seconds: int) -> Iterator[Table]:
    """Return the tables, each when it is measured."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, most), most))
    with ExitStack() as stack:
        model = contenders.model(stack, folder)
        found, missing = contenders.start(stack, folder, model)
        yield few_words.measure(found[0], rounds, seconds)
        yield from no_model.measure(stack, folder, rounds, seconds)
        yield answers.measure(found, missing, rounds, seconds)
        yield streams.first_pieces(found)
        yield streams.many(folder, model, found[1:2])
