"""Quotas in forms and in words: rows, each of which reads as a sentence.

A form sends a row as ``quota-0-amount``, ``quota-0-unit`` and ``quota-0-period``; one without an amount is
none.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from flowkeys.domain.customers.customer import Customer
from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.keys.api_key import ApiKey
from flowkeys.domain.limits.quota import (
    MAX_AMOUNT,
    MAX_QUOTAS,
    MONTH,
    Quota,
    Standing,
    Unit,
    clean_quotas,
    standings,
)
from flowkeys.service.limits import read_quotas
from flowkeys.web.pages import words
from flowkeys.web.pages.form import Form

PREFIX: Final = "quota"
UNITS: Final = {Unit.CALLS.value: "calls", Unit.TOKENS.value: "model tokens"}
PERIODS: Final = (MONTH, "1d", "7d", "30d", "90d", "365d")
"""Those that a form offers; one that a quota has already is offered too."""
_NUMBER: Final = re.compile(r"[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4}")


class QuotaRow(msgspec.Struct, frozen=True, kw_only=True):
    """One quota as somebody typed it."""

    amount: str = ""
    unit: str = Unit.CALLS.value
    period: str = MONTH

    @property
    def periods(self) -> list[tuple[str, str]]:
        """The periods to choose from, with what they are called."""
        own = () if self.period in PERIODS else (self.period,)
        return [(each, period_in_words(each)) for each in (*PERIODS, *own)]

    @property
    def mistake(self) -> str | None:
        """Why it is no quota, in words; None: it is one."""
        try:
            clean_quotas([self.quota()])
        except ValueError:
            return f"Give a whole number from 1 to {MAX_AMOUNT:,}, and a period of the list."
        return None

    def quota(self) -> Quota:
        """Return what it says.

        Raises:
            ValueError: that is nothing.
        """
        if _NUMBER.fullmatch(self.amount) is None:
            raise ValueError(self.amount)
        return Quota(Unit(self.unit), int(self.amount.replace(",", "")), self.period)


class QuotaRows(msgspec.Struct, frozen=True):
    """The quotas of a form."""

    rows: tuple[QuotaRow, ...] = ()
    """Those in which something stands."""
    is_longer: bool = False
    """Whether one more was asked for."""

    @classmethod
    def of(cls, sent: Form) -> "QuotaRows":
        """Return the rows that were sent."""
        found = []
        for number in range(MAX_QUOTAS):
            parts = ("amount", "unit", "period")
            typed = {part: sent.text(f"{PREFIX}-{number}-{part}").strip() for part in parts}
            if typed["amount"]:
                found.append(QuotaRow(**{part: text for part, text in typed.items() if text}))
        return cls(tuple(found), sent.text("do") == PREFIX)

    @classmethod
    def of_quotas(cls, quotas: Sequence[Quota]) -> "QuotaRows":
        """Return the rows of quotas that nobody has changed yet."""
        return cls(
            tuple(QuotaRow(amount=str(one.amount), unit=one.unit.value, period=one.period) for one in quotas)
        )

    @property
    def shown(self) -> tuple[QuotaRow, ...]:
        """The rows with one to fill in, if there may be more."""
        return (*self.rows, QuotaRow())[:MAX_QUOTAS]

    def read(self) -> tuple[Quota, ...]:
        """Return the quotas.

        Raises:
            InvalidInput: naming ``quotas``: a row is wrong, which `QuotaRow.mistake` says, or two are of the
                same.
        """
        wrong = [row.mistake for row in self.rows if row.mistake]
        if wrong:
            raise InvalidInput.of("quotas", wrong[0])
        return read_quotas([row.quota() for row in self.rows])


def period_in_words(period: str) -> str:
    """Return ``calendar month`` or ``30 days``."""
    if period == MONTH:
        return "calendar month"
    days = period.removesuffix("d")
    return words.count(int(days), "day") if days.isdecimal() else period


def in_words(quota: Quota) -> str:
    """Return ``1,000 calls per calendar month``."""
    what = words.count(quota.amount, "call" if quota.unit is Unit.CALLS else "model token")
    return f"{what} {'per' if quota.period == MONTH else 'in'} {period_in_words(quota.period)}"


def standings_of(item: ApiKey | Customer, now: int) -> tuple[Standing, ...]:
    """Return how the quotas of a key or a customer stand."""
    return standings(item.quotas, item.quota_uses, now, item.tokens_reserved)
