"""What a graph says, put in order: one message after the other, and each once.

Models speak token by token and several at once; nodes write messages, often what their model just said in
another form. One voice is heard at a time, as it speaks; the others wait until it is done. What a node writes
is compared with what was heard: it is said if it is another message, and not if it is the same again.
"""

import re
from collections.abc import Iterable
from typing import Final

from flowkeys.flows.objects.likeness import Words
from flowkeys.flows.objects.messages import Spoken

_SEPARATOR: Final = "\n\n"
_FENCE: Final = "```json"
_CLOSING: Final = re.compile(r"(?:</\w+>|\W)*")
"""What ends a form around a text, its beginning having come too late."""
_COMPARED: Final = 20
"""Of the last voices that a message is compared with."""


class _Voice:
    """One message on its way to the reader."""

    def __init__(self, task: str, message_id: str | None, text: str = "", *, done: bool = False) -> None:
        self.task = task
        self.id = message_id
        self.text = text
        self.sent = 0
        self.done = done
        self.landed = False
        """A node wrote it into the graph's state, in this form or another."""
        self.removed = False
        """It was taken out of the state again, perhaps for another form of it."""
        self.kept = False
        """It is data for a program, or may be: its node says whether the reader gets it."""

    def unsent(self) -> str:
        piece, self.sent = self.text[self.sent :], len(self.text)
        return piece


class Transcript:
    """Takes what happens in a graph; each method returns the pieces that can be sent then."""

    def __init__(self) -> None:
        self._voices: list[_Voice] = []
        self._waiting: list[_Voice] = []
        self._speaking: _Voice | None = None
        self._last: _Voice | None = None
        self._wholes: dict[str, list[Spoken]] = {}

    @property
    def silent(self) -> bool:
        """Nothing has been said."""
        return self._last is None

    def token(self, task: str, message_id: str, text: str, *, last: bool) -> list[str]:
        """Take a piece of what a model says in a node's task; `last` ends the message."""
        voice = next((v for v in reversed(self._voices) if v.id == message_id), None)
        if voice is None:
            if not text:
                return []
            voice = self._add(_Voice(task, message_id))
        voice.text += text
        voice.done = voice.done or last
        if not voice.sent:
            voice.kept = _may_be_data(voice.text)
        return self._advance()

    def whole(self, task: str, message: Spoken) -> None:
        """Take a message that came in one piece: a model's that cannot stream, or one that a node wrote.

        Which of the two it is shows at the task's end.
        """
        self._wholes.setdefault(task, []).append(message)

    def ended(self, task: str, written: Iterable[Spoken]) -> list[str]:
        """Take the end of a node's task, with the messages of models that it wrote into the state."""
        written = list(written)
        for voice in self._voices:
            if voice.task == task:
                voice.done = True
        removed = {message.id for message in written if message.removes}
        for voice in self._voices:
            voice.removed = voice.removed or (voice.landed and voice.id in removed)
        messages = [message for message in written if not message.removes]
        wholes = self._wholes.pop(task, [])
        pieces = self._write(task, messages or [message for message in wholes if message.text])
        for voice in [v for v in self._waiting if v.task == task and v.kept and not v.landed]:
            if messages:
                self._waiting.remove(voice)  # data, of which the node made what it wrote
        return pieces + self._advance()

    def finish(self, answer: str | None) -> list[str]:
        """Take the end of the graph, with the answer in its state or what it returned, if there is one."""
        for voice in self._voices:
            voice.done = True
        pieces = self._write("", [Spoken("", None, answer)] if answer else [])
        pieces += self._advance()
        if self.silent:  # data only, and nobody made anything else of it
            for voice in self._waiting:
                voice.kept = False
            pieces += self._advance()
        return pieces

    def _add(self, voice: _Voice) -> _Voice:
        self._voices.append(voice)
        self._waiting.append(voice)
        return voice

    def _write(self, task: str, messages: list[Spoken]) -> list[str]:
        pieces: list[str] = []
        left = []
        for message in messages:
            voice = next((v for v in self._voices if v.id is not None and v.id == message.id), None)
            if voice is None:
                left.append(message)
            else:
                pieces += self._settle(voice, message.text)
        for message in left:
            if not message.text.strip():
                continue
            voice = self._heard(task, message.text)
            if voice is None:
                made = self._add(_Voice(task, message.id, message.text, done=True))
                made.landed = True
            else:
                pieces += self._settle(voice, message.text)
        return pieces

    def _heard(self, task: str, text: str) -> _Voice | None:
        """Return the voice that said this already, in this form or another, or None."""
        words = Words(text)
        recent = [v for v in reversed(self._voices) if v.text.strip()][:_COMPARED]
        near = [v for v in recent if v.task == task or not task]
        for voice in recent:
            said = Words(voice.text)
            if said.same(words) or said.inside(words, near=voice in near and not voice.landed):
                return voice
        for voice in recent:
            rewritten = voice.removed or (voice in near and not voice.landed)
            if rewritten and Words(voice.text).alike(words):
                return voice
        return next((v for v in near if v.kept and not v.landed and task), None)

    def _settle(self, voice: _Voice, text: str) -> list[str]:
        """Take the form in which a node wrote what a voice says; return what that adds to what was sent."""
        voice.landed, voice.kept = True, False
        if not voice.sent:
            voice.text = text
            return []
        said = voice.text.strip()
        start = text.find(said)
        rest = text[start + len(said) :].rstrip() if start >= 0 else ""
        if not rest or (text[:start].strip() and _CLOSING.fullmatch(rest)):
            return []
        if voice is self._speaking or voice is self._last:
            voice.text += rest
            return [voice.unsent()]
        self._add(_Voice(voice.task, None, rest.strip(), done=True)).landed = True
        return []

    def _advance(self) -> list[str]:
        """Return what can be sent now: of the voice that speaks, then of those that waited for its end."""
        pieces: list[str] = []
        while True:
            if self._speaking is None:
                self._speaking = next((v for v in self._waiting if not v.kept and v.text.strip()), None)
                if self._speaking is None:
                    return pieces
                self._waiting.remove(self._speaking)
                if self._last is not None:
                    pieces.append(_SEPARATOR)
                self._last = self._speaking
            if piece := self._speaking.unsent():
                pieces.append(piece)
            if not self._speaking.done:
                return pieces
            self._speaking = None


def _may_be_data(text: str) -> bool:
    """Tell whether the beginning of a message is that of JSON, or not yet enough to tell."""
    begun = text.lstrip()
    return begun.startswith(("{", _FENCE)) or (begun != "" and _FENCE.startswith(begun)) or not begun
