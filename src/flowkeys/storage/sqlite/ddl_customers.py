"""The triggers of customers: they count and collect keys, and tell caches of what is changed by hand."""

from typing import Final

from flowkeys.storage.sqlite.ddl import (
    _OF_KEY,
    _add_marks,
    _differ,
    _remove_marks,
    _tell,
    _tell_of_replaced,
)

_OF_CUSTOMER: Final = ("id", "workspace_id", "name", "external_id", "status")
_COUNT_KEY: Final = """UPDATE customer SET key_count = key_count + 1
            WHERE id = new.customer_id AND new.status <> 'revoked';"""
_UNCOUNT_KEY: Final = """UPDATE customer SET key_count = key_count - 1
            WHERE id = old.customer_id AND old.status <> 'revoked';"""
_OLD_CUSTOMER: Final = "'customer:' || old.customer_id"
_NEW_CUSTOMER: Final = ("'customer:' || new.customer_id", "seq")

CUSTOMERS: Final = (
    # Of migration 0015. A change of a customer is told of as one, however many keys it has.
    "DROP TRIGGER change_key_update",
    _tell(
        "key_update",
        f"UPDATE ON api_key {_differ(*_OF_KEY, 'allowed_ips', 'customer_id')}",
        "key",
        "old",
        "id",
    ),
    _tell("customer_insert", "INSERT ON customer", "customer", "new", "id"),
    _tell("customer_update", f"UPDATE ON customer {_differ(*_OF_CUSTOMER)}", "customer", "old", "id"),
    _tell("customer_renamed", f"UPDATE ON customer {_differ('id')}", "customer", "new", "id"),
    _tell("customer_delete", "DELETE ON customer", "customer", "old", "id"),
    *_tell_of_replaced("customer", "customer", "id", "seq", "external_id"),
    # How many keys of a customer are not revoked, and the set of all of them.
    f"""CREATE TRIGGER customer_key_insert AFTER INSERT ON api_key WHEN new.customer_id IS NOT NULL BEGIN
        {_COUNT_KEY}
        {_add_marks("new", _NEW_CUSTOMER)}
    END""",
    f"""CREATE TRIGGER customer_key_update AFTER UPDATE ON api_key
    WHEN (old.customer_id IS NOT NULL OR new.customer_id IS NOT NULL)
        AND (old.customer_id IS NOT new.customer_id OR old.status IS NOT new.status OR old.seq IS NOT new.seq
            OR old.workspace_id IS NOT new.workspace_id)
    BEGIN
        {_UNCOUNT_KEY}
        {_remove_marks("old", "seq", _OLD_CUSTOMER)}
        {_COUNT_KEY}
        {_add_marks("new", _NEW_CUSTOMER)}
    END""",
    f"""CREATE TRIGGER customer_key_delete AFTER DELETE ON api_key WHEN old.customer_id IS NOT NULL BEGIN
        {_UNCOUNT_KEY}
        {_remove_marks("old", "seq", _OLD_CUSTOMER)}
    END""",
)

CUSTOMER_LIMITS: Final = (
    # Of migration 0018. What is changed by hand of how often its keys may call reaches the feed too.
    _tell("customer_limits", f"UPDATE ON customer {_differ('rate_limits')}", "customer", "old", "id"),
)
