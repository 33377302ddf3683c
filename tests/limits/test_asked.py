"""What applies to a call: remembered for a record, and found out anew as soon as anything of it is other."""

import sys

from msgspec.structs import replace

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.customers.customer import KeyCustomer
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.terms import Terms
from flowkeys.domain.limits.gcra import BINDING, CHATFLOW, CUSTOMER, KEY
from flowkeys.domain.limits.quota import Quotas, parse_quotas
from flowkeys.domain.limits.rate import Limits, parse_limits
from flowkeys.service.keys import asked
from flowkeys.service.keys.asked import AskedOf

OWN, OTHER, THEIRS = (Limits(parse_limits([text])) for text in ("10/second, 20/minute", "5/day", "7/hour"))
QUOTAS = Quotas(parse_quotas(["100/month"]))
CHAT = ChatflowAccess("c1", "w", is_public=False, version=1)


def record_of(number: int = 1, **terms: object) -> KeyRecord:
    """Return the record of a key."""
    return KeyRecord.of(
        key_id=f"k{number}",
        workspace_id="w",
        name="One",
        terms=Terms(**terms),  # type: ignore[arg-type]
    )


def test_is_put_together_once_for_a_record() -> None:
    """Calls with one record share what applies to them."""
    record = record_of(limits=OWN, quotas=QUOTAS, customer=KeyCustomer("x", "X", limits=THEIRS))
    of = AskedOf().of
    found = of(record, CHAT, None)
    assert found.limits == ((KEY, "k1", OWN), (CUSTOMER, "x", THEIRS))
    assert found.quotas == ((KEY, "k1", "w", QUOTAS),)
    assert of(record, CHAT, None) is of(record, None, None) is found


def test_a_record_that_was_read_again_is_asked_anew() -> None:
    """A change of a key makes another record, and limits that were lifted or set are so at once."""
    of = AskedOf().of
    record = record_of(limits=OWN, quotas=QUOTAS)
    of(record, None, None)
    changed = replace(record, terms=Terms(limits=OTHER))
    assert (of(changed, None, None).limits, of(changed, None, None).quotas) == (((KEY, "k1", OTHER),), ())
    assert of(replace(record, terms=Terms()), None, None).limits == ()
    assert of(record, None, None).limits == ((KEY, "k1", OWN),)


def test_what_a_chatflow_asks_is_never_taken_from_another() -> None:
    """Limits of a chatflow apply to its calls alone."""
    of = AskedOf().of
    record = record_of(limits=OWN)
    limited = replace(CHAT, id="c2", limits=OTHER)
    for _ in range(2):
        assert of(record, CHAT, None).limits == ((KEY, "k1", OWN),)
        assert of(record, limited, None).limits == ((KEY, "k1", OWN), (CHATFLOW, "c2", OTHER))
        assert of(replace(record, terms=None), limited, None).limits == ((CHATFLOW, "c2", OTHER),)


def test_what_a_key_may_call_one_chatflow_holds_for_that_one() -> None:
    """Limits of a key on a chatflow apply there alone."""
    of = AskedOf().of
    record = record_of(limits=OWN, bindings={"c1": OTHER})
    for _ in range(2):
        assert of(record, None, None).limits == ((KEY, "k1", OWN),)
        assert of(record, CHAT, None).limits == ((KEY, "k1", OWN), (BINDING, "k1\nc1", OTHER))
        assert of(record, replace(CHAT, id="c2"), None).limits == ((KEY, "k1", OWN),)


def test_so_much_is_remembered_and_no_more() -> None:
    """A server with more keys than are remembered goes on, in the memory that is stated."""
    known = AskedOf()
    for number in range(asked._REMEMBERED + 1):
        found = known.of(record_of(number, limits=OWN), None, None)
    assert found.limits == ((KEY, f"k{asked._REMEMBERED}", OWN),)
    assert len(known.known) == 1
    each = sum(sys.getsizeof(part) for part in (found, found.limits, found.limits[0], found.limits[0][1]))
    assert each < 400
