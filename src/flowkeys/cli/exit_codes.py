"""What the program's exit code says; ``docs/cli.md`` lists the codes, held by a test."""

import os
import sys
import threading
import time
from contextlib import suppress
from enum import IntEnum
from typing import Final

_LAST_SECONDS: Final = 3.0
"""How long threads of others may keep a process that has nothing left to do."""


class ExitCode(IntEnum):
    """Stable: scripts branch on these numbers."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    CONFIGURATION = 3
    NOT_FOUND = 4
    REFUSED = 5
    INVALID = 6
    UNAVAILABLE = 7
    FAILED = 8
    INTERRUPTED = 130


MEANINGS: Final[dict[ExitCode, str]] = {
    ExitCode.OK: "it worked",
    ExitCode.UNEXPECTED: "an error nobody expected: a bug",
    ExitCode.USAGE: "the command was not written as --help says",
    ExitCode.CONFIGURATION: "configuration, data, secret or output: the operator has to change something",
    ExitCode.NOT_FOUND: "there is no such thing, or its name is ambiguous",
    ExitCode.REFUSED: "refused: the key is not good, or may not do this",
    ExitCode.INVALID: "the input was refused; nothing was changed",
    ExitCode.UNAVAILABLE: "not reachable, an outage, or too many calls: try again",
    ExitCode.FAILED: "the chatflow, or a model or service behind it, failed",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C, or declined when asked",
}

_BY_CODE: Final[dict[str, ExitCode]] = {
    "configuration": ExitCode.CONFIGURATION,
    "output_failed": ExitCode.CONFIGURATION,
    "not_found": ExitCode.NOT_FOUND,
    "ambiguous": ExitCode.NOT_FOUND,
    "method_not_allowed": ExitCode.UNAVAILABLE,
    "missing_credentials": ExitCode.REFUSED,
    "invalid_request": ExitCode.REFUSED,
    "unknown_key": ExitCode.REFUSED,
    "expired_key": ExitCode.REFUSED,
    "revoked_key": ExitCode.REFUSED,
    "disabled_key": ExitCode.REFUSED,
    "chatflow_not_allowed": ExitCode.REFUSED,
    "permission_missing": ExitCode.REFUSED,
    "ip_not_allowed": ExitCode.REFUSED,
    "origin_not_allowed": ExitCode.REFUSED,
    "limits_not_counted": ExitCode.REFUSED,
    "cross_site": ExitCode.REFUSED,
    "already_sent": ExitCode.INVALID,
    "rotation_under_way": ExitCode.INVALID,
    "no_rotation": ExitCode.INVALID,
    "customer_has_keys": ExitCode.INVALID,
    "already_resumed": ExitCode.INVALID,
    "cannot_resume": ExitCode.INVALID,
    "validation_failed": ExitCode.INVALID,
    "policy_violated": ExitCode.INVALID,
    "invalid_json": ExitCode.INVALID,
    "too_large": ExitCode.INVALID,
    "unsupported_encoding": ExitCode.INVALID,
    "headers_too_large": ExitCode.INVALID,
    "rate_limited": ExitCode.UNAVAILABLE,
    "quota_exceeded": ExitCode.UNAVAILABLE,
    "unavailable": ExitCode.UNAVAILABLE,
    "connection_failed": ExitCode.UNAVAILABLE,
    "unexpected_answer": ExitCode.UNAVAILABLE,
    "flow_not_runnable": ExitCode.FAILED,
    "run_limit_exceeded": ExitCode.FAILED,
    "upstream_failed": ExitCode.FAILED,
    "usage": ExitCode.USAGE,
    "interrupted": ExitCode.INTERRUPTED,
    "declined": ExitCode.INTERRUPTED,
}


def of(code: str) -> ExitCode:
    """Return the exit code for the `code` of an error, which is the API's wherever it has one."""
    return _BY_CODE.get(code, ExitCode.UNEXPECTED)


def end_by(code: object) -> None:
    """See that this process, which is about to exit, ends with this code, whatever its threads do.

    The interpreter waits for threads without a bound, and those of a developer's chatflow may never end.
    """
    number = code if isinstance(code, int) else 0 if code is None else 1  # as `sys.exit` has it

    def end() -> None:
        time.sleep(_LAST_SECONDS)
        os._exit(number)

    threading.Thread(target=end, name="flowkeys-end", daemon=True).start()
    with suppress(Exception):  # the interpreter says what is wrong with it
        sys.stdout.flush()
