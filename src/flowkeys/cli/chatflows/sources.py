"""Where a new chatflow comes from: documents, a model, a Python object, an export, or a text."""

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import typer

from flowkeys.cli.backends.backend import Backend, Json
from flowkeys.cli.chatflows.output import reasons
from flowkeys.cli.failures import Refusal
from flowkeys.domain.chatflows.chatflow import ChatflowType
from flowkeys.domain.errors import InvalidInput
from flowkeys.service.chatflows.credentials import EVERY
from flowkeys.service.chatflows.export import LARGEST_EXPORT, read_export
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.flows.tool_files import tools_beside
from flowkeys.service.flows.tool_input import ToolPatch
from flowkeys.service.ports.drafts import ModelSettings


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What the options of ``flows add`` say."""

    docs: Path | None = None
    openai: str | None = None
    model: str | None = None
    credentials: tuple[str, ...] = ()
    """``NAME``, or for an import ``NODE=NAME`` too."""
    python: str | None = None
    imported: Path | None = None
    reply: str | None = None

    def check(self) -> None:
        """Raise `typer.BadParameter` unless the options name one source, completely."""
        named = [
            name
            for name, value in (
                ("--docs", self.docs),
                ("--openai", None if self.docs is not None else self.openai),
                ("--python", self.python),
                ("--import", self.imported),
                ("--reply", self.reply),
            )
            if value is not None
        ]
        if len(named) != 1:
            choice = (
                "--docs FOLDER, --openai BASE_URL, --python MODULE:ATTRIBUTE, --import FILE or --reply TEXT"
            )
            what = f"not {' and '.join(named)}" if named else "that says what answers"
            raise typer.BadParameter(f"Give one of {choice}, {what}.")
        if self.openai is None and self.model is not None:
            raise typer.BadParameter("--model goes with --openai BASE_URL.")
        if self.credentials and self.openai is None and self.imported is None:
            raise typer.BadParameter("--credential goes with --openai BASE_URL or --import FILE.")
        if self.openai is not None and len(self.credentials) > 1:
            raise typer.BadParameter("--openai takes one --credential NAME.")
        if self.openai is not None and self.model is None:
            raise typer.BadParameter("--openai needs --model NAME as well.")

    @property
    def credential(self) -> str | None:
        """The credential of the one model that --openai names."""
        return self.credentials[0] if self.credentials and self.openai is not None else None


def named_credentials(given: Sequence[str]) -> dict[str, str | None]:
    """Return what ``--credential`` says: ``NODE=NAME``, ``NODE=`` for none, or ``NAME`` for all other models.

    Raises:
        typer.BadParameter: a node is missing before ``=``, or is named twice.
    """
    names: dict[str, str | None] = {}
    for text in given:
        node, equals, name = text.rpartition("=")
        ref = node.strip() if equals else EVERY
        if not ref or ref in names:
            form = "give NODE=NAME, each node once, or one NAME for all"
            raise typer.BadParameter(f"--credential {text}: {form}.")
        names[ref] = name.strip() or None
    return names


def patch_of(source: Source, name: str, collection_id: str | None) -> ChatflowPatch:
    """Return the chatflow to be made.

    Raises:
        InvalidInput: the export cannot be read.
    """
    from flowkeys.flows.drafts import templates

    model = (
        ModelSettings(source.openai, source.model or "", source.credential)
        if source.openai is not None
        else None
    )
    if collection_id is not None:
        flow_data = templates.documents_flow(collection_id, model=model)
    elif model is not None:
        flow_data = templates.openai_flow(model.base_url, model.name, model.credential)
    elif source.python is not None:
        flow_data = templates.python_flow(source.python)
    elif source.reply is not None:
        flow_data = templates.reply_flow(source.reply)
    else:
        assert source.imported is not None
        patch = _exported(source.imported, name)
        names = named_credentials(source.credentials)
        return msgspec.structs.replace(patch, credentials=names) if names else patch
    return ChatflowPatch(name=name, type=ChatflowType.AGENTFLOW, flow_data=flow_data)


def require_allowed(backend: Backend, source: Source) -> None:
    """Refuse what the operator's configuration does not allow, as far as this machine knows it.

    Raises:
        Refusal: with the exact lines that allow it.
    """
    listed = backend.setting("python_flows")
    if source.python is not None and listed is not None and source.python not in listed:
        every = [*listed, source.python]
        raise Refusal(
            "configuration",
            f"This server may not run {source.python}: a chatflow can run only what its operator listed. "
            f"Put this line into {backend.setting('data_dir')}/config.toml:\n\n"
            f"  python_flows = {json.dumps(every)}\n\n"
            f"or set the environment variable, for this command and for the server:\n\n"
            f"  FLOWKEYS_PYTHON_FLOWS={','.join(every)}\n",
        )
    known = backend.setting("credentials")
    if source.credential is not None and known is not None and source.credential not in known:
        has = f"has {', '.join(known)}" if known else "has none"
        raise Refusal(
            "configuration",
            f"There is no credential named {source.credential}; this server {has}. "
            f"Put these lines into {backend.setting('data_dir')}/config.toml (chmod 600):\n\n"
            f"  [credentials.{_toml_key(source.credential)}]\n"
            f"  base_url = {json.dumps(source.openai)}\n"
            f'  api_key_env = "OPENAI_API_KEY"\n',
        )


def advice(made: Json, source: Source) -> list[str]:
    """Return what to say about a chatflow that was made: why it cannot run yet, and how it could."""
    lines = [*made["warnings"]]
    if made["runnable"]:
        return lines
    lines += ["It cannot run yet:", *(f"  - {reason}" for reason in reasons(made))]
    if source.imported is not None and any("credential" in problem for problem in made["problems"]):
        lines += [
            "Name the credentials of this server that its models use, for one node or for all:",
            f"  flowkeys flows update {made['id']} --credential [NODE=]NAME",
        ]
    if source.openai is not None and source.credential is None:
        lines += [
            "If that address is one of yours, allow it in config.toml, and start the server again:",
            f"  allowed_endpoints = [{json.dumps(source.openai)}]",
            "or set the environment variable:",
            f"  FLOWKEYS_ALLOWED_ENDPOINTS={source.openai}",
        ]
    return lines


def tools_of(source: Source, patch: ChatflowPatch) -> list[ToolPatch]:
    """Return the custom tools that stand beside a chatflow in its export, and that it names."""
    if source.imported is None or not isinstance(patch.flow_data, str):
        return []
    return tools_beside(_content(source.imported), patch.flow_data)


def _exported(file: Path, name: str) -> ChatflowPatch:
    """Return the chatflow in an export of Flowise."""
    return read_export(_content(file), field="--import", what=str(file), name=name)


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(LARGEST_EXPORT + 1)
    except OSError as error:
        raise InvalidInput.of("--import", f"{file} cannot be read: {error}") from None


def _toml_key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else json.dumps(name)
