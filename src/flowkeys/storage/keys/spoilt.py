"""Rows of keys that were spoilt by hand, in SQL: how they are known, and how they are found.

SQLite keeps what it is given, whatever the column's type says.
"""

from typing import Final

import msgspec

from flowkeys.domain.customers.customer import CustomerStatus
from flowkeys.domain.keys.api_key import Status
from flowkeys.domain.limits.quota import LENGTHS, Unit

SPOILT: Final = (ValueError, TypeError, AttributeError, LookupError, msgspec.MsgspecError)
"""What reading a spoilt row raises."""

_STATUSES: Final = ", ".join(f"'{status.value}'" for status in Status)
_CUSTOMER_STATUSES: Final = ", ".join(f"'{status.value}'" for status in CustomerStatus)

_UNITS: Final = ", ".join(f"'{unit.value}'" for unit in Unit)
_STEPS: Final = ", ".join(f"'{step}'" for step in LENGTHS)


def _no_list(column: str) -> str:
    return f"""{column} IS NOT NULL AND CASE WHEN NOT json_valid({column}) THEN 1
    WHEN json_type({column}) <> 'array' THEN 1
    ELSE json_array_length({column}) = 0
        OR EXISTS (SELECT 1 FROM json_each({column}) WHERE type <> 'object') END"""  # noqa: S608 - names of columns


# `json_valid` first: the others break on what is no JSON. Text that is no UTF-8 is not found, only met.
FIND_SPOILT: Final = f"""SELECT id FROM api_key WHERE status NOT IN ({_STATUSES})
        OR typeof(name) <> 'text' OR typeof(expires_at) NOT IN ('integer', 'null')
        OR typeof(permissions) <> 'text' OR CASE
            WHEN NOT json_valid(permissions) THEN 1
            WHEN json_type(permissions) <> 'array' THEN 1
            ELSE EXISTS (SELECT 1 FROM json_each(permissions) WHERE type <> 'text') END
        OR CASE WHEN allowed_ips IS NULL THEN 0
            WHEN NOT json_valid(allowed_ips) THEN 1
            WHEN json_type(allowed_ips) <> 'array' THEN 1
            ELSE json_array_length(allowed_ips) = 0
                OR EXISTS (SELECT 1 FROM json_each(allowed_ips) WHERE type <> 'text') END
    UNION SELECT k.id FROM api_key k
        LEFT JOIN customer c ON c.id = k.customer_id AND c.workspace_id = k.workspace_id
        WHERE k.customer_id IS NOT NULL AND (c.id IS NULL OR c.status NOT IN ({_CUSTOMER_STATUSES})
            OR typeof(c.name) <> 'text' OR typeof(c.external_id) NOT IN ('text', 'null')
            OR {_no_list("c.rate_limits")} OR {_no_list("c.quotas")})
    UNION SELECT id FROM api_key WHERE {_no_list("rate_limits")}
    UNION SELECT id FROM api_key WHERE {_no_list("quotas")}
    UNION SELECT key_id FROM binding WHERE {_no_list("rate_limits")}
    UNION SELECT k.id FROM quota_use u JOIN api_key k ON k.workspace_id = u.workspace_id
        AND (k.id = u.subject_id AND k.quotas IS NOT NULL OR k.customer_id = u.subject_id)
        WHERE typeof(u.used) <> 'integer' OR typeof(u.time) <> 'integer'
            OR u.unit NOT IN ({_UNITS}) OR u.step NOT IN ({_STEPS})
    UNION SELECT key_id FROM token WHERE typeof(valid_until) NOT IN ('integer', 'null')
        OR typeof(replaced_at) NOT IN ('integer', 'null') ORDER BY 1"""  # noqa: S608
"""The ids of keys that cannot be read; a look at every key."""


def check_types(name: object, *times: object) -> None:
    """See to it that a name is text and that times are numbers, or none.

    Raises:
        TypeError: one is something else.
    """
    if type(name) is not str:
        raise TypeError("The name is no text.")
    for time in times:
        if time is not None and type(time) is not int:
            raise TypeError("A time is no number.")
