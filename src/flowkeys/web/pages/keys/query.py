"""Which keys the page shows: all of it is in the URL, so that it can be kept, sent and gone back to."""

from collections.abc import Mapping
from typing import Any, Final, Self, get_args
from urllib.parse import quote, urlencode

import msgspec

from flowkeys.domain.keys.api_key import Status
from flowkeys.domain.listing import KeyQuery, KeySort

PATH: Final = "/keys"
SIZES: Final = (12, 25, 50, 100)
STATUSES: Final = {
    "": "All but revoked",
    "active": "Active",
    "disabled": "Disabled",
    "expired": "Expired",
    "revoked": "Revoked",
    "all": "All",
}
SORTS: Final[tuple[KeySort, ...]] = get_args(KeySort)

_TEXT_LENGTH: Final = 200
_ID_LENGTH: Final = 64
_PAGE_DIGITS: Final = 9


class KeyList(msgspec.Struct, frozen=True, kw_only=True):
    """A list of keys as its URL names it: filters, an order, and a page of it."""

    search: str = ""
    status: str = ""
    """One of `STATUSES`."""
    chatflow: str = ""
    """A chatflow's id, or nothing."""
    customer: str = ""
    """A customer's id, or nothing."""
    created_by: str = ""
    """The id of a person or a key, or nothing."""
    sort: KeySort = "createdAt"
    descending: bool = True
    size: int = SIZES[0]
    page: int = 1

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> Self:
        """Return what a query asks for; what makes no sense is as if it were not there."""
        status = sent.get("status", "")
        signed = sent.get("sort", "")
        sort = signed.removeprefix("-")
        known = sort in SORTS
        return cls(
            search=sent.get("search", "").strip()[:_TEXT_LENGTH],
            status=status if status in STATUSES else "",
            chatflow=sent.get("chatflow", "").strip()[:_ID_LENGTH],
            customer=sent.get("customer", "").strip()[:_ID_LENGTH],
            created_by=sent.get("createdBy", "").strip()[:_ID_LENGTH],
            sort=sort if known else "createdAt",  # type: ignore[arg-type]  # it is one of SORTS
            descending=signed.startswith("-") or not known,
            size=_number(sent.get("size", ""), SIZES[0], SIZES),
            page=max(1, _number(sent.get("page", ""), 1)),
        )

    @property
    def is_filtered(self) -> bool:
        """Whether some keys are left out, beside revoked ones."""
        return bool(self.search or self.status or self.chatflow or self.customer or self.created_by)

    @property
    def signed_sort(self) -> str:
        """The order as the URL has it: ``-createdAt``."""
        return f"-{self.sort}" if self.descending else self.sort

    def at(self, **changes: Any) -> str:
        """Return the URL of this list with changes, at page 1 unless they name another."""
        return msgspec.structs.replace(self, **{"page": 1, **changes}).url

    @property
    def url(self) -> str:
        """The URL of exactly this list, with what is not as usual."""
        query = self.query_string
        return f"{PATH}?{query}" if query else PATH

    @property
    def query_string(self) -> str:
        """What `read` reads."""
        return urlencode(self.fields, quote_via=quote)

    @property
    def fields(self) -> list[tuple[str, str]]:
        """What a form sends, or a query says, to name this list: all that is not as usual."""
        usual = KeyList()
        parts = (
            ("search", self.search, usual.search),
            ("status", self.status, usual.status),
            ("chatflow", self.chatflow, usual.chatflow),
            ("customer", self.customer, usual.customer),
            ("createdBy", self.created_by, usual.created_by),
            ("sort", self.signed_sort, usual.signed_sort),
            ("size", self.size, usual.size),
            ("page", self.page, usual.page),
        )
        return [(name, str(value)) for name, value, same in parts if value != same]

    def query(self, workspace_id: str) -> KeyQuery:
        """Return what the service is asked."""
        status: Any = self.status if self.status in {"", "all"} else Status(self.status)
        return KeyQuery(
            workspace_id=workspace_id,
            search=self.search,
            status=status or None,
            chatflow_id=self.chatflow or None,
            customer_id=self.customer or None,
            created_by_id=self.created_by or None,
            sort=self.sort,
            descending=self.descending,
            limit=self.size,
            offset=(self.page - 1) * self.size,
        )

    def pages(self, total: int) -> int:
        """Return how many pages `total` keys are, at least one."""
        return max(1, -(-total // self.size))


def _number(text: str, otherwise: int, allowed: tuple[int, ...] = ()) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _PAGE_DIGITS):
        return otherwise
    number = int(text)
    return number if not allowed or number in allowed else otherwise
