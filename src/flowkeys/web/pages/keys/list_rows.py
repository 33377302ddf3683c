"""A key as a row of the list: worked out here, so that the template has little to do a hundred times."""

from collections.abc import Sequence
from typing import Final

import msgspec

from flowkeys.domain.keys.api_key import ApiKey, BoundChatflow, Creator, Status
from flowkeys.domain.keys.token import HINT_LENGTH, PREFIX, mask
from flowkeys.domain.permissions import PermissionSet, covers
from flowkeys.domain.times import SECOND
from flowkeys.service.keys.standing import LimitLeft
from flowkeys.web.pages import words
from flowkeys.web.pages.keys.query import KeyList

SOON: Final = 7 * 86_400 * SECOND
"""A key that ends within so many microseconds is marked."""
_OPENLY: Final = 2
_MOST_NAMES: Final = 50
"""Chatflows that a row names, folded ones included; the key's own page names all."""


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A key, and what the person who looks at it may do to it. Times are microseconds since 1970, UTC."""

    id: str
    name: str
    customer: str | None
    """The name of the customer that it belongs to, and the list of its keys."""
    customer_url: str | None
    masked: str
    """The dots of a masked token; `hint` is what follows them."""
    hint: str
    status: Status
    permissions: list[str]
    """A few words a group."""
    folded_permissions: list[str]
    chatflows: tuple[BoundChatflow, ...]
    folded_chatflows: tuple[BoundChatflow, ...]
    unnamed_chatflows: int
    created_at: int
    created_by: Creator
    creator_url: str | None
    """The list of what the same creator made."""
    last_used_at: int | None
    left: LimitLeft | None
    """Of its own limits the one of which least is left; None: it has none, or is revoked."""
    expires_at: int | None
    ends_soon: bool
    may_edit: bool
    may_disable: bool
    may_enable: bool
    may_revoke: bool

    @property
    def may_select(self) -> bool:
        """Whether anything can be done to it together with others."""
        return self.may_edit or self.may_revoke


def row(key: ApiKey, shown: KeyList, held: PermissionSet, now: int, left: Sequence[LimitLeft] = ()) -> Row:
    """Return a key as a row for somebody who holds `held`: what would be refused is not offered.

    `left` is what is left of its limits.
    """
    status = key.status_at(now)
    reachable = status is not Status.REVOKED and covers(held, key.permissions)
    changeable = reachable and covers(held, ("apikeys:update",))
    allowed = words.permissions(key.permissions)
    # Two are shown openly, and a third rather than a fold that hides only one.
    openly = _OPENLY if len(allowed) > _OPENLY + 1 else _OPENLY + 1
    opens = _OPENLY if len(key.chatflows) > _OPENLY + 1 else _OPENLY + 1
    creator = key.created_by
    return Row(
        id=key.id,
        name=key.name,
        customer=None if key.customer is None else key.customer.name,
        customer_url=None if key.customer is None else shown.at(customer=key.customer.id),
        masked=mask(key.hint)[len(PREFIX) : -HINT_LENGTH],
        hint=key.hint,
        status=status,
        permissions=allowed[:openly],
        folded_permissions=allowed[openly:],
        chatflows=key.chatflows[:opens],
        folded_chatflows=key.chatflows[opens:_MOST_NAMES],
        unnamed_chatflows=max(0, len(key.chatflows) - _MOST_NAMES),
        created_at=key.created_at,
        created_by=creator,
        creator_url=None if creator.id is None else shown.at(created_by=creator.id),
        last_used_at=key.last_used_at,
        left=None if status is Status.REVOKED else _least(left),
        expires_at=key.expires_at,
        ends_soon=key.expires_at is not None
        and 0 < key.expires_at - now < SOON
        and status is not Status.REVOKED,
        may_edit=changeable,
        may_disable=changeable and status is Status.ACTIVE,
        may_enable=changeable and status is Status.DISABLED,
        may_revoke=reachable and covers(held, ("apikeys:delete",)),
    )


def _least(left: Sequence[LimitLeft]) -> LimitLeft | None:
    """Return the limit of the key itself that it is nearest to."""
    own = [one for one in left if one.chatflow_id is None]
    return min(own, key=lambda one: one.calls / one.rate.burst) if own else None
