"""Forms that are sent once: one form makes one key."""

import asyncio

import pytest
import pytest_asyncio

from flowkeys.domain.errors import AlreadySent, InvalidInput
from flowkeys.domain.keys.digest import TokenHasher
from flowkeys.domain.principal import Caller
from flowkeys.service.forms import once
from flowkeys.service.keys.input import NewKey
from flowkeys.service.keys.keyring import Keyring
from tests.service.support import HOUR, House, caller

NEW = NewKey(name="Backend")


@pytest.fixture
def keyring(house: House) -> Keyring:
    """The keys of the house."""
    return Keyring(house.store, TokenHasher(["s" * 32]), house.clock)


@pytest_asyncio.fixture
async def ada(house: House) -> Caller:
    """Somebody who may do everything."""
    return caller(await house.owner())


def _keys(house: House) -> int:
    ((count,),) = house.rows("SELECT count(*) FROM api_key")
    return int(count)


async def test_a_form_makes_its_key(house: House, keyring: Keyring, ada: Caller) -> None:
    """A value that was just issued is good, and no two are the same."""
    assert once.issue(house.clock) != once.issue(house.clock)
    made = await keyring.create(ada, NEW, once.issue(house.clock))
    assert made.key.name == "Backend"


async def test_the_second_time_it_makes_nothing(house: House, keyring: Keyring, ada: Caller) -> None:
    """And names the key that it made the first time, whatever is written in the form now."""
    form = once.issue(house.clock)
    made = await keyring.create(ada, NEW, form)
    with pytest.raises(AlreadySent) as caught:
        await keyring.create(ada, NewKey(name="Another"), form)
    assert caught.value.subject_id == made.key.id
    assert _keys(house) == 1


async def test_sent_twice_at_once_it_makes_one_key(house: House, keyring: Keyring, ada: Caller) -> None:
    """Of many sends at the same moment one wins, and the others name its key."""
    form = once.issue(house.clock)
    answers = await asyncio.gather(
        *(keyring.create(ada, NEW, form) for _ in range(20)), return_exceptions=True
    )
    (made,) = [answer for answer in answers if not isinstance(answer, BaseException)]
    named = {answer.subject_id for answer in answers if isinstance(answer, AlreadySent)}
    assert named == {made.key.id}
    assert _keys(house) == 1


async def test_what_was_refused_has_spent_nothing(house: House, keyring: Keyring, ada: Caller) -> None:
    """A form that comes back with a mistake is sent again, corrected, as it is."""
    form = once.issue(house.clock)
    with pytest.raises(InvalidInput, match="chatflow"):
        await keyring.create(ada, NewKey(name="Backend", chatflow_ids=("nowhere",)), form)
    assert (await keyring.create(ada, NEW, form)).key.name == "Backend"


async def test_another_person_s_form_is_another_form(house: House, keyring: Keyring, ada: Caller) -> None:
    """Nobody learns of a key, or keeps another from making one, by sending another's value."""
    form = once.issue(house.clock)
    await keyring.create(ada, NEW, form)
    zoe = caller(await house.join("zoe@example.com"))
    await keyring.create(zoe, NEW, form)
    assert _keys(house) == 2


@pytest.mark.parametrize("age", [12 * HOUR, 48 * HOUR, -HOUR], ids=["12 hours", "2 days", "not yet"])
async def test_an_old_form_is_refused(house: House, keyring: Keyring, ada: Caller, age: int) -> None:
    """Its value is remembered for a day, so it must not be good for longer; nor may one be made ahead."""
    form = once.issue(lambda: house.clock() - age)
    with pytest.raises(InvalidInput) as caught:
        await keyring.create(ada, NEW, form)
    assert [(error.field, error.message) for error in caught.value.errors] == [
        ("form", "This form is too old. Send it again.")
    ]
    assert _keys(house) == 0


@pytest.mark.parametrize(
    "text", ["", ".", "1", "x.y", "1795400000000000.", "1795400000000000.short", "٣.x", "-1.x", "1" * 400]
)
async def test_what_is_no_such_value_is_refused(keyring: Keyring, ada: Caller, text: str) -> None:
    """Whatever a stranger writes into a hidden field."""
    with pytest.raises(InvalidInput, match="form"):
        await keyring.create(ada, NEW, text)


async def test_spent_values_are_forgotten_after_a_day(house: House, keyring: Keyring, ada: Caller) -> None:
    """What can no longer be sent need not be remembered; what is stored is a hash."""
    form = once.issue(house.clock)
    await keyring.create(ada, NEW, form)
    house.clock.pass_(25 * HOUR)
    await keyring.create(ada, NEW, once.issue(house.clock))
    rows = house.rows("SELECT * FROM sent_form")
    assert len(rows) == 1
    assert form not in str(rows)


async def test_without_a_form_nothing_is_remembered(house: House, keyring: Keyring, ada: Caller) -> None:
    """The API's callers send no form."""
    await keyring.create(ada, NEW)
    assert house.rows("SELECT * FROM sent_form") == []
