"""The audit log for commands, of a server. Apart from the other: it loads the HTTP client."""

from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec

from flowkeys.cli.backends.backend import AuditFilter, Json, Listed, Part
from flowkeys.client.call import Call, Listing, as_listing, as_type, following, path, query
from flowkeys.client.sync import Client

_anything: Final = as_type(object)


class RemoteAudit:
    """The log of a server, with the right of a key."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def entries(self, wanted: AuditFilter, part: Part) -> Listed:
        """Return entries."""
        params = _params(wanted) | query(page=part.page, limit=part.limit)
        found = self._client.run(Call(method="GET", path=path("audit"), params=params, decode=_anything))
        return cast("Listed", found)

    def every(self, wanted: AuditFilter) -> Iterator[Json]:
        """Yield all entries, a thousand in a call: each can be asked for again when it broke off."""
        call: Call[Listing[Json]] | None = Call(
            method="GET", path=path("audit"), params=_params(wanted), decode=as_listing(list[dict[str, Any]])
        )
        while call is not None:
            part = self._client.run(call)
            yield from part.items
            call = following(call, part)

    def head(self) -> Json:
        """Return the head."""
        found: Json = self._client.run(
            Call(method="GET", path=path("audit", "head"), decode=as_type(dict[str, Any]))
        )
        return found


def _params(wanted: AuditFilter) -> dict[str, str]:
    named = {**msgspec.structs.asdict(wanted), "from": wanted.since, "to": wanted.until}
    return query(**{name: value for name, value in named.items() if name not in {"since", "until"}})
