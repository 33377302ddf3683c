"""What a caller sends to a chatflow, and which session it belongs to."""

import uuid
from typing import Any, Final

import msgspec

from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.domain.ids import new_ordered_id
from flowkeys.domain.predictions.conversation import Role, Turn
from flowkeys.service.ports.flows import HumanAnswer

SESSION_LENGTH: Final = 255
HISTORY_LENGTH: Final = 1000

_USUAL: Final = frozenset({"question", "sessionId", "chatId"})
_ROLES: Final = {
    "usermessage": Role.USER,
    "user": Role.USER,
    "human": Role.USER,
    "apimessage": Role.ASSISTANT,
    "assistant": Role.ASSISTANT,
    "ai": Role.ASSISTANT,
}


class PredictionInput(msgspec.Struct, frozen=True, kw_only=True):
    """A checked prediction request."""

    question: str
    form: dict[str, Any] | None
    streaming: bool
    chat_id: str | None
    session_id: str | None
    history: tuple[Turn, ...] | None
    """Given in the request: replaces the stored history for this call."""
    overrides: dict[str, Any]
    human: HumanAnswer | None = None
    """What a person answers a run of the session that waits: nothing is asked anew."""
    is_unasked: bool = False
    """A person answers, and no question was sent, not even an empty one."""


class Session(msgspec.Struct, frozen=True):
    """Where a call belongs. `remembered` is False when nothing earlier may be read."""

    session_id: str
    chat_id: str
    remembered: bool


def read_prediction(body: object) -> PredictionInput:
    """Return the request in a decoded JSON body. Members that mean nothing here are passed over.

    Raises:
        InvalidInput: naming every field that is wrong.
    """
    if not isinstance(body, dict):
        raise InvalidInput.of("body", "Send a JSON object with a question.")
    return _usual(body) or _checked(body)


def _checked(body: dict[str, Any]) -> PredictionInput:
    errors: list[FieldError] = []

    def member(name: str, kind: type | tuple[type, ...], what: str) -> Any:
        value = body.get(name)
        if value is not None and not isinstance(value, kind):
            errors.append(FieldError(name, f"Give {what}."))
            return None
        return value

    question = member("question", str, "a string")
    form = member("form", dict, "an object")
    overrides = member("overrideConfig", dict, "an object") or {}
    streaming = member("streaming", bool, "true or false")
    chat_id = _session_member("chatId", member("chatId", str, "a string"), errors)
    session_id = _session_member("sessionId", member("sessionId", str, "a string"), errors)
    override_session = overrides.get("sessionId")
    if override_session is not None and not isinstance(override_session, str):
        errors.append(FieldError("overrideConfig.sessionId", "Give a string."))
    elif override_session:
        session_id = _session_member("overrideConfig.sessionId", override_session, errors)
    history = _history(member("history", list, "a list of messages"), errors)
    if member("uploads", list, "a list"):
        errors.append(FieldError("uploads", "No node of this server takes uploads."))
    human = _human(body.get("humanInput"), errors)
    if question is None and form is None and human is None and not errors:
        errors.append(
            FieldError("question", "Send a question, or a form for a chatflow that starts with one.")
        )
    if errors:
        raise InvalidInput(*errors)
    return PredictionInput(
        question=question or "",
        form=form,
        streaming=streaming or False,
        chat_id=chat_id,
        session_id=session_id,
        history=history,
        overrides=overrides,
        human=human,
        is_unasked=human is not None and question is None,
    )


def session_of(request: PredictionInput, now: int, *, anonymous: bool) -> Session:
    """Return the session of a request.

    Without a key a session is told by its id alone, so only ids that cannot be guessed are remembered:
    another id on a public chatflow begins a new session.
    """
    named = request.session_id or request.chat_id
    if named is None or (anonymous and not is_uuid(named)):
        session_id = new_ordered_id(now)
        return Session(session_id, request.chat_id or session_id, remembered=False)
    return Session(named, request.chat_id or named, remembered=True)


def is_uuid(text: str) -> bool:
    """Tell whether `text` is a UUID in its usual form of 36 characters."""
    try:
        return len(text) == 36 and str(uuid.UUID(text)) == text.lower()  # noqa: PLR2004
    except ValueError:
        return False


def _usual(body: dict[str, Any]) -> PredictionInput | None:
    """Return what most calls send: a question, perhaps in a session. None: it needs a closer look."""
    question = body.get("question")
    if type(question) is not str:
        return None
    session_id = chat_id = None
    if len(body) > 1:
        if not body.keys() <= _USUAL:
            return None
        session_id, chat_id = body.get("sessionId"), body.get("chatId")
        for named in (session_id, chat_id):
            if named is not None and (
                type(named) is not str or len(named) > SESSION_LENGTH or not named.isprintable()
            ):
                return None
    return PredictionInput(
        question=question,
        form=None,
        streaming=False,
        chat_id=chat_id or None,
        session_id=session_id or None,
        history=None,
        overrides={},
    )


def _session_member(field: str, value: str | None, errors: list[FieldError]) -> str | None:
    if value and (len(value) > SESSION_LENGTH or not value.isprintable()):
        errors.append(FieldError(field, f"Give at most {SESSION_LENGTH} printable characters."))
    return value or None


def _human(value: Any, errors: list[FieldError]) -> HumanAnswer | None:
    """Return what a person answers. Flowise's clients send an empty text where nobody does."""
    if value is None or value == "":
        return None
    if not isinstance(value, dict):
        errors.append(FieldError("humanInput", 'Give an object: {"type": "proceed"} or {"type": "reject"}.'))
        return None
    wrong = (name for name in ("startNodeId", "feedback") if not isinstance(value.get(name, ""), str | None))
    errors.extend(FieldError(f"humanInput.{name}", "Give a string.") for name in wrong)
    return HumanAnswer(value)


def _history(items: list[Any] | None, errors: list[FieldError]) -> tuple[Turn, ...] | None:
    if not items:  # Flowise's client sends an empty list with each call: no reason to forget the session
        return None
    turns = []
    for item in items[:HISTORY_LENGTH]:
        turn = _turn(item)
        if turn is None:
            message = 'Each message needs a role ("userMessage" or "apiMessage") and its content.'
            errors.append(FieldError("history", message))
            return None
        turns.append(turn)
    if len(items) > HISTORY_LENGTH:
        errors.append(FieldError("history", f"Send at most {HISTORY_LENGTH} messages."))
    return tuple(turns)


def _turn(item: Any) -> Turn | None:
    if not isinstance(item, dict):
        return None
    role = item.get("role") or item.get("type")
    content = item.get("message") if item.get("content") is None else item["content"]
    known = _ROLES.get(role.lower()) if isinstance(role, str) else None
    return Turn(known, content) if known is not None and isinstance(content, str) else None
