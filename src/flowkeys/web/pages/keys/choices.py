"""What a key's form offers to choose from: chatflows, and permissions in groups."""

from typing import Final

import msgspec

from flowkeys.domain.permissions import ALL, GROUPS, PermissionSet
from flowkeys.domain.principal import Caller
from flowkeys.service.chatflows.chatflows import ChatflowService
from flowkeys.web.pages import words
from flowkeys.web.pages.keys.form import KeyForm, may_bind

SHOWN: Final = 20
"""Chatflows that are listed beside those that are chosen; the others are found by a search."""
OF_USE: Final = ("chatflows", "apikeys", "customers", "documentStores", "executions", "users")
"""The groups of permissions that open something here."""


class Choice(msgspec.Struct, frozen=True):
    """A box to tick."""

    value: str
    label: str
    is_chosen: bool
    is_public: bool = False


class ChatflowChoices(msgspec.Struct, frozen=True):
    """The chatflows that a form shows: those that are chosen, then others that the search finds."""

    items: list[Choice]
    search: str
    has_more: bool

    @property
    def there_are_none(self) -> bool:
        """Whether the workspace has no chatflow at all."""
        return not self.items and not self.search.strip()


class PermissionGroup(msgspec.Struct, frozen=True):
    """The permissions of one group that the person may give."""

    id: str
    name: str
    items: list[Choice]


class PermissionChoices(msgspec.Struct, frozen=True):
    """The permissions that the person may give."""

    everything: Choice | None
    of_use: list[PermissionGroup]
    others: list[PermissionGroup]

    @property
    def offered(self) -> PermissionSet:
        """Every name that has a box."""
        groups = [*self.of_use, *self.others]
        found = {item.value for group in groups for item in group.items}
        return frozenset(found | {self.everything.value} if self.everything else found)

    @property
    def chosen(self) -> int:
        """How many boxes are ticked."""
        groups = [*self.of_use, *self.others]
        ticked = sum(item.is_chosen for group in groups for item in group.items)
        return ticked + (self.everything is not None and self.everything.is_chosen)


async def chatflow_choices(
    chatflows: ChatflowService, caller: Caller, form: KeyForm
) -> ChatflowChoices | None:
    """Return the chatflows to choose from, or None for a person who may not see or bind them."""
    if not may_bind(caller):
        return None
    found = await chatflows.choices(caller, form.search, SHOWN + 1, form.chatflow_ids)
    wanted = frozenset(form.chatflow_ids)
    items = [Choice(item.id, item.name, item.id in wanted, item.is_public) for item in found]
    most = SHOWN + sum(item.is_chosen for item in items)
    return ChatflowChoices(items[:most], form.search, len(items) > most)


def permission_choices(caller: Caller, chosen: PermissionSet) -> PermissionChoices:
    """Return the permissions that the caller holds, which are all it may give, in the order of the list."""
    groups = [
        PermissionGroup(group, words.GROUP_NAMES[group], items)
        for group, verbs in GROUPS.items()
        if (
            items := [
                Choice(name, words.verb_name(verb), name in chosen)
                for verb in verbs
                if caller.holds(name := f"{group}:{verb}")
            ]
        )
    ]
    return PermissionChoices(
        everything=Choice(ALL, "Everything", ALL in chosen) if caller.holds(ALL) else None,
        of_use=sorted((item for item in groups if item.id in OF_USE), key=lambda item: OF_USE.index(item.id)),
        others=[item for item in groups if item.id not in OF_USE],
    )
