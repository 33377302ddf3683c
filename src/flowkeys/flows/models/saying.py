"""What a model says and what it thinks, put together piece by piece, and told apart."""

from collections.abc import Sequence

from flowkeys.flows.graph.readable import readable_text
from flowkeys.flows.models.failures import ModelError
from flowkeys.flows.models.halves import Halves
from flowkeys.flows.models.reasoning import CLOSING, OPENING, Showing, Thoughts


class Saying:
    """Takes the pieces as they come; `handed_on` returns what is to be said at once."""

    __slots__ = (
        *("_answer", "_is_thinking", "_length", "_limit", "_out", "_said_halves", "_showing", "_split"),
        *("_text", "_thought_halves", "_thought_length", "_thoughts", "has_begun"),
    )

    def __init__(self, limit: int, reasoning: Showing) -> None:
        """`limit` is the most characters of the answer and of what was thought before it, each."""
        self.has_begun = False
        """Something of the answer was said."""
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
    def has_thought(self) -> bool:
        """Whether it thought anything, even what is dropped."""
        return self._thought_length > 0

    @property
    def has_words(self) -> bool:
        """Whether the answer is more than white space."""
        return any(piece.strip() for piece in self._answer)

    @property
    def is_plain(self) -> bool:
        """Whether whatever comes next is said as it is: thoughts are over, and no half waits."""
        return self._split.are_over and self._said_halves.are_whole

    def handed_on(self) -> Sequence[str]:
        """Return what is to be said now, in the order in which it came."""
        if not self._out:
            return ()
        out, self._out = self._out, []
        self._text += out
        return out

    def say_nothing(self) -> None:
        """Hand on an empty piece: a record that says nothing came."""
        self._out.append("")

    def say(self, piece: str) -> None:
        """Take a piece of what is said, in which there may be thoughts.

        Raises:
            ModelError: the answer is too long.
        """
        self._say(self._said_halves.join(piece))

    def say_as_it_is(self, said: str, pieces: Sequence[str] = ()) -> None:
        """Take what is said, in the pieces in which it came.

        Raises:
            ModelError: the answer is too long.
        """
        if not said:
            return
        self.has_begun = True
        if self._is_thinking:
            self._is_thinking = False
            self._out.append(CLOSING)
        self._length += len(said)
        if self._length > self._limit:
            raise ModelError(f"the answer is longer than {self._limit:,} characters.")
        self._answer.append(said)
        self._out += pieces or (said,)

    def think(self, thought: str) -> None:
        """Take a piece of what is thought.

        Raises:
            ModelError: it is too long.
        """
        if thought:
            self._split.any = True
            self._think(self._thought_halves.join(thought))

    def finish(self) -> None:
        """Take what waited for more.

        Raises:
            ModelError: it is too long.
        """
        self._say(self._said_halves.finish())
        thought, said = self._split.finish()
        self._think(thought)
        self.say_as_it_is(said)

    def _say(self, piece: str) -> None:
        if not piece:
            return
        thought, said = self._split.feed(piece)
        if thought:
            self._think(thought)
        if said:
            self.say_as_it_is(said)

    def _think(self, thought: str) -> None:
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
