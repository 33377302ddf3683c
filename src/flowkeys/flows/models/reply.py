"""A model's answer as it comes in: its records are read, and what it says is handed on piece by piece."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from flowkeys.flows.graph.variables import readable_text
from flowkeys.flows.models import deviations, errors, structs
from flowkeys.flows.models.failures import ModelError, in_stream
from flowkeys.flows.models.halves import Halves
from flowkeys.flows.models.reasoning import CLOSING, OPENING, Showing, Thoughts
from flowkeys.flows.models.records import Named, Record, Records
from flowkeys.flows.models.structs import Choice, Chunk, Said

BROKEN_OFF: Final = "the model's answer broke off before its end."


class Reply:
    """Reads one answer. What is returned is to be said at once, in this order, and is all of `text`."""

    def __init__(self, limit: int, reasoning: Showing) -> None:
        """`limit` is the most characters of the answer and of what was thought before it, each."""
        self.finish_reason: str | None = None
        """How it ended, in OpenAI's words where there is one."""
        self.ended = False
        """The server said that nothing follows."""
        self._records = Records()
        self._charset: str | None = None
        self._limit = limit
        self._showing = reasoning
        self._split = Thoughts()
        self._said_halves = Halves()
        self._thought_halves = Halves()
        self._out: list[str] = []
        """Pieces that are to be handed on now."""
        self._text: list[str] = []
        self._answer: list[str] = []
        self._thoughts: list[str] = []
        self._length = 0
        self._thought_length = 0
        self._is_thinking = False
        """What was handed on last is thought."""
        self._ours: Any = None
        """The index of the choice that is read, of several."""
        self._chunks = 0
        self._called_tools = False
        self._is_whole = False
        self._refusals: list[str] = []

    @property
    def text(self) -> str:
        """All that was handed on."""
        return "".join(self._text)

    @property
    def answer(self) -> str:
        """What the model answers, without what it thinks."""
        return "".join(self._answer)

    @property
    def thoughts(self) -> str:
        """What it thinks, unless that is to be dropped."""
        return readable_text("".join(self._thoughts)).strip()

    @property
    def is_complete(self) -> bool:
        """Whether the answer is whole, whatever may follow it."""
        return self.ended or self.finish_reason is not None

    def says(self, charset: str | None) -> None:
        """Note the character set that the server names."""
        self._charset = charset

    def feed(self, data: bytes) -> Sequence[str]:
        """Return what is said in the next bytes of the answer.

        Raises:
            ModelError: the server reports an error, or what it says is no answer.
        """
        for record in self._records.feed(data):
            if self.ended:
                break
            self._take(record)
        return self._handed_on()

    def finish(self) -> Sequence[str]:
        """Return what is said at the end of the answer.

        Raises:
            ModelError: the answer breaks off, or says nothing.
        """
        if not self.ended:
            record: Record = b""
            try:
                for record in self._records.finish():
                    self._take(record)
            except deviations.NotJsonError as error:
                if self._records.is_json and not self._is_cut(record):
                    raise
                raise ModelError(BROKEN_OFF, reason=error.reason) from None
        self._say_now(self._said_halves.finish())
        thought, said = self._split.finish()
        self._think_now(thought)
        self._add(said)
        if not self._answer and self._refusals:
            self._add(readable_text("".join(self._refusals)))
        self._judge()
        return self._handed_on()

    def _is_cut(self, record: Record) -> bool:
        return isinstance(record, bytes) and deviations.is_cut(record, self._charset)

    def _handed_on(self) -> Sequence[str]:
        if not self._out:
            return ()
        out, self._out = self._out, []
        self._text += out
        return out

    def _judge(self) -> None:
        if not self._chunks and not self.is_complete:
            head = self._records.head.decode(errors="replace")
            raise ModelError(deviations.NO_COMPLETION, reason=head or "The answer is empty.")
        if not (self.is_complete or self._is_whole):
            raise ModelError(BROKEN_OFF)
        if not any(piece.strip() for piece in self._answer):
            raise self._silent()

    def _silent(self) -> ModelError:
        finish = f" (finish_reason: {self.finish_reason})" if self.finish_reason is not None else ""
        why = ""
        if self._called_tools:
            why = "; it only called tools"
        elif self._thought_length:
            why = "; it only reasoned"
        return ModelError(f"the model answered without any text{finish}{why}.")

    def _take(self, record: Record) -> None:
        """Read one record."""
        data = record if isinstance(record, bytes) else self._of_event(record)
        if data[:1] != b"{":
            bare = data.strip()
            self.ended = self.ended or deviations.is_done(bare)
            if not bare or self.ended:
                return
        try:
            usual = structs.decode(data)
        except ValueError:
            usual = None
        if usual is not None and usual.choices:
            self._read(usual)
            return
        try:
            for chunk in deviations.read(data, self._charset):
                self._read(chunk)
        except deviations.NotJsonError:
            if self.finish_reason is None:
                raise
            # What comes behind a whole answer is none of it.

    def _of_event(self, record: Named) -> bytes:
        """Return the data of a named event if it is a chunk's, else nothing."""
        name = record.event.lower()
        if errors.ERROR_EVENT.search(name):
            self._chunks += 1
            error: Any = record.data.decode(errors="replace")
            with suppress(ValueError, RecursionError):
                error = deviations.parsed(record.data, self._charset)
            raise self._error(error)
        if name in deviations.LAST_EVENTS:
            self.ended = True
            return b""
        is_chunk = name in deviations.CHUNK_EVENTS or record.data.lstrip()[:1] == b"{"
        return record.data if is_chunk or record.data.strip() in deviations.DONE else b""

    def _read(self, chunk: Chunk) -> None:
        if chunk.error is not None and errors.is_error(chunk.error):
            raise self._error(chunk.error)
        choices = chunk.choices
        if choices:
            self._chunks += 1
            choice = choices[0]
            if len(choices) == 1 and (choice.index == self._ours or choice.index is None):
                self._read_choice(choice)
            elif (chosen := self._chosen(choices)) is not None:
                self._read_choice(chosen)
        if chunk.done:
            self._chunks += 1
            self.ended = True

    def _chosen(self, choices: list[Choice]) -> Choice | None:
        """Return that of several answers which is read: one and the same through all records."""
        if self._ours is None:
            first = next((one for one in choices if one.index in (0, None)), choices[0])
            self._ours = 0 if first.index is None else first.index
            return first
        return next((one for one in choices if one.index is None or one.index == self._ours), None)

    def _read_choice(self, choice: Choice) -> None:
        if choice.error is not None and errors.is_error(choice.error):
            raise self._error(choice.error)
        said = choice.delta
        if said is not None:
            self._read_said(said)
        if said is None or not (said.content or self._answer):
            self._read_beside(choice)
        if choice.finish_reason is not None:
            finish = deviations.finish_word(choice.finish_reason)
            if finish == "error":
                raise self._error(f"finish_reason: {choice.finish_reason}")
            self.finish_reason = finish or self.finish_reason

    def _read_beside(self, choice: Choice) -> None:
        """Read what stands in the place of a delta, or beside one that says nothing."""
        said = choice.message
        if choice.text is not None and (said is None or not said.content):
            said = Said(content=choice.text)
        if choice.delta is None or said is not None:
            self._is_whole = self._is_whole or self._records.is_json
        if said is None or (choice.finish_reason is not None and self._repeats(said.content)):
            return
        self._read_said(said)

    def _read_said(self, said: Said) -> None:
        content = said.content
        if type(content) is not str:
            thought, content = deviations.content_of(content)
            self._think(thought)
        for given in (
            *(said.reasoning_content, said.reasoning, said.thinking),
            *(said.reasoning_details, said.thinking_blocks),
        ):
            if given and (thought := deviations.thought_of(given)):
                self._think(thought)  # some send it twice, under two names
                break
        if content:
            self._say(content)
        if said.refusal:
            self._refusals.append(deviations.refusal_of(said.refusal))
        if said.tool_calls or said.function_call:
            self._called_tools = True

    def _repeats(self, content: Any) -> bool:
        """Tell whether the last record says again all that the records before it said."""
        return bool(self._answer) and isinstance(content, str) and content.strip() == self.answer.strip()

    def _say(self, piece: str) -> None:
        self._say_now(self._said_halves.join(piece))

    def _say_now(self, piece: str) -> None:
        if not piece:
            return
        thought, said = self._split.feed(piece)
        if thought:
            self._think_now(thought)
        if said:
            self._add(said)

    def _add(self, said: str) -> None:
        if not said:
            return
        if self._is_thinking:
            self._is_thinking = False
            self._out.append(CLOSING)
        self._length += len(said)
        if self._length > self._limit:
            raise ModelError(f"the answer is longer than {self._limit:,} characters.")
        self._answer.append(said)
        self._out.append(said)

    def _think(self, thought: str) -> None:
        if thought:
            self._split.any = True
            self._think_now(self._thought_halves.join(thought))

    def _think_now(self, thought: str) -> None:
        if not thought:
            return
        self._thought_length += len(thought)
        if self._thought_length > self._limit:
            raise ModelError(f"what the model thinks is longer than {self._limit:,} characters.")
        if self._showing == "dropped":
            return
        self._thoughts.append(thought)
        if self._showing == "shown":
            if not self._is_thinking:
                self._is_thinking = True
                thought = OPENING + thought.lstrip()
            self._out.append(thought)

    def _error(self, error: Any) -> ModelError:
        return in_stream(errors.code_of(error), errors.in_words(error))
