"""What the models of one run use, and the quotas that it counts against."""

from flowkeys.domain.errors import QuotaExceeded
from flowkeys.domain.limits.spent import Reserved
from flowkeys.domain.usage.tokens import NO_TOKENS, ModelTokens


class RunMeter:
    """Implements `TokenMeter`."""

    __slots__ = ("_reserved", "tokens")

    def __init__(self, reserved: Reserved | None) -> None:
        """Count against what was reserved; None: no quota counts tokens of this run."""
        self._reserved = reserved
        self.tokens = NO_TOKENS

    async def admit(self, tokens: int) -> None:
        """Let a model be asked that may use so many, its prompt included.

        Raises:
            QuotaExceeded: a quota has not so many left.
        """
        if self._reserved is None:
            return
        wait = await self._reserved.reach(self.tokens.total + tokens)
        if wait:
            message = (
                f"What is left of the quota of tokens, and is not reserved by calls under way, is less than "
                f"the {tokens} that this call may use."
            )
            raise QuotaExceeded(message, wait)

    def used(self, tokens: ModelTokens) -> None:
        """Add what a model used."""
        self.tokens = self.tokens.plus(tokens)

    def settle(self) -> None:
        """Give the rest of what was reserved back: nothing more is used."""
        if self._reserved is not None:
            self._reserved.settle(self.tokens.total)
