"""Limits and quotas of a call that are taken by one question: written once, and answered without a task.

Nearly all calls of a key ask the same: what they send is put together when the first of them does. Whatever
is not as expected is left to those who await (`SharedLimits`, `SharedQuotas`); nothing is taken of it then.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from flowkeys.domain.ids import new_id
from flowkeys.domain.limits.gcra import NOTHING, Scope
from flowkeys.domain.limits.spent import QuotaScope
from flowkeys.domain.times import Clock
from flowkeys.limits.accounts import Account, Line
from flowkeys.limits.shared.accounts import REFUSED
from flowkeys.limits.shared.quotas import SharedQuotas, member_of, reserves
from flowkeys.limits.shared.rates import OTHER, SharedLimits, taken
from flowkeys.limits.shared.valkey import Valkey
from flowkeys.service.ports.limits import Ask, Told

_NOTHING_TOLD: Final = -1
"""Something is not loaded, or was made under other limits."""


class SharedCalls:
    """Implements `Together`."""

    __slots__ = ("_clock", "_limits", "_quotas", "_valkey")

    def __init__(self, valkey: Valkey, limits: SharedLimits, quotas: SharedQuotas, clock: Clock) -> None:
        """Ask `valkey` for what these two count."""
        self._valkey = valkey
        self._limits = limits
        self._quotas = quotas
        self._clock = clock

    def __call__(self, limits: tuple[Scope, ...], quotas: tuple[QuotaScope, ...]) -> Ask:
        """Return what asks for calls that these apply to."""
        if quotas:
            asked = self._limits.asked(limits)
            return _WithQuotas(self._valkey, self._quotas, self._clock, limits, quotas, asked).ask
        return _OfLimits(self._valkey, limits, self._limits.command(limits)).ask


class _OfLimits:
    """Asks for calls that have rate limits alone."""

    __slots__ = ("_command", "_scopes", "_send")

    def __init__(self, valkey: Valkey, scopes: tuple[Scope, ...], command: bytes) -> None:
        self._send = valkey.send
        self._scopes = scopes
        self._command = command

    def ask(self, tokens: int | None, told: Told) -> bool:
        del tokens
        return self._send(self._command, partial(self._answered, told))

    def _answered(self, told: Told, answer: Any) -> None:
        if type(answer) is not list or answer[0] == OTHER:
            told(None, None)
        else:
            told(taken(self._scopes, answer), None)


class _WithQuotas:
    """Asks for calls that have quotas, and perhaps rate limits."""

    __slots__ = (
        "_begins_at",
        "_clock",
        "_command",
        "_ends_at",
        "_limits",
        "_quotas",
        "_scopes",
        "_told",
        "_valkey",
    )

    def __init__(
        self,
        valkey: Valkey,
        quotas: SharedQuotas,
        clock: Clock,
        limits: tuple[Scope, ...],
        scopes: tuple[QuotaScope, ...],
        told: tuple[Sequence[bytes], Sequence[bytes]],
    ) -> None:
        self._valkey = valkey
        self._quotas = quotas
        self._clock = clock
        self._limits = limits
        self._scopes = scopes
        self._told = told
        self._command = b""
        """What is sent from one time to another for a call that reserves nothing: steps begin and end."""
        self._begins_at = self._ends_at = 0

    def ask(self, tokens: int | None, told: Told) -> bool:
        valkey = self._valkey
        if not valkey.is_up:
            return False
        now = self._clock()
        quotas, scopes = self._quotas, self._scopes
        accounts = quotas.fitting(scopes, now)
        if accounts is None:
            return False
        asked = [(account, account.lines) for account in accounts]
        name = ""
        if reserves(scopes, tokens):
            name = new_id()
            command = quotas.command(asked, tokens or 0, member_of(name, tokens), now, self._told)
        else:
            if not self._begins_at <= now < self._ends_at:
                self._command = quotas.command(asked, 0, b"", now, self._told)
                self._begins_at = max(account.begins_at for account in accounts)
                self._ends_at = min(account.turns_at for account in accounts)
            command = self._command
        return valkey.send(command, partial(self._answered, told, asked, tokens, name, now))

    def _answered(
        self,
        told: Told,
        asked: list[tuple[Account, tuple[Line, ...]]],
        tokens: int | None,
        name: str,
        now: int,
        answer: Any,
    ) -> None:
        if type(answer) is not list or answer[0] == _NOTHING_TOLD:
            told(None, None)
            return
        quotas, scopes = self._quotas, self._scopes
        at = quotas.see(asked, answer)
        accounts = [account for account, _ in asked]
        left = taken(self._limits, answer, at) if self._limits else NOTHING
        if answer[0] == REFUSED:
            told(left, quotas.refused(scopes, accounts, tokens, now))
        elif left.wait_seconds:
            told(left, quotas.left(scopes, accounts, now))
        else:
            told(left, quotas.took(scopes, accounts, tokens, name, now))
