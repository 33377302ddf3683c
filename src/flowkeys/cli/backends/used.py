"""Usage, of the data directory and over HTTP."""

from flowkeys.bootstrap import Runtime
from flowkeys.cli.backends.backend import Listed, UsageOf
from flowkeys.domain.principal import Caller
from flowkeys.service.usage.periods import Asked
from flowkeys.web.api import usage_forms


async def stored(runtime: Runtime, caller: Caller, of: UsageOf) -> Listed:
    """Return how much was used, as far as it is stored: a server that runs has a few seconds more."""
    asked, reports = Asked(first=of.first, end=of.end, step=of.step), runtime.reports
    if of.key_id is not None:
        return usage_forms.steps(await reports.of_key(caller, of.key_id, asked))
    if of.chatflow_id is not None:
        return usage_forms.steps(await reports.of_chatflow(caller, of.chatflow_id, asked))
    if of.customer_id is not None:
        return usage_forms.steps(await reports.of_customer(caller, of.customer_id, asked))
    return usage_forms.summary(await reports.summary(caller, asked))


def target(of: UsageOf) -> tuple[str, dict[str, str]]:
    """Return the path and the query of a call that asks for it."""
    from flowkeys.client.call import path, query

    params = query(**{"from": of.first, "to": of.end, "step": of.step})
    if of.key_id is not None:
        return path("apikey", of.key_id, "usage"), params
    if of.chatflow_id is not None:
        return path("chatflows", of.chatflow_id, "usage"), params
    if of.customer_id is not None:
        return path("customers", of.customer_id, "usage"), params
    return path("usage", "summary"), params
