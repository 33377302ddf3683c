"""Which keys somebody should look at."""

from msgspec.structs import replace

from flowkeys.domain.errors import NotFound
from flowkeys.domain.keys.api_key import ApiKey
from flowkeys.domain.keys.report import Counted, Report
from flowkeys.domain.listing import Page
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.service.ports.store import Store, Transaction


class KeyReports:
    """The reports; what is done about the keys in them, `Keyring` does."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def all(self, caller: Caller) -> list[Counted]:
        """Return every report with the number of keys in it.

        Raises:
            Forbidden: the caller lacks ``apikeys:view``.
        """
        caller.require("apikeys:view")
        now = self._clock()

        def work(tx: Transaction) -> list[Counted]:
            return [
                Counted(
                    report,
                    tx.key_reports.fetch(caller.workspace_id, report, now, 0, 0)[1],
                    tx.key_reports.since(report),
                )
                for report in Report
            ]

        return await self._store.read(work)

    async def page(self, caller: Caller, name: str, limit: int, offset: int = 0) -> Page[ApiKey]:
        """Return keys of a report, the first made first, and how many are in it.

        Raises:
            Forbidden: the caller lacks ``apikeys:view``.
            NotFound: there is no such report.
        """
        caller.require("apikeys:view")
        report, now = named(name), self._clock()

        def work(tx: Transaction) -> Page[ApiKey]:
            ids, total = tx.key_reports.fetch(caller.workspace_id, report, now, limit, offset)
            keys = tx.keys.some(caller.workspace_id, ids)
            if report is Report.UNUSED_PERMISSIONS:
                unused = tx.key_reports.unused_permissions(caller.workspace_id, ids)
                keys = [replace(key, unused_permissions=unused.get(key.id, ())) for key in keys]
            return Page(keys, total)

        return await self._store.read(work)

    async def says(self, caller: Caller, name: str) -> str:
        """Return what a report means, and since when that is known; raises what `page` raises."""
        caller.require("apikeys:view")
        report = named(name)
        since = await self._store.read(lambda tx: tx.key_reports.since(report))
        return Counted(report, 0, since).says


def named(name: str) -> Report:
    """Return the report of this name.

    Raises:
        NotFound: there is none.
    """
    try:
        return Report(name)
    except ValueError:
        raise NotFound(f"report: {name}. There are {', '.join(Report)}") from None
