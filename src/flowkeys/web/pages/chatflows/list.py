"""``/chatflows``: which there are, whether they run, and who can call them."""

from typing import Final, cast, get_args
from urllib.parse import urlencode

import msgspec
from fastapi import Response
from starlette.datastructures import QueryParams

from flowkeys.domain.listing import ChatflowAccessFilter, ChatflowQuery, ChatflowSort
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.frame.paging import page_number
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

PATH: Final = "/chatflows"
PAGE_SIZE: Final = 25
_SEARCH_LENGTH: Final = 200
_RISING: Final = frozenset({"name"})
"""What people expect to rise when they sort by it; times fall: the latest first."""

COLUMNS: Final[tuple[tuple[ChatflowSort | None, str], ...]] = (
    ("name", "Name"),
    (None, "Status"),
    (None, "Who can call it"),
    ("lastCallAt", "Last call"),
    ("updatedAt", "Updated"),
)


class Shown(msgspec.Struct, frozen=True):
    """What of the list is shown: the page's address, read. What makes no sense there is passed over."""

    search: str = ""
    access: ChatflowAccessFilter | None = None
    sort: ChatflowSort = "updatedAt"
    descending: bool = True
    page: int = 1

    @classmethod
    def read(cls, asked: QueryParams) -> "Shown":
        """Return what an address asks for."""
        access = asked.get("access")
        sort = asked.get("sort", "-updatedAt")
        column = sort.removeprefix("-")
        known = column in {name for name, _ in COLUMNS}
        return cls(
            search=asked.get("search", "").strip()[:_SEARCH_LENGTH],
            access=cast("ChatflowAccessFilter", access) if access in get_args(ChatflowAccessFilter) else None,
            sort=cast("ChatflowSort", column) if known else "updatedAt",
            descending=sort.startswith("-") if known else True,
            page=page_number(asked),
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether anything is left out of the list."""
        return bool(self.search) or self.access is not None

    @property
    def sort_text(self) -> str:
        """The order as the address writes it: falling with a minus."""
        return f"{'-' if self.descending else ''}{self.sort}"

    @property
    def address(self) -> str:
        """The address of the list as it is shown, with nothing in it that goes without saying."""
        parts = {
            "search": self.search,
            "access": self.access or "",
            "sort": "" if self.sort_text == "-updatedAt" else self.sort_text,
            "page": "" if self.page == 1 else str(self.page),
        }
        query = urlencode({name: value for name, value in parts.items() if value})
        return f"{PATH}?{query}" if query else PATH

    def on_page(self, page: int) -> str:
        """Return the address of another page of the same list."""
        return msgspec.structs.replace(self, page=page).address

    def sorted_by(self, column: ChatflowSort) -> str:
        """Return the address of the list in a column's order; once more, and it turns round."""
        descending = not self.descending if column == self.sort else column not in _RISING
        return msgspec.structs.replace(self, sort=column, descending=descending, page=1).address

    def direction(self, column: ChatflowSort | None) -> str | None:
        """Return how the list is sorted by a column, in ARIA's words; None when it is not."""
        if column != self.sort:
            return None
        return "descending" if self.descending else "ascending"


@router.page("GET", PATH, needs="chatflows:view")
async def list_chatflows(call: PageCall) -> Response:
    """Show the chatflows."""
    shown = Shown.read(call.query_params)
    found = await call.services.chatflows.summaries(call.caller, _query(call, shown))
    last = max(1, -(-found.total // PAGE_SIZE))
    if shown.page > last:  # some were deleted since the address was made
        shown = msgspec.structs.replace(shown, page=last)
        found = await call.services.chatflows.summaries(call.caller, _query(call, shown))
    response = call.render(
        "chatflows/list.html",
        shown=shown,
        chatflows=found.items,
        total=found.total,
        first=(shown.page - 1) * PAGE_SIZE + 1,
        last_page=last,
        columns=COLUMNS,
    )
    if call.is_part:
        response.headers["HX-Push-Url"] = shown.address
    return response


def _query(call: PageCall, shown: Shown) -> ChatflowQuery:
    return ChatflowQuery(
        workspace_id=call.caller.workspace_id,
        search=shown.search,
        access=shown.access,
        sort=shown.sort,
        descending=shown.descending,
        limit=PAGE_SIZE,
        offset=(shown.page - 1) * PAGE_SIZE,
    )
