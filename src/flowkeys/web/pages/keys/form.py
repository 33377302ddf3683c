"""What stands in the fields of a key's form, and what it means."""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.domain.keys.api_key import ApiKey
from flowkeys.domain.limits.quota import Quota
from flowkeys.domain.limits.rate import RateLimit
from flowkeys.domain.permissions import PermissionSet, with_implied_views
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import end_of_day, to_iso
from flowkeys.service.keys.input import KeyPatch, NewKey, checked, read_expiry
from flowkeys.web.pages.form import Form
from flowkeys.web.pages.limits.quotas import QuotaRows
from flowkeys.web.pages.limits.rates import LimitRows

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
    limits: LimitRows = LimitRows()
    quotas: QuotaRows = QuotaRows()
    expires: str = "90"
    """One of `DAYS`, `DATE`, `NEVER`, or when a key is edited `KEEP`."""
    expires_on: str = ""
    chatflow_ids: tuple[str, ...] = ()
    permissions: PermissionSet = frozenset()
    search: str = ""
    """What was typed to find chatflows."""
    is_unfinished: bool = False
    """Whether the form was sent to search for chatflows, or one more limit or quota: not to be done with."""

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
            limits=(limits := LimitRows.of(sent)),
            quotas=(quotas := QuotaRows.of(sent)),
            expires=sent.text("expires"),
            expires_on=sent.text("expiresOn"),
            chatflow_ids=tuple(sent.all("chatflowIds")),
            permissions=frozenset(sent.all("permissions")),
            search=search,
            is_unfinished=pressed == "search"
            or limits.is_longer
            or quotas.is_longer
            or (pressed == "enter" and search != sent.text("searched")),
        )

    @classmethod
    def of_key(cls, key: ApiKey) -> "KeyForm":
        """Return the form of a key that nobody has changed yet."""
        return cls(
            name=key.name,
            note=key.note or "",
            allowed_ips="\n".join(key.allowed_ips),
            customer="" if key.customer is None else key.customer.external_id or key.customer.name,
            limits=LimitRows.of_limits(key.rate_limits),
            quotas=QuotaRows.of_quotas(key.quotas),
            expires=KEEP,
            expires_on="" if key.expires_at is None else to_iso(key.expires_at)[:10],
            chatflow_ids=tuple(item.id for item in key.chatflows),
            permissions=key.permissions,
        )

    def new_key(self, caller: Caller, now: int) -> NewKey:
        """Return the key that the form asks for.

        Raises:
            InvalidInput: when nothing was chosen for ``expiresAt``, or ``rateLimits`` or ``quotas`` are none:
                naming all that is wrong.
        """
        errors: list[FieldError] = []
        expires_at = self._expires_at(now)
        if isinstance(expires_at, msgspec.UnsetType):
            errors.append(FieldError("expiresAt", "Choose when the key ends."))
        new = NewKey(
            name=self.name,
            permissions=with_implied_views(self.permissions, caller.principal.permissions),
            chatflow_ids=self.chatflow_ids,
            expires_at=None if isinstance(expires_at, msgspec.UnsetType) else expires_at,
            note=self.note,
            allowed_ips=self._networks(),
            rate_limits=self._limits(errors),
            quotas=self._quotas(errors),
        )
        _refuse(errors, new.as_patch(), now)
        return new

    def patch(self, caller: Caller, key: ApiKey, offered: PermissionSet, now: int) -> KeyPatch:
        """Return what the form changes of a key; `offered` are the permissions that it had boxes for.

        What it had no field for stays: permissions it did not offer, and chatflows for whoever may not bind.

        Raises:
            InvalidInput: when ``rateLimits`` or ``quotas`` are none: naming all that is wrong.
        """
        errors: list[FieldError] = []
        permissions: PermissionSet | msgspec.UnsetType = msgspec.UNSET
        chosen = self.permissions & offered
        if chosen != key.permissions & offered:
            permissions = with_implied_views(chosen, caller.principal.permissions) | (
                key.permissions - offered
            )
        patch = KeyPatch(
            name=self.name,
            permissions=permissions,
            chatflow_ids=self.chatflow_ids if may_bind(caller) else msgspec.UNSET,
            expires_at=self._expires_at(now),
            note=self.note,
            allowed_ips=self._networks(),
            rate_limits=self._limits(errors),
            quotas=self._quotas(errors),
        )
        _refuse(errors, patch, now)
        return patch

    def _quotas(self, errors: list[FieldError]) -> tuple[Quota, ...]:
        """Return the quotas; what is wrong with them is added to `errors`."""
        try:
            return self.quotas.read()
        except InvalidInput as refused:
            errors += refused.errors
            return ()

    def _limits(self, errors: list[FieldError]) -> tuple[RateLimit, ...]:
        """Return the limits; what is wrong with them is added to `errors`."""
        try:
            return self.limits.read()
        except InvalidInput as refused:
            errors += refused.errors
            return ()

    def _networks(self) -> tuple[str, ...]:
        """Return what stands on the lines; people put commas between networks, too."""
        return tuple(_BETWEEN.sub(" ", self.allowed_ips).split())

    def _expires_at(self, now: int) -> int | msgspec.UnsetType | None:
        if self.expires == NEVER:
            return None
        if self.expires == DATE:
            return end_of_day(self.expires_on) or _NO_TIME
        return read_expiry(None, f"{self.expires}d", now) if self.expires in DAYS else msgspec.UNSET


def _refuse(errors: list[FieldError], patch: KeyPatch, now: int) -> None:
    """Raise `InvalidInput` when there are errors, with all else that is wrong: nobody sends a form twice."""
    if not errors:
        return
    try:
        checked(patch, now)
    except InvalidInput as refused:
        errors += refused.errors
    raise InvalidInput(*errors)


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
