"""Conversations that are larger than anybody reads: a page of them stays a page."""

import msgspec
import pytest

from flowkeys.bootstrap import clock
from flowkeys.domain.ids import new_id
from flowkeys.domain.predictions.conversation import Message, Role
from flowkeys.storage.postgres.adapting import INSTEAD_OF_NUL
from flowkeys.web.pages.predictions.said import LONGEST
from tests.pages.place import Place
from tests.pages.reading import words
from tests.support.databases import ON_POSTGRES
from tests.support.server import Running

MORE = "There is more of this message than a page shows"


@pytest.fixture
def place(server: Running) -> Place:
    """A workspace of its own."""
    return Place(server)


def talk(place: Place, chatflow_id: str, *messages: Message) -> str:
    """Store messages of the owner's; return the address of the conversation."""
    person = place.owner.person
    made = [
        msgspec.structs.replace(item, workspace_id=place.id, chatflow_id=chatflow_id, person_id=person.id)
        for item in messages
    ]
    place.server.do(place.server.runtime.store.write(lambda tx: tx.messages.add(made)))
    listed = place.get(f"/chatflows/{chatflow_id}/conversations", place.owner).text
    return listed.split('class="conversation-first" href="')[1].split('"')[0]


def message(content: str, role: Role = Role.USER, **details: object) -> Message:
    """Return a message of one session."""
    return Message(
        id=new_id(),
        workspace_id="",
        chatflow_id="",
        key_id=None,
        session_id="11111111-1111-4111-8111-111111111111",
        chat_id="",
        role=role,
        content=content,
        details=dict(details),
        created_at=clock(),
    )


@pytest.mark.parametrize("where", ["a conversation", "the pane"])
def test_a_long_message_is_cut_and_says_where_the_rest_is(place: Place, where: str) -> None:
    """Of each message only the beginning is shown; one of exactly that length is whole."""
    chatflow = place.chatflow("Patient")
    ends = [message("é" * LONGEST), message("x" * LONGEST + "END")]
    address = talk(place, chatflow, *ends)
    if where == "the pane":
        address = f"/chatflows/{chatflow}/try?session={ends[0].session_id}"
    page = place.get(address, place.owner)
    assert page.text.count("é") == LONGEST
    assert "x" * LONGEST in page.text
    assert "END" not in page.text
    assert words(page).count(MORE) == 1
    assert f"/api/v1/chatflows/{chatflow}/messages" in page.text


def test_what_follows_a_nul_is_shown_and_cut_too(place: Place) -> None:
    """A character like any other, though the database takes it for the end of a text."""
    chatflow = place.chatflow("Odd")
    page = place.get(talk(place, chatflow, message("a\0" + "é" * LONGEST), message("b\0after")), place.owner)
    assert page.text.count("é") == LONGEST - 2
    assert f"b{INSTEAD_OF_NUL if ON_POSTGRES else chr(0)}after" in page.text
    assert words(page).count(MORE) == 1


def test_a_hundred_large_messages_make_no_huge_page(place: Place) -> None:
    """Nor do their sources, of which the latest answers' are shown."""
    chatflow = place.chatflow("Talkative")
    sources = [{"pageContent": "p" * 4000, "metadata": {"source": "guide"}} for _ in range(20)]
    answers = [message("a" * 100_000, Role.ASSISTANT, sourceDocuments=sources) for _ in range(100)]
    page = place.get(talk(place, chatflow, message("hi"), *answers), place.owner)
    assert page.status_code == 200
    assert len(page.content) < 4_000_000
    assert 20 <= page.text.count('class="source-name" dir="auto">guide') <= 130


def test_details_that_are_huge_are_left_out(place: Place) -> None:
    """And that is said; the answer itself is there."""
    chatflow = place.chatflow("Wordy")
    huge = message("short", Role.ASSISTANT, sourceDocuments=[{"pageContent": "p" * 200_000}])
    page = place.get(talk(place, chatflow, message("hi"), huge), place.owner)
    assert "short" in words(page)
    assert "ppp" not in page.text
    assert words(page).count(MORE) == 1


def test_messages_are_whole_in_the_api(place: Place) -> None:
    """As the page says."""
    chatflow = place.chatflow("Whole")
    talk(place, chatflow, message("x" * LONGEST + "END"))
    api = place.server.owner(place.name)
    assert api.get(f"/chatflows/{chatflow}/messages").json()["data"][0]["content"].endswith("END")
