"""``POST /apikey/:id/rotate`` as the simplest program sends it."""

import pytest

from tests.support.flows import make_key
from tests.support.server import Api


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": b""},
        {"content": b"", "headers": {"Content-Type": "application/json"}},
        {"content": b"", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
        {"json": {}},
    ],
)
def test_a_call_without_a_body_rotates_with_a_day_of_grace(owner: Api, body: dict) -> None:
    """As `{}` does: curl -X POST sends nothing, and a form's type with --data ''."""
    key = make_key(owner)
    answer = owner.post(f"/apikey/{key['id']}/rotate", **body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["rotation"]["startedAt"][11:] == answer.json()["rotation"]["endsAt"][11:]
    assert answer.json()["apiKey"] != key["apiKey"]


def test_a_body_is_still_read(owner: Api) -> None:
    """What is no JSON, no object or an unknown member is refused; nothing is rotated."""
    key = make_key(owner)
    for content, status in ((b"nonsense", 400), (b" ", 400), (b"null", 422), (b"[]", 422), (b'{"x":1}', 422)):
        answer = owner.post(
            f"/apikey/{key['id']}/rotate", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == status, (content, answer.text)
    assert owner.get(f"/apikey/{key['id']}").json()["rotation"] is None


def test_other_bodies_are_needed(owner: Api) -> None:
    """A call that says nothing is told so."""
    key = make_key(owner)
    assert owner.put(f"/apikey/{key['id']}/rotation").status_code == 400
