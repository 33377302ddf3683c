"""A model's answer as it comes in: its records are read, and what it says is handed on piece by piece."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from flowkeys.flows.graph.readable import readable_text
from flowkeys.flows.models import deviations, errors, structs
from flowkeys.flows.models.alike import Alike
from flowkeys.flows.models.calls import Calls, ToolCall
from flowkeys.flows.models.failures import ModelError, in_stream, silent
from flowkeys.flows.models.reasoning import Showing
from flowkeys.flows.models.records import Named, Record, Records, behind_record
from flowkeys.flows.models.saying import Saying
from flowkeys.flows.models.structs import Choice, Chunk, Said

BROKEN_OFF: Final = "the model's answer broke off before its end."
NAME_CHARACTERS: Final = 200
"""What is kept of the names by which a server calls its answer and its model."""


class Reply:
    """Reads one answer. What is returned is to be said at once, in this order, and is all of `text`."""

    __slots__ = (
        *("_alike", "_calls", "_charset", "_chunks", "_every", "_is_whole", "_last", "_limit", "_may_call"),
        *("_ours", "_records", "_refusals", "_saying", "ended", "finish_reason", "tokens", "usage"),
    )

    def __init__(
        self, limit: int, reasoning: Showing, *, every: bool = False, may_call: bool = False
    ) -> None:
        """`limit` is the most characters of the answer and of what was thought before it, each.

        `every` is whether an empty piece is handed on for each record that says nothing, and for what was
        used; `may_call` whether an answer may be calls of tools, and no text.
        """
        self.finish_reason: str | None = None
        """How it ended, in OpenAI's words where there is one."""
        self.tokens = (0, 0)
        """How many the model read and wrote, as far as its server says so."""
        self.usage: Mapping[str, Any] | None = None
        """What the server says of that, in its own members."""
        self.ended = False
        """The server said that nothing follows."""
        self._limit = limit
        self._every = every
        self._may_call = may_call
        self._last: Chunk | None = None
        self._records = Records()
        self._alike = Alike()
        self._charset: str | None = None
        self._saying = Saying(limit, reasoning)
        self._ours: Any = None
        """The index of the choice that is read, of several."""
        self._chunks = 0
        self._calls: Calls | None = None
        self._is_whole = False
        self._refusals: list[str] = []

    @property
    def text(self) -> str:
        """All that was handed on."""
        return self._saying.text

    @property
    def answer(self) -> str:
        """What the model answers, without what it thinks."""
        return self._saying.answer

    @property
    def thoughts(self) -> str:
        """What it thinks, unless that is to be dropped."""
        return self._saying.thoughts

    @property
    def calls(self) -> Sequence[ToolCall]:
        """The tools that it calls, in its order."""
        return () if self._calls is None else self._calls.all()

    def named(self, member: str) -> str | None:
        """Return what the server says under ``id``, ``model`` or ``system_fingerprint``, if it is a text."""
        value = getattr(self._last, member, None)
        return value[:NAME_CHARACTERS] if isinstance(value, str) else None

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
        at = 0
        while at < len(data) and not self.ended:
            at = self._next(data, at)
        return self._saying.handed_on()

    def _next(self, data: bytes, at: int) -> int:
        """Read on in `data`; return how far."""
        alike = self._alike
        if alike.is_known and (behind := self._read_alike(data, at)) is not None:
            return behind
        end = behind_record(data, at) if alike.is_hopeful and not self._records.is_json else 0
        first = data[at:end] if end else data[at:]
        for record in self._records.feed(first):
            if self.ended:
                break
            self._take(record)
        if end and self._saying.has_begun:
            alike.learn(first, self._ours)
        return end or len(data)

    def _read_alike(self, data: bytes, at: int) -> int | None:
        """Read records that are as the one before, some at least; return how far, None if the next is not."""
        waiting = self._records.waiting if self._saying.is_plain else None
        if waiting is None:
            return None
        end = min(len(data), at + self._alike.room)
        if waiting or at or end < len(data):
            data = waiting + data[at:end]
        piece = self._alike.read_one(data)
        if piece is not None:
            self._records.skip()
            self._saying.say_as_it_is(piece)
            return end
        found = self._alike.read(data)
        if found is None:
            return None
        self._records.skip()
        pieces, left = found
        self._saying.say_as_it_is("".join(pieces), pieces)
        return end - left

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
                is_cut = isinstance(record, bytes) and deviations.is_cut(record, self._charset)
                if self._records.is_json and not is_cut:
                    raise
                raise ModelError(BROKEN_OFF, reason=error.reason) from None
        self._saying.finish()
        if not self._saying.has_begun and self._refusals:
            self._saying.say_as_it_is(readable_text("".join(self._refusals)))
        self._judge()
        if self._every and self.usage is not None and not self._records.is_json:
            self._saying.say_nothing()
        return self._saying.handed_on()

    def _judge(self) -> None:
        if not self._chunks and not self.is_complete:
            head = self._records.head.decode(errors="replace")
            raise ModelError(deviations.NO_COMPLETION, reason=head or "The answer is empty.")
        if not (self.is_complete or self._is_whole):
            raise ModelError(BROKEN_OFF)
        called = self._calls is not None
        if not self._saying.has_words and not (self._may_call and called):
            raise silent(self.finish_reason, called_tools=called, thought=self._saying.has_thought)

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
        except (ValueError, RecursionError):
            usual = None
        if usual is not None and usual.usage is not None:
            self._used(usual.usage)
        if usual is not None and usual.choices:
            self._read(usual)
            return
        try:
            for chunk in deviations.read(data, self._charset):
                if usual is None and chunk.usage is not None:
                    self._used(chunk.usage)
                self._read(chunk)
        except deviations.NotJsonError:
            if self.finish_reason is None:
                raise
            # What comes behind a whole answer is none of it.

    def _used(self, usage: Any) -> None:
        self.tokens = structs.tokens_of(usage) or self.tokens
        if isinstance(usage, dict):
            self.usage = usage

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
            self._last = chunk
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
        if said is not None and not self._read_said(said) and self._every:
            self._saying.say_nothing()
        if said is None or not (said.content or self._saying.has_begun):
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

    def _read_said(self, said: Said) -> bool:
        """Read what is said; tell whether there was anything, said or thought."""
        content = said.content
        thought = ""
        if type(content) is not str:
            thought, content = deviations.content_of(content)
            self._saying.think(thought)
        for given in (
            *(said.reasoning_content, said.reasoning, said.thinking),
            *(said.reasoning_details, said.thinking_blocks),
        ):
            if given and (thought := deviations.thought_of(given)):
                self._saying.think(thought)  # some send it twice, under two names
                break
        if content:
            self._saying.say(content)
        if said.refusal:
            self._refusals.append(deviations.refusal_of(said.refusal))
        if said.tool_calls or said.function_call:
            self._calls = self._calls or Calls(self._limit)
            self._calls.add(said.tool_calls, said.function_call)
        return bool(content or thought)

    def _repeats(self, content: Any) -> bool:
        """Tell whether the last record says again all that the records before it said."""
        return self._saying.has_begun and isinstance(content, str) and content.strip() == self.answer.strip()

    def _error(self, error: Any) -> ModelError:
        return in_stream(errors.code_of(error), errors.in_words(error))
