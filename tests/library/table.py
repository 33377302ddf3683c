"""Headers, and what every way into the library says of them."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from flowkeys.domain.keys.token import checksum
from flowkeys.verify import FixedKey

_BODIES = [f"AbCdEfGhIjKlMnOpQrStUvWxY{number}" for number in range(10)]
_TOKENS = (f"fl-{body}{checksum(body)}" for body in _BODIES)
# The same each time: they are part of the names of tests.
GOOD, VIEWER, EXPIRED, DISABLED, REVOKED, STRANGER, NEAR, FAR, OWNED, PAUSED = _TOKENS
ADDRESS = "127.0.0.1"
"""Where the calls of the table come from."""
CHATFLOW, OTHER, PUBLIC = "c-bound", "c-other", "c-public"
KEYS = [
    FixedKey(token=GOOD, id="good", name="Good", chatflow_ids=[CHATFLOW]),
    FixedKey(token=VIEWER, id="viewer", permissions=["logs:view"]),
    FixedKey(token=EXPIRED, id="expired", expires_at=datetime.now(UTC) - timedelta(seconds=1)),
    FixedKey(token=DISABLED, id="disabled", disabled=True),
    FixedKey(token=REVOKED, id="revoked", revoked=True),
    FixedKey(token=NEAR, id="near", allowed_ips=["192.0.2.0/24", "127.0.0.0/8"]),
    FixedKey(token=FAR, id="far", allowed_ips=["192.0.2.0/24"]),
    FixedKey(token=OWNED, id="owned", customer_id="c-1", customer_external_id="crm-1", customer_name="Acme"),
    FixedKey(token=PAUSED, id="paused", customer_id="c-2", customer_disabled=True),
]


class Case(NamedTuple):
    """Headers as they arrive, and the answer; the code of a good key is ``valid``."""

    what: str
    headers: list[tuple[bytes, bytes]]
    status: int
    code: str


def bearer(token: str, form: str = "Bearer {}") -> list[tuple[bytes, bytes]]:
    """Return one header with a token."""
    return [(b"authorization", form.format(token).encode("latin-1"))]


_FLIPPED = GOOD[:-1] + ("a" if GOOD[-1] != "a" else "b")
CASES = [
    Case("no header", [], 401, "missing_credentials"),
    Case("a good key", bearer(GOOD), 200, "valid"),
    Case("scheme in lower case", bearer(GOOD, "bearer {}"), 200, "valid"),
    Case("scheme in upper case", bearer(GOOD, "BEARER {}"), 200, "valid"),
    Case("more spaces", bearer(GOOD, "Bearer   {}"), 200, "valid"),
    Case("white space around", bearer(GOOD, "  Bearer {} \t"), 200, "valid"),
    Case("a tab between", bearer(GOOD, "Bearer\t{}"), 400, "invalid_request"),
    Case("no scheme", bearer(GOOD, "{}"), 400, "invalid_request"),
    Case("another scheme", bearer(GOOD, "Basic {}"), 400, "invalid_request"),
    Case("two schemes", bearer(GOOD, "Bearer Bearer {}"), 400, "invalid_request"),
    Case("a comma", bearer(GOOD, "Bearer {},x"), 400, "invalid_request"),
    Case("a list of two", bearer(GOOD, "Bearer {0}, Bearer {0}"), 400, "invalid_request"),
    Case("a quoted token", bearer(GOOD, 'Bearer "{}"'), 400, "invalid_request"),
    Case("two tokens", bearer(GOOD, "Bearer {0} {0}"), 400, "invalid_request"),
    Case("empty", [(b"authorization", b"")], 400, "invalid_request"),
    Case("scheme alone", [(b"authorization", b"Bearer")], 400, "invalid_request"),
    Case("scheme and a space", [(b"authorization", b"Bearer ")], 400, "invalid_request"),
    Case("not ASCII", [(b"authorization", b"Bearer \xff\xfe")], 400, "invalid_request"),
    Case("a NUL", bearer(GOOD, "Bearer {}\0"), 400, "invalid_request"),
    Case("SQL", [(b"authorization", b"Bearer ' OR 1=1 --")], 400, "invalid_request"),
    Case("two headers", bearer(GOOD) + bearer(GOOD), 400, "invalid_request"),
    Case("two headers, the first bad", bearer(STRANGER) + bearer(GOOD), 400, "invalid_request"),
    Case("another header", [(b"x-api-key", GOOD.encode())], 401, "missing_credentials"),
    Case(
        "a proxy's header", [(b"proxy-authorization", b"Bearer " + GOOD.encode())], 401, "missing_credentials"
    ),
    Case("an identity from outside", [(b"x-auth-key-id", b"good")], 401, "missing_credentials"),
    Case("a cookie", [(b"cookie", b"authorization=Bearer " + GOOD.encode())], 401, "missing_credentials"),
    Case("unknown", bearer(STRANGER), 401, "unknown_key"),
    Case("a wrong checksum", bearer(_FLIPPED), 401, "unknown_key"),
    Case("a prefix of a good key", bearer(GOOD[:20]), 401, "unknown_key"),
    Case("a good key and more", bearer(GOOD + "0"), 401, "unknown_key"),
    Case("another case", bearer(GOOD.swapcase()), 401, "unknown_key"),
    Case("very long", bearer("a" * 20_000), 401, "unknown_key"),
    Case("expired", bearer(EXPIRED), 401, "expired_key"),
    Case("disabled", bearer(DISABLED), 401, "disabled_key"),
    Case("revoked", bearer(REVOKED), 401, "revoked_key"),
    Case("of a customer", bearer(OWNED), 200, "valid"),
    Case("of a disabled customer", bearer(PAUSED), 401, "disabled_key"),
    Case("from its network", bearer(NEAR), 200, "valid"),
    Case("from elsewhere", bearer(FAR), 403, "ip_not_allowed"),
    Case(
        "from elsewhere, it says otherwise",
        [*bearer(FAR), (b"x-forwarded-for", b"192.0.2.1")],
        403,
        "ip_not_allowed",
    ),
]
NAMES = [case.what for case in CASES]
