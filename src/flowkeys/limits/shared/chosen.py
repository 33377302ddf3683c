"""What the operator chose for limits that cannot be counted together."""

from collections.abc import Iterable

import msgspec

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.limits.gcra import Scope
from flowkeys.domain.limits.spent import QuotaScope


class Chosen(msgspec.Struct, frozen=True):
    """Which limits refuse while Valkey is away; all others are counted by each process alone."""

    refuses_all: bool = False
    names: frozenset[str] = frozenset()
    """Of limits (``day``) and of quotas (``calls-month``)."""

    def check(self, scopes: Iterable[Scope]) -> None:
        """Let a call be decided alone.

        Raises:
            Unavailable: one of its limits refuses that.
        """
        if self.refuses_all or (
            self.names and any(rate.name in self.names for _, _, limits in scopes for rate in limits.rates)
        ):
            raise _refused()

    def check_quotas(self, scopes: Iterable[QuotaScope]) -> None:
        """Let a call be decided alone.

        Raises:
            Unavailable: one of its quotas refuses that.
        """
        if self.refuses_all or (
            self.names and any(one.name in self.names for _, _, _, quotas in scopes for one in quotas.all)
        ):
            raise _refused()


def _refused() -> Unavailable:
    return Unavailable("Limits cannot be counted now. Try again.", is_known=True)
