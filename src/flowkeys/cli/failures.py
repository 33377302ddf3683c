"""From errors to one clear sentence, or one JSON object, and an exit code."""

import sys
from collections.abc import Sequence
from typing import Any, Final

from flowkeys.cli import exit_codes, streams
from flowkeys.cli.exit_codes import ExitCode
from flowkeys.client.http.environment import variable
from flowkeys.domain.errors import ConfigurationError, FieldError, FlowkeysError, Unavailable
from flowkeys.domain.keys.pasted import cleaned, mistake
from flowkeys.domain.keys.token import PATTERN

_ADVICE: Final[dict[str, str]] = {
    "missing_credentials": "Set FLOWKEYS_API_KEY to a key of the server at FLOWKEYS_URL.",
    "unknown_key": "Check FLOWKEYS_API_KEY and FLOWKEYS_URL: is it a key of that server?",
    "connection_failed": "Check FLOWKEYS_URL, and that the server runs there.",
    "unexpected_answer": "Check FLOWKEYS_URL: what answers there is not flowkeys.",
}


class Ambiguous(FlowkeysError):
    """A name that several things have; the message lists them."""


class Refusal(FlowkeysError):
    """A command refuses to go on; `code` says why in one word, the message in a sentence."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class Failure:
    """An error as the program ends with it."""

    def __init__(
        self, code: str, detail: str, errors: Sequence[FieldError] = (), *, advised: bool = False
    ) -> None:
        """`advised`: the detail says by itself what to do."""
        self.code = code
        self.advice = None if advised else _ADVICE.get(code)
        self.detail = PATTERN.sub("fl-…", detail)
        self.errors = errors
        self.exit_code = exit_codes.of(code)

    def show(self, *, as_json: bool) -> int:
        """Write it to stderr and return the exit code."""
        if as_json:
            text = streams.as_json(self._members(), sys.stderr)
        else:
            text = f"Error: {self.detail}" + (f"\n{self.advice}" if self.advice else "")
        streams.note(text)
        return int(self.exit_code)

    def log(self, **facts: Any) -> int:
        """Write it as a line of the server's log, in JSON, and return the exit code."""
        from flowkeys.telemetry import logs

        members = self._members()
        logs.announce(members.pop("detail"), "error", **members, **facts)
        return int(self.exit_code)

    def _members(self) -> dict[str, Any]:
        members: dict[str, Any] = {"code": self.code, "detail": self.detail, "exitCode": self.exit_code}
        if self.errors:
            members["errors"] = [{"field": e.field, "message": e.message} for e in self.errors]
        return members


def of(error: FlowkeysError) -> Failure:
    """Return the failure that an error on purpose ends the program with."""
    if isinstance(error, ConfigurationError):
        return Failure("configuration", str(error))
    if isinstance(error, Ambiguous):
        return Failure("ambiguous", str(error))
    if isinstance(error, Refusal):
        return Failure(error.code, str(error))
    if isinstance(error, Unavailable):
        return Failure("unavailable", str(error))
    from flowkeys.client.errors import FlowkeysApiError

    if isinstance(error, FlowkeysApiError):
        return _of_answer(error)
    from flowkeys.web.errors import of_error

    problem = of_error(error)
    return Failure(problem.code, problem.detail, problem.errors)


def _of_answer(error: Any) -> Failure:
    from flowkeys.client.errors import UnexpectedAnswer

    code = error.code
    if code is None:
        # Without a code it was not flowkeys that answered: a proxy, or something else altogether.
        proxy = error.status is not None and error.status >= 500  # noqa: PLR2004
        code = "unavailable" if proxy and not isinstance(error, UnexpectedAnswer) else "unexpected_answer"
    detail = error.detail
    if error.request_id and exit_codes.of(code) is ExitCode.UNEXPECTED:
        detail = f"{detail} [request {error.request_id}]"
    if code == "unknown_key" and (why := mistake(cleaned(variable("FLOWKEYS_API_KEY") or ""))):
        detail = f"{detail} FLOWKEYS_API_KEY: {why}"
    return Failure(code, detail, error.errors, advised=error.proxy is not None)
