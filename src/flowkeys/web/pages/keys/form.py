"""What stands in the fields of a key's form, and what it means."""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.domain.keys.api_key import ApiKey
from flowkeys.domain.permissions import PermissionSet, with_implied_views
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import end_of_day, to_iso
from flowkeys.service.keys.input import KeyPatch, NewKey, read_expiry
from flowkeys.web.pages.form import Form

DAYS: Final = ("30", "90", "180", "365")
KEEP: Final = "keep"
NEVER: Final = "never"
DATE: Final = "date"

_BETWEEN: Final = re.compile("[,;]")
_NO_TIME: Final = 0
"""Stands for a date that is none: the service refuses it together with all else that is wrong."""


class KeyForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has typed and chosen so far."""

    name: str = ""
    note: str = ""
    allowed_ips: str = ""
    """Addresses and networks, one on each line."""
    customer: str | None = None
    """An external id, a name or an id; nothing is no customer. None: the form had no such field."""
    expires: str = "90"
    """One of `DAYS`, `DATE`, `NEVER`, or when a key is edited `KEEP`."""
    expires_on: str = ""
    chatflow_ids: tuple[str, ...] = ()
    permissions: PermissionSet = frozenset()
    search: str = ""
    """What was typed to find chatflows."""
    is_search: bool = False
    """Whether the form was sent to search for chatflows, and not to be done with."""

    @classmethod
    def of(cls, sent: Form) -> "KeyForm":
        """Return the form that was sent.

        Enter in the search field sends the form like Enter in any other: who changed the search means to
        search.
        """
        search = sent.text("chatflowSearch")
        pressed = sent.text("do")
        return cls(
            name=sent.text("keyName"),
            note=sent.text("note"),
            allowed_ips=sent.text("allowedIps"),
            customer=sent.text("customer").strip() if sent.has("customer") else None,
            expires=sent.text("expires"),
            expires_on=sent.text("expiresOn"),
            chatflow_ids=tuple(sent.all("chatflowIds")),
            permissions=frozenset(sent.all("permissions")),
            search=search,
            is_search=pressed == "search" or (pressed == "enter" and search != sent.text("searched")),
        )

    @classmethod
    def of_key(cls, key: ApiKey) -> "KeyForm":
        """Return the form of a key that nobody has changed yet."""
        return cls(
            name=key.name,
            note=key.note or "",
            allowed_ips="\n".join(key.allowed_ips),
            customer="" if key.customer is None else key.customer.external_id or key.customer.name,
            expires=KEEP,
            expires_on="" if key.expires_at is None else to_iso(key.expires_at)[:10],
            chatflow_ids=tuple(item.id for item in key.chatflows),
            permissions=key.permissions,
        )

    def new_key(self, caller: Caller, now: int) -> NewKey:
        """Return the key that the form asks for.

        Raises:
            InvalidInput: naming ``expiresAt``: nothing was chosen.
        """
        expires_at = self._expires_at(now)
        if isinstance(expires_at, msgspec.UnsetType):
            raise InvalidInput.of("expiresAt", "Choose when the key ends.")
        return NewKey(
            name=self.name,
            permissions=with_implied_views(self.permissions, caller.principal.permissions),
            chatflow_ids=self.chatflow_ids,
            expires_at=expires_at,
            note=self.note,
            allowed_ips=self._networks(),
        )

    def patch(self, caller: Caller, key: ApiKey, offered: PermissionSet, now: int) -> KeyPatch:
        """Return what the form changes of a key; `offered` are the permissions that it had boxes for.

        What it had no field for stays: permissions it did not offer, and chatflows for whoever may not bind.

        Raises:
            InvalidInput: naming ``expiresAt``: nothing was chosen.
        """
        permissions: PermissionSet | msgspec.UnsetType = msgspec.UNSET
        chosen = self.permissions & offered
        if chosen != key.permissions & offered:
            permissions = with_implied_views(chosen, caller.principal.permissions) | (
                key.permissions - offered
            )
        return KeyPatch(
            name=self.name,
            permissions=permissions,
            chatflow_ids=self.chatflow_ids if may_bind(caller) else msgspec.UNSET,
            expires_at=self._expires_at(now),
            note=self.note,
            allowed_ips=self._networks(),
        )

    def _networks(self) -> tuple[str, ...]:
        """Return what stands on the lines; people put commas between networks, too."""
        return tuple(_BETWEEN.sub(" ", self.allowed_ips).split())

    def _expires_at(self, now: int) -> int | msgspec.UnsetType | None:
        if self.expires == NEVER:
            return None
        if self.expires == DATE:
            return end_of_day(self.expires_on) or _NO_TIME
        return read_expiry(None, f"{self.expires}d", now) if self.expires in DAYS else msgspec.UNSET


def may_bind(caller: Caller) -> bool:
    """Tell whether the form has chatflows to choose: who may not see or bind them chooses none."""
    return caller.holds("chatflows:view") and caller.holds("chatflows:update")


def by_field(errors: Iterable[FieldError]) -> dict[str, str]:
    """Return what is wrong by field, several sentences about one field in one."""
    found: dict[str, str] = {}
    for error in errors:
        before = f"{found[error.field]} " if error.field in found else ""
        found[error.field] = before + error.message
    return found
