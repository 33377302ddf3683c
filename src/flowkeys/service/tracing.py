"""Traces: what a request, and each call of a model within it, tells whoever collects spans.

Only servers that are asked to trace have any of it. Nothing that a caller, a model or an author of a chatflow
wrote goes into a span: no token, question, answer, name, path or query as it was sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class RequestSpan(Protocol):
    """The span of a request that is being answered."""

    trace_id: str
    """As W3C Trace Context writes it: 32 hexadecimal digits."""

    def ended(self, route: str | None, status: int, facts: Mapping[str, Any]) -> None:
        """Say which route it was, what it was answered with, and what its line of the log says."""
        ...


class RequestTracing(Protocol):
    """Makes the span of a request."""

    def request(
        self, method: str, headers: Iterable[tuple[bytes, bytes]], *, trusted: bool
    ) -> AbstractContextManager[RequestSpan]:
        """Begin a span, in which what is called until its end has its place.

        One who is `trusted` says by ``traceparent`` whose part it is; of others that is kept as a link only.
        """
        ...


class ModelSpan(Protocol):
    """The span of a call of a model."""

    headers: Sequence[tuple[str, str]]
    """By which the model's server may go on with the trace."""

    def answered(self, tokens: tuple[int, int], finish_reason: str | None) -> None:
        """Say how many tokens the model read and wrote, as far as it told, and how it ended."""
        ...


class ModelTracing(Protocol):
    """Makes the span of a call of a model."""

    def model(
        self, name: str, host: str, port: int, parameters: Mapping[str, Any]
    ) -> AbstractContextManager[ModelSpan]:
        """Begin a span; an exception that leaves the block is its error."""
        ...
