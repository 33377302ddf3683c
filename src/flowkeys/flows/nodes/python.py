"""`pythonAgentflow`, our own kind: a Python object of the operator's list answers.

``pythonTarget`` names it as ``module:attribute``: a callable ``fn(question, *, history, session_id)`` (async
or not, one that returns or one that yields), a LangChain Runnable, or a LangGraph graph.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from flowkeys.flows.containment import EndedError, contained
from flowkeys.flows.context import Run
from flowkeys.flows.graph.readable import readable_text
from flowkeys.flows.objects.answers import Extras, NoAnswerError
from flowkeys.flows.objects.increments import steady
from flowkeys.flows.python import Piece, Question
from flowkeys.flows.registry import Build, Kind, Outcome, Step

NAME = "pythonAgentflow"


class Python(Step):
    """Asks a Python object, and says what comes back as it comes."""

    streams = True

    def __init__(self, build: Build, target: str) -> None:
        super().__init__(build.node)
        self._targets = build.resources.python
        self._limit = build.resources.settings.answer_characters
        self._target = target
        self._question = build.template(build.text("pythonQuestion", "{{ question }}"))
        self._updates = build.updates("pythonUpdateState")

    async def run(self, run: Run) -> Outcome:
        """Ask the object."""
        asked = self._question.render(run)
        question = Question(asked, run.messages, run.call.memory_id())
        said: list[str] = []
        length = 0
        half = ""
        async with aclosing(self._pieces(question)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Extras):
                    run.sources.extend(piece.source_documents)
                    run.tools.extend(piece.used_tools)
                    continue
                text = half + piece
                whole = steady(text)
                half = text[len(whole) :]  # of a character, whose other half may come
                text = readable_text(whole)
                length += len(text)
                if length > self._limit:
                    raise self.failed(f"the answer is longer than {self._limit:,} characters.")
                said.append(text)
                await run.say(text)
        if half:
            said.append(readable_text(half))
            await run.say(said[-1])
        text = "".join(said)
        self.update(run, self._updates, text)
        return Outcome(input={"question": asked}, output={"content": text}, text=text)

    async def _pieces(self, question: Question) -> AsyncGenerator[Piece, None]:
        """Yield what the object says; what it raises is named by its type alone, and logged whole."""
        try:
            answer = await contained(self._targets.load(self._target))
        except Exception as error:
            kind = _kind(error)
            what = f"the Python object could not be imported ({kind})."
            raise self.failed(what, raised=error) from error
        pieces = answer(question)
        try:
            while True:
                try:
                    piece = await contained(anext(pieces))
                except StopAsyncIteration:
                    return
                except NoAnswerError as error:
                    raise self.failed(f"{error}.", reason=error.reason) from error
                except Exception as error:
                    what = f"the Python object raised {_kind(error)}."
                    raise self.failed(what, raised=error) from error
                yield piece
        finally:
            with suppress(Exception):  # the answer, or the failure, is there already
                await contained(pieces.aclose())


def _kind(error: Exception) -> str:
    return str(error) if isinstance(error, EndedError) else type(error).__name__


def _build(build: Build) -> Step:
    target = build.text("pythonTarget")
    refusal = build.resources.python.refusal(target)
    if refusal is not None:
        build.problem(refusal)
    return Python(build, target)


KIND = Kind(NAME, _build)
