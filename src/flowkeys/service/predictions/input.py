"""What a caller sends to a chatflow, and which session it belongs to."""

import uuid
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from flowkeys.domain.errors import FieldError, InvalidInput
from flowkeys.domain.ids import new_ordered_id
from flowkeys.domain.predictions import javascript
from flowkeys.domain.predictions.conversation import Role, Turn
from flowkeys.service.ports.flows import HumanAnswer

SESSION_LENGTH: Final = 255
HISTORY_LENGTH: Final = 1000

_USUAL: Final = frozenset({"question", "sessionId", "chatId"})
_ROLES: Final = {
    "userMessage": Role.USER,
    "apiMessage": Role.ASSISTANT,
}


class PredictionInput(msgspec.Struct, frozen=True, kw_only=True):
    """A checked prediction request."""

    question: Any
    """As it was sent, of any type; UNSET when none was."""
    form: Any = msgspec.UNSET
    """As it was sent, of any type; UNSET when none was. Only an object has fields."""
    streaming: bool
    chat_id: Any
    """As it was sent, of any type; None when none was."""
    session_id: str | None
    attached: str = ""
    """The texts of files that came with it."""
    history: tuple[Turn, ...] | None
    """Given in the request: replaces the stored history for this call."""
    overrides: dict[str, Any]
    human: HumanAnswer | None = None
    """What a person answers a run of the session that waits: nothing is asked anew."""

    @property
    def fields(self) -> dict[str, Any] | None:
        """The form, if it has fields."""
        return self.form if self.form and isinstance(self.form, dict) else None

    @property
    def lines(self) -> str:
        """The form as a text, a field a line."""
        items = (self.fields or {}).items()
        return "\n".join(f"{name}: {javascript.string(value)}" for name, value in items)

    @property
    def taken(self) -> str:
        """What nodes take that name nothing else: the question if it is a text, or the form's lines."""
        question = self.question
        if type(question) is str and not (self.form or self.attached):
            return question
        text = (question if isinstance(question, str) else "") or self.lines
        return f"{self.attached}\n\n{text}" if self.attached else text


class Session(msgspec.Struct, frozen=True):
    """Where a call belongs. `remembered` is False when nothing earlier may be read."""

    session_id: str
    chat_id: str
    remembered: bool
    sent: tuple[Any, Any] | None = None
    """The chat's id and the session's as the caller sent them, where they are no texts, or empty."""

    @property
    def ids(self) -> tuple[Any, Any]:
        """The chat's id and the session's, as the caller is told them."""
        return self.sent or (self.chat_id, self.session_id)


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

    question = body.get("question", msgspec.UNSET)
    form = body.get("form", msgspec.UNSET)
    if question and form:
        errors.append(FieldError("form", "Send a question or a form, not both."))
    overrides = member("overrideConfig", dict, "an object") or {}
    streaming = body.get("streaming")
    chat_id = _chat_id(body.get("chatId"), errors)
    session_id = _session_member("sessionId", member("sessionId", str, "a string"), errors)
    override_session = overrides.get("sessionId")
    if override_session is not None and not isinstance(override_session, str):
        errors.append(FieldError("overrideConfig.sessionId", "Give a string."))
    elif override_session:
        session_id = _session_member("overrideConfig.sessionId", override_session, errors)
    history = _history(member("history", list, "a list of messages"), errors)
    attached = _attached(member("uploads", list, "a list") or (), errors)
    human = _human(body.get("humanInput"), errors)
    if errors:
        raise InvalidInput(*errors)
    return PredictionInput(
        question=question,
        form=form,
        streaming=streaming is True or streaming == "true",
        attached=attached,
        chat_id=chat_id,
        session_id=session_id,
        history=history,
        overrides=overrides,
        human=human,
    )


def session_of(request: PredictionInput, now: int, *, anonymous: bool) -> Session:
    """Return the session of a request.

    Without a key a session is told by its id alone, so only ids that cannot be guessed are remembered:
    another id on a public chatflow begins a new session.
    """
    if not (request.chat_id is None or type(request.chat_id) is str) or request.chat_id == "":
        return _odd(request, now, anonymous=anonymous)
    named = request.session_id or request.chat_id
    if named is None or (anonymous and not is_uuid(named)):
        session_id = new_ordered_id(now)
        return Session(session_id, request.chat_id or session_id, remembered=False)
    return Session(named, request.chat_id or named, remembered=True)


def _odd(request: PredictionInput, now: int, *, anonymous: bool) -> Session:
    """Return the session of a request whose chat id is empty, or no text: which is stored as JSON writes it.

    An empty one names no session, and the caller is told none.
    """
    sent = request.chat_id
    text = "" if sent == "" else msgspec.json.encode(sent).decode()
    session_id = request.session_id
    if session_id is None and (anonymous or not text):
        new = new_ordered_id(now)
        return Session(new, text or new, remembered=False, sent=(sent, sent if text else msgspec.UNSET))
    remembered = session_id is None or not anonymous or is_uuid(session_id)
    return Session(session_id or text, text, remembered=remembered, sent=(sent, session_id or sent))


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
        streaming=False,
        chat_id=chat_id,
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


def _chat_id(value: Any, errors: list[FieldError]) -> Any:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    _session_member("chatId", text, errors)
    return value


def _attached(uploads: Sequence[Any], errors: list[FieldError]) -> str:
    """Return the texts of files that are sent as texts, each in a tag of its own."""
    texts = []
    for upload in uploads:
        item = upload if isinstance(upload, dict) else {}
        name, data = item.get("name"), item.get("data")
        if item.get("type") == "file:full" and isinstance(name, str) and isinstance(data, str):
            texts.append(f"<doc name='{name}'>{data}</doc>")
        else:
            what = 'This server takes uploads of the type "file:full", with a name and their text as data.'
            errors.append(FieldError("uploads", what))
            break
    return "".join(f"{text}\n\n" for text in texts)


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
    role, content = item.get("role"), item.get("content")
    known = _ROLES.get(role) if isinstance(role, str) else None
    return Turn(known, content) if known is not None and isinstance(content, str) else None
