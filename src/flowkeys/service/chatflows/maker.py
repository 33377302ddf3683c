"""Making chatflows from little: an exported file, a model's address, or a handful of documents."""

import asyncio
import hashlib
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

import msgspec

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowType
from flowkeys.domain.errors import FieldError, FlowkeysError, InvalidInput
from flowkeys.domain.keys.api_key import NAME_LENGTH as COLLECTION_NAME_LENGTH
from flowkeys.domain.principal import Caller
from flowkeys.service.chatflows.chatflows import ChatflowService
from flowkeys.service.chatflows.credentials import EVERY
from flowkeys.service.chatflows.export import GraphSummary, name_from_file, read_export, summarize
from flowkeys.service.chatflows.input import ChatflowPatch, checked
from flowkeys.service.chatflows.reader import CheckedChatflow
from flowkeys.service.documents.collections import CollectionService
from flowkeys.service.documents.importing import FIELD, DocumentLimits, ImportReport, Progress
from flowkeys.service.ports.drafts import FlowDrafts, ModelSettings

T = TypeVar("T")

DOCUMENT_PERMISSIONS: Final = (
    "chatflows:create", "documentStores:view", "documentStores:create", "documentStores:add-loader",
)  # fmt: skip
"""What somebody needs who makes a chatflow from documents."""
PROMPT_LENGTH: Final = 20_000
"""In characters."""
MODEL_NAME_LENGTH: Final = 255


class DocumentsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """A chatflow that is to answer from files."""

    name: str
    files: tuple[tuple[str, bytes], ...]
    model: ModelSettings | None = None
    """What words the answers; without one the passages that fit best are quoted."""
    once: str | None = None
    """The one-time value of the form that asks for it."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A chatflow as it is, and as it would be with another graph."""

    now: CheckedChatflow
    then: CheckedChatflow
    graph_now: GraphSummary
    graph_then: GraphSummary
    patch: ChatflowPatch
    seen: str
    """Names the graph as it is, for `ChatflowMaker.replace`."""


class ChatflowMaker:
    """Makes chatflows by the services that write them, and takes back what was made in vain."""

    def __init__(
        self,
        chatflows: ChatflowService,
        collections: CollectionService,
        drafts: FlowDrafts,
        kinds: tuple[str, ...],
    ) -> None:
        """Take how the names of files end that can be read, ``.md`` for example, in `kinds`."""
        self._chatflows = chatflows
        self._collections = collections
        self._drafts = drafts
        self.kinds = kinds

    @property
    def limits(self) -> DocumentLimits:
        """How much files may come to."""
        return self._collections.limits

    def credentials(self, caller: Caller) -> tuple[str, ...]:
        """Return the names of the model credentials that a chatflow may name."""
        return self._drafts.credentials(caller.workspace_id)

    async def from_export(
        self,
        caller: Caller,
        name: str,
        file: tuple[str, bytes],
        once: str | None = None,
        *,
        credential: str | None = None,
    ) -> CheckedChatflow:
        """Store the chatflow in a file that Flowise exported, named by the file when `name` is empty.

        `credential` names the one of this server that all its models use, if it has any.

        Raises:
            AlreadySent: the form made a chatflow before.
            InvalidInput: naming ``name``, ``file`` or ``credential``.
        """
        caller.require("chatflows:create")
        file_name, content = file
        patch = await asyncio.to_thread(read_export, content, field="file", what="This file", name=name)
        if not isinstance(patch.name, str):
            patch = msgspec.structs.replace(patch, name=name_from_file(file_name))
        if credential is not None:
            patch = msgspec.structs.replace(patch, credentials={EVERY: credential})
        with _flow_data_as("file"):
            return await self._chatflows.create(caller, patch, once)

    async def from_model(
        self, caller: Caller, name: str, model: ModelSettings, prompt: str, once: str | None = None
    ) -> CheckedChatflow:
        """Store a chatflow in which a model answers.

        Raises:
            AlreadySent: the form made a chatflow before.
            InvalidInput: naming ``name``, ``baseUrl``, ``model``, ``credential`` or ``prompt``.
        """
        caller.require("chatflows:create")
        errors = [*_name_errors(name), *self._model_errors(caller, model)]
        if len(prompt) > PROMPT_LENGTH:
            errors.append(FieldError("prompt", f"Give at most {PROMPT_LENGTH:,} characters."))
        if errors:
            raise InvalidInput(*errors)
        flow_data = self._drafts.chat(model, prompt.strip() or None)
        patch = ChatflowPatch(name=name, type=ChatflowType.AGENTFLOW, flow_data=flow_data)
        return await self._chatflows.create(caller, patch, once)

    def require_fit(self, caller: Caller, wanted: DocumentsWanted) -> None:
        """Refuse what `from_documents` could never make, before any file is read.

        Raises:
            Forbidden: the caller lacks one of `DOCUMENT_PERMISSIONS`.
            InvalidInput: naming ``name``, ``files``, ``baseUrl``, ``model`` or ``credential``.
        """
        for permission in DOCUMENT_PERMISSIONS:
            caller.require(permission)
        errors = _name_errors(wanted.name)
        if not wanted.files:
            errors.append(FieldError(FIELD, "Choose at least one file."))
        if len(wanted.files) > self.limits.files:
            errors.append(FieldError(FIELD, f"Choose at most {self.limits.files:,} files at once."))
        if wanted.model is not None:
            errors += self._model_errors(caller, wanted.model)
        if errors:
            raise InvalidInput(*errors)

    async def from_documents(
        self, caller: Caller, wanted: DocumentsWanted, progress: Progress | None = None
    ) -> tuple[CheckedChatflow, ImportReport]:
        """Read files into a collection of their own and store a chatflow that answers from it.

        Whatever goes wrong, and when it is cancelled too, the collection is taken back.

        Raises:
            AlreadySent: the form made a chatflow before.
            InvalidInput: a field is wrong, or no file could be read.
            TooLarge: every file exceeds a limit.
        """
        self.require_fit(caller, wanted)
        made = await self._collections.create(caller, wanted.name.strip()[:COLLECTION_NAME_LENGTH])
        try:
            report = await self._collections.add_files(caller, made.id, wanted.files, progress)
            patch = ChatflowPatch(
                name=wanted.name,
                type=ChatflowType.AGENTFLOW,
                flow_data=self._drafts.documents(made.id, wanted.model),
            )
            return await _to_its_end(self._chatflows.create(caller, patch, wanted.once)), report
        except BaseException:
            with suppress(FlowkeysError):
                await self._collections.take_back(caller, made.id)
            raise

    async def compare(self, caller: Caller, chatflow_id: str, content: bytes, field: str) -> Comparison:
        """Return what a chatflow would become with the graph in an exported file; nothing is changed.

        Raises:
            Forbidden: the caller lacks ``chatflows:update``.
            InvalidInput: naming `field`: it is no such file.
            NotFound: the workspace has no such chatflow.
        """
        now = await self._chatflows.get(caller, chatflow_id, permission="chatflows:update")

        def work() -> Comparison:
            found = read_export(content, field=field, what="This export")
            with _flow_data_as(field):
                patch = checked(ChatflowPatch(type=found.type, flow_data=found.flow_data))
            assert isinstance(patch.flow_data, str)
            assert isinstance(patch.type, ChatflowType)
            draft = msgspec.structs.replace(now.chatflow, flow_data=patch.flow_data, type=patch.type)
            return Comparison(
                now=now,
                then=self._chatflows.checked(draft),
                graph_now=summarize(now.chatflow.flow_data),
                graph_then=summarize(patch.flow_data),
                patch=patch,
                seen=_name_of(now.chatflow),
            )

        return await asyncio.to_thread(work)

    async def replace(
        self, caller: Caller, chatflow_id: str, content: bytes, field: str, seen: str
    ) -> CheckedChatflow:
        """Give a chatflow the graph in an exported file, if it still has the one that was compared.

        Raises:
            Forbidden: the caller lacks ``chatflows:update``.
            InvalidInput: naming `field`: it is no such file; or ``form``: the graph was changed meanwhile.
            NotFound: the workspace has no such chatflow.
        """

        def expect(current: CheckedChatflow) -> None:
            if _name_of(current.chatflow) != seen:
                message = "The chatflow was changed while you looked. Compare again, and decide then."
                raise InvalidInput.of("form", message)

        compared = await self.compare(caller, chatflow_id, content, field)
        return await self._chatflows.update(caller, chatflow_id, compared.patch, expect)

    def _model_errors(self, caller: Caller, model: ModelSettings) -> list[FieldError]:
        if len(model.name) > MODEL_NAME_LENGTH:
            return [FieldError("model", f"Give at most {MODEL_NAME_LENGTH} characters.")]
        return list(self._drafts.model_errors(caller.workspace_id, model))


@contextmanager
def _flow_data_as(field: str) -> Iterator[None]:
    """Name `field` where the services say ``flowData``: that is what was filled in."""
    try:
        yield
    except InvalidInput as error:
        names = {"flowData": field}
        raise InvalidInput(
            *(FieldError(names.get(e.field, e.field), e.message) for e in error.errors)
        ) from None


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns, also when it is cancelled: what is being stored is stored."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        return await task


def _name_of(chatflow: Chatflow) -> str:
    return hashlib.sha256(chatflow.flow_data.encode()).hexdigest()


def _name_errors(name: str) -> list[FieldError]:
    try:
        checked(ChatflowPatch(name=name))
    except InvalidInput as error:
        return list(error.errors)
    return []
