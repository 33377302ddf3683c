"""``/chatflows/new``: a chatflow from a Flowise export, from documents, or from a model's address."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from fastapi import Response

from flowkeys.domain.errors import AlreadySent, InvalidInput, TooLarge
from flowkeys.domain.permissions import covers
from flowkeys.service.chatflows.export import LARGEST_EXPORT
from flowkeys.service.chatflows.maker import DOCUMENT_PERMISSIONS, DocumentsWanted
from flowkeys.service.chatflows.reader import CheckedChatflow
from flowkeys.service.forms.once import issue
from flowkeys.service.ports.drafts import ModelSettings
from flowkeys.web.pages.call import FORM_BYTES, PageCall
from flowkeys.web.pages.chatflows.sent import Errors, by_field, read_files_form
from flowkeys.web.pages.form import Form
from flowkeys.web.pages.router import PageRouter
from flowkeys.web.pages.words import size

router = PageRouter()

NEEDS: Final = "chatflows:create"
_WAYS: Final = {
    "documents": "Documents",
    "model": "Model",
    "export": "Flowise export",
}
_FIELDS: Final = ("name", "baseUrl", "model", "credential", "prompt")
_SMALLER: Final = "Choose a smaller file."
_FEWER: Final = "Choose fewer or smaller files."

Make = Callable[[Form], Awaitable[Response]]


@router.page("GET", "/chatflows/new", needs=NEEDS)
async def choose(call: PageCall) -> Response:
    """Show one of the forms, and the way to the others."""
    asked = call.query_params.get("way", "")
    return _show(call, asked if asked in _ways(call) else next(iter(_ways(call))))


@router.page("POST", "/chatflows/new/export", needs=NEEDS)
async def from_export(call: PageCall) -> Response:
    """Make a chatflow from a file that Flowise exported."""

    async def make(form: Form) -> Response:
        files = form.files.get("file", [])
        if len(files) != 1:
            raise InvalidInput.of("file", "Choose one file.")
        made = await call.services.flow_imports.from_export(
            call.caller,
            form.text("name").strip(),
            files[0],
            form.text("once"),
            credential=form.text("credential") or None,
        )
        return _made(call, made)

    return await _answer(call, "export", "file", LARGEST_EXPORT, _SMALLER, make)


@router.page("POST", "/chatflows/new/model", needs=NEEDS)
async def from_model(call: PageCall) -> Response:
    """Make a chatflow in which a model answers."""

    async def make(form: Form) -> Response:
        made = await call.services.maker.from_model(
            call.caller, form.text("name"), _model(form), form.text("prompt"), form.text("once")
        )
        return _made(call, made)

    return await _answer(call, "model", "prompt", FORM_BYTES, "Shorten the instructions.", make)


@router.page("POST", "/chatflows/new/documents", needs=NEEDS)
async def from_documents(call: PageCall) -> Response:
    """Begin to make a chatflow that answers from files, and go to where one sees how far it is."""

    async def make(form: Form) -> Response:
        model = _model(form)
        wanted = DocumentsWanted(
            name=form.text("name"),
            files=tuple(form.files.get("files", ())),
            model=model if model.base_url or model.name or model.credential else None,
            once=form.text("once"),
        )
        job = await call.services.imports.start(call.caller, wanted)
        return call.done(f"/chatflows/new/jobs/{job.id}")

    return await _answer(call, "documents", "files", call.services.max_upload_bytes, _FEWER, make)


def made_words(name: str) -> str:
    """Return what is said of a chatflow that was just made."""
    return f"“{name}” was made. It answers nobody until you bind a key."


async def _answer(call: PageCall, way: str, field: str, most: int, advice: str, make: Make) -> Response:
    form = Form()
    try:
        form = await read_files_form(call, field, most=most, advice=advice)
        return await make(form)
    except AlreadySent as sent:
        return call.done(f"/chatflows/{sent.subject_id}")
    except TooLarge as error:
        return _show(call, way, 413, form, by_field(error, field))
    except InvalidInput as error:
        return _show(call, way, 422, form, by_field(error, field))


def _show(
    call: PageCall, way: str, status: int = 200, form: Form | None = None, errors: Errors | None = None
) -> Response:
    maker = call.services.maker
    values: Mapping[str, Any] = {name: form.text(name) if form else "" for name in _FIELDS}
    return call.render(
        f"chatflows/new_{way}.html",
        status,
        way=way,
        ways=_ways(call),
        values=values,
        errors=errors or {},
        # A script puts the answer into the page and keeps the files that were chosen; a browser forgets them.
        keeps_files=call.is_part,
        once=issue(call.services.clock),
        credentials=maker.credentials(call.caller),
        kinds=maker.kinds,
        max_files=maker.limits.files,
        max_file_bytes=maker.limits.file_bytes,
        max_bytes=LARGEST_EXPORT if way == "export" else call.services.max_upload_bytes,
        size=size,
    )


def _ways(call: PageCall) -> dict[str, str]:
    """Return the ways that would work for the person, with their names."""
    may_read = covers(call.person.held(), DOCUMENT_PERMISSIONS)
    return {way: name for way, name in _WAYS.items() if way != "documents" or may_read}


def _model(form: Form) -> ModelSettings:
    return ModelSettings(
        form.text("baseUrl").strip(), form.text("model").strip(), form.text("credential") or None
    )


def _made(call: PageCall, made: CheckedChatflow) -> Response:
    return call.done(f"/chatflows/{made.chatflow.id}", made_words(made.chatflow.name))
