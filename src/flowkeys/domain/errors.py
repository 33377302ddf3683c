"""Exceptions that services raise. A denied credential is not one of them: that is a value (`decision`).

FlowkeysError
├── ConfigurationError      the operator has to change something; the message says what
├── InvalidInput            the caller sent something wrong; each field is named
│   └── PolicyViolated      a policy of the workspace forbids it, and is named
├── NotFound                no such thing in the caller's workspace
├── Forbidden               the caller may not do this
├── Conflict                not now: something stands in the way, and the message says how to go on
├── AlreadySent             a form was sent a second time; what it made the first time is named
├── FlowNotRunnable         the chatflow has node kinds or settings that this server cannot run
├── UpstreamFailed          a model or service behind a node failed
├── QuotaExceeded           a run would use more than is left of a quota of who calls
├── TooLarge                more bytes, pages or files than the configured limit
└── Unavailable             an outage: the store cannot be reached
"""

from collections.abc import Sequence

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field, named as it is on the wire (``keyName``)."""

    field: str
    message: str


class FlowkeysError(Exception):
    """The root of everything that flowkeys raises on purpose. `str()` of it is fit for callers to read."""


class ConfigurationError(FlowkeysError):
    """The operator has to change something before this can work."""


class InvalidInput(FlowkeysError):
    """The caller's input was refused; nothing was changed."""

    def __init__(self, *errors: FieldError) -> None:
        self.errors: Sequence[FieldError] = errors
        super().__init__("; ".join(f"{e.field}: {e.message}" for e in errors))

    @classmethod
    def of(cls, field: str, message: str) -> "InvalidInput":
        """Return the error for a single field."""
        return cls(FieldError(field, message))


class PolicyViolated(InvalidInput):
    """A policy of the workspace forbids this; `policies` names them as they are on the wire."""

    def __init__(self, policies: Sequence[str], *errors: FieldError) -> None:
        self.policies = tuple(policies)
        super().__init__(*errors)


class NotFound(FlowkeysError):
    """There is no such thing, or it belongs to another workspace: the two cannot be told apart."""

    def __init__(self, what: str) -> None:
        super().__init__(f"No such {what}.")


class Forbidden(FlowkeysError):
    """The caller is known and may not do this."""

    def __init__(self, message: str, permission: str | None = None) -> None:
        self.permission = permission
        super().__init__(message)


class Conflict(FlowkeysError):
    """The caller may do this, and not now: something stands in the way. Its kind is `code`."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class AlreadySent(FlowkeysError):
    """A form was sent a second time: nothing was made now, and `subject_id` is what it made then."""

    def __init__(self, subject_id: str) -> None:
        self.subject_id = subject_id
        super().__init__("This form was sent already. What it made is there.")


class FlowNotRunnable(FlowkeysError):
    """A chatflow cannot run here; `missing_kinds` names node kinds this server does not have."""

    def __init__(self, message: str, missing_kinds: Sequence[str] = ()) -> None:
        self.missing_kinds = tuple(missing_kinds)
        super().__init__(message)


class UpstreamFailed(FlowkeysError):
    """A model or service behind a node failed; the message names the node, never a credential.

    The message is for callers, and short. What the operator needs besides goes into the log alone.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        raised: BaseException | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        """With what the log says besides: `reason`, free of secrets, and the traceback of `raised`."""
        self.reason = reason
        self.raised = raised
        self.retry_after_seconds = retry_after_seconds
        """When it is worth trying again, where the upstream said so: at least 1, at most a day."""
        super().__init__(message)


class RunLimitExceeded(FlowkeysError):
    """A run took more than the operator allows one; the message says of what."""


class QuotaExceeded(FlowkeysError):
    """A run would use more than is left of a quota of who calls; the message names the quota."""

    def __init__(self, message: str, wait_seconds: int) -> None:
        self.wait_seconds = wait_seconds
        """After so long there is more."""
        super().__init__(message)


class TooLarge(FlowkeysError):
    """More than a configured limit allows; the message names the limit."""


class Unavailable(FlowkeysError):
    """An outage. Never a denial: the caller may be right and should try again."""

    def __init__(
        self,
        message: str = "The store cannot be reached.",
        retry_after_seconds: int = 1,
        *,
        is_known: bool = False,
    ) -> None:
        self.retry_after_seconds = retry_after_seconds
        self.is_known = is_known
        """The log has told of the outage: of each call that it costs the caller alone is told, and why."""
        super().__init__(message)
