"""What most calls send is read by a shorter way, which says the same."""

import pytest

from flowkeys.domain.errors import InvalidInput
from flowkeys.service.predictions.input import SESSION_LENGTH, PredictionInput, read_prediction

SESSIONS = (None, "", "one", "ä b", "a\nb", "x" * SESSION_LENGTH, "x" * (SESSION_LENGTH + 1), 5, True, [])
QUESTIONS = ("Hello", "", None, 5, {}, True)


def _read(body: dict[str, object]) -> PredictionInput | tuple[object, ...]:
    try:
        return read_prediction(body)
    except InvalidInput as error:
        return error.errors


@pytest.mark.parametrize("question", QUESTIONS)
def test_bodies_say_the_same_with_a_member_that_means_nothing(question):
    """Such a member has them read by the longer way."""
    bodies: list[dict[str, object]] = [{"question": question}]
    bodies += [
        {"question": question, "sessionId": one, "chatId": other} for one in SESSIONS for other in SESSIONS
    ]
    bodies += [{"question": question, name: value} for name in ("sessionId", "chatId") for value in SESSIONS]
    for body in bodies:
        assert _read(body) == _read({**body, "meaningless": 1}), body


def test_sessions_are_read_from_a_usual_body():
    """Both names are, each for itself."""
    found = read_prediction({"question": "Hello", "sessionId": "one", "chatId": "other"})
    assert (found.question, found.session_id, found.chat_id) == ("Hello", "one", "other")
