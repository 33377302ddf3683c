"""The triggers of quotas: what is changed by hand of them reaches the feed."""

from typing import Final

from flowkeys.storage.sqlite.ddl import _differ, _tell

QUOTAS: Final = (
    # Of migration 0019.
    _tell("key_quotas", f"UPDATE ON api_key {_differ('quotas')}", "key", "old", "id"),
    _tell("customer_quotas", f"UPDATE ON customer {_differ('quotas')}", "customer", "old", "id"),
)
