"""What every list has in common: paging, and the link to what comes next."""

from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from fastapi import Query, Request, Response

from flowkeys.domain.listing import UNPAGED_LIMIT
from flowkeys.web.routes import json_response

MAX_PAGE = 1_000_000

PageNumber = Annotated[
    int | None,
    Query(ge=1, le=MAX_PAGE, description="From 1. With it the answer is `{total, data}`."),
]
PageLimit = Annotated[int | None, Query(ge=1, le=UNPAGED_LIMIT, description="Items a page.")]
Before = Annotated[
    str | None, Query(max_length=64, description="Only what is older than this id; follow `Link`.")
]
SearchText = Annotated[str, Query(max_length=200)]

DEFAULT_LIMIT = 12


class Slice(msgspec.Struct, frozen=True):
    """Which part of a list is asked for."""

    paged: bool
    limit: int
    offset: int

    @classmethod
    def of(cls, page: int | None, limit: int | None) -> "Slice":
        """Return the slice of a page, or of the whole list as far as one answer goes."""
        if page is None:
            return cls(paged=False, limit=limit or UNPAGED_LIMIT, offset=0)
        size = limit or DEFAULT_LIMIT
        return cls(paged=True, limit=size, offset=(page - 1) * size)


def list_response(
    request: Request, part: Slice, items: list[dict[str, Any]], total: int, *, linked: bool
) -> Response:
    """Return an array, or a page.

    An array that is not the whole says where the rest is, when `linked`: when its order is newest first.
    """
    if part.paged:
        return json_response({"total": total, "data": items})
    headers = {}
    if linked and len(items) == part.limit:
        query = {**request.query_params, "before": items[-1]["id"]}
        headers["Link"] = f'<{request.url.path}?{urlencode(query)}>; rel="next"'
    return json_response(items, headers=headers)
