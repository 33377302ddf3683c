"""What a verification answers: the key, or why it is refused."""

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final, Literal, TypeAlias

import msgspec

from flowkeys.domain.customers.customer import KeyCustomer
from flowkeys.domain.ids import new_id
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.decision import Decision, Denied, Reason, grants
from flowkeys.web.errors import Problem, of_denial

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class VerifiedKey(msgspec.Struct, frozen=True, gc=False):
    """The key is good for what was asked. It is true, as a `Refusal` is false."""

    record: KeyRecord
    """The key as verification keeps it; the properties below say the same in plainer terms."""

    @property
    def allowed(self) -> Literal[True]:
        """It is."""
        return True

    @property
    def id(self) -> str:
        """The key's id, which is safe to log and to store."""
        return self.record.key_id

    @property
    def name(self) -> str:
        """The key's name. People change it."""
        return self.record.name

    @property
    def workspace_id(self) -> str:
        """The workspace that the key belongs to."""
        return self.record.workspace_id

    @property
    def permissions(self) -> frozenset[str]:
        """What the key may do; ``*`` stands for everything. `grants` reads it."""
        return self.record.permissions

    @property
    def chatflow_ids(self) -> frozenset[str]:
        """The chatflows that the key is bound to."""
        return frozenset(self.record.chatflow_ids)

    @property
    def customer_id(self) -> str | None:
        """The id of the customer that the key belongs to, or None when it is nobody's."""
        return None if self._customer is None else self._customer.id

    @property
    def customer_external_id(self) -> str | None:
        """What your own systems know the customer by, if it was given such an id."""
        return None if self._customer is None else self._customer.external_id

    @property
    def customer_name(self) -> str | None:
        """The customer's name. People change it."""
        return None if self._customer is None else self._customer.name

    @property
    def _customer(self) -> KeyCustomer | None:
        return None if self.record.terms is None else self.record.terms.customer

    @property
    def expires_at(self) -> datetime | None:
        """When the key ends, in UTC, or None when it does not by itself."""
        at = self.record.expires_at
        return None if at is None else _EPOCH + timedelta(microseconds=at)

    @property
    def allowed_ips(self) -> tuple[str, ...]:
        """The addresses and networks that the key may be used from; none: from anywhere."""
        terms = self.record.terms
        return () if terms is None or terms.networks is None else terms.networks.texts

    @property
    def token_valid_until(self) -> datetime | None:
        """When the token that was presented ends, since the key was rotated; None: with the key."""
        at = self.record.valid_until
        return None if at is None else _EPOCH + timedelta(microseconds=at)

    @property
    def token_replaced_at(self) -> datetime | None:
        """When a new token replaced the one that was presented: whoever has it should be told to change."""
        at = self.record.replaced_at
        return None if at is None else _EPOCH + timedelta(microseconds=at)

    def grants(self, permission: str) -> bool:
        """Tell whether the key holds a permission."""
        return grants(self.record.permissions, permission)

    def __repr__(self) -> str:
        return f"VerifiedKey(id={self.id!r}, name={self.name!r})"


class Refusal:
    """The key is refused. It is false, so that ``if not verifier.verify(…)`` reads as it should."""

    def __init__(self, denied: Denied) -> None:
        """Refuse as `denied` says; status and texts are those that the server answers with."""
        self._denied = denied

    @property
    def allowed(self) -> Literal[False]:
        """It is not."""
        return False

    @property
    def code(self) -> str:
        """The reason, made for programs, such as ``expired_key`` or ``permission_missing``."""
        return self._denied.reason.value

    @property
    def is_missing(self) -> bool:
        """Nothing was sent that could be a key: who lets people in without one lets this call in, as nobody.

        A key that is no good is not missing, nor is one that came in a wrong form.
        """
        return self._denied.reason is Reason.MISSING_CREDENTIALS

    @property
    def key_id(self) -> str | None:
        """The id of the key when its whole token was known: for the log, not for the caller."""
        return None if self._denied.record is None else self._denied.record.key_id

    @cached_property
    def problem(self) -> Problem:
        """The answer over HTTP."""
        return of_denial(self._denied)

    @property
    def status(self) -> int:
        """The HTTP status: 400, 401 or 403 (RFC 6750 section 3.1), or 429 where calls count."""
        return self.problem.status

    @property
    def detail(self) -> str:
        """The reason, made for people. It holds nothing that was sent."""
        return self.problem.detail

    @property
    def www_authenticate(self) -> str:
        """The value of the header ``WWW-Authenticate`` that belongs to the answer; none when it is 429."""
        return dict(self.problem.headers).get("WWW-Authenticate", "")

    @property
    def retry_after_seconds(self) -> int | None:
        """How long a call that is over a limit has to wait (``Retry-After``), or None."""
        found = dict(self.problem.headers).get("Retry-After")
        return None if found is None else int(found)

    def body(self, request_id: str | None = None) -> bytes:
        """Return the answer's JSON, ``application/problem+json`` (RFC 9457), as the server writes it."""
        return self.problem.body(request_id or new_id())

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"Refusal(code={self.code!r}, status={self.status})"


Result: TypeAlias = VerifiedKey | Refusal


def result_of(decision: Decision) -> Result:
    """Return a decision as callers of the library see it."""
    return Refusal(decision) if type(decision) is Denied else VerifiedKey(decision.record)  # type: ignore[arg-type]
