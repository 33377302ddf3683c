"""Code of chatflows: what is approved of it, and the tools that consist of it."""

from hashlib import sha256

import msgspec


def digest_of(code: str) -> str:
    """Return what names a piece of code, whatever has it: the SHA-256 of its UTF-8, in hex."""
    return sha256(code.encode("utf-8", "surrogatepass")).hexdigest()


class CodePiece(msgspec.Struct, frozen=True):
    """A piece of code that running a chatflow would run."""

    node_id: str
    label: str
    """The node's, and the tool's when the code is a tool's."""
    code: str
    digest: str
    approved: bool
    """Somebody who holds ``*`` approved exactly this code in the workspace."""
    is_apart: bool = False
    """It is kept with a tool, and no part of the chatflow."""


class CustomTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that consists of code, in Flowise's shape."""

    id: str
    workspace_id: str
    name: str
    description: str
    color: str
    icon_src: str | None
    schema: str | None
    """A JSON list of ``{property, description, type, required}``, as text."""
    func: str | None
    """The body of an async function of JavaScript; ``$name`` is an argument."""
    created_at: int
    updated_at: int
    version: int
    export_id: str | None = None
    """The id by which chatflows of an export name it."""


class Parameter(msgspec.Struct, frozen=True):
    """Something that a custom tool takes."""

    property: str
    description: str = ""
    type: str = "string"
    """``string``, ``number``, ``boolean`` or ``date``."""
    required: bool = False


_parameters = msgspec.json.Decoder(list[Parameter])


def parameters_of(schema: str | None) -> list[Parameter]:
    """Return what a custom tool takes.

    Raises:
        ValueError: it is no list of parameters; the message says what is wrong.
    """
    if schema is None or not schema.strip():
        return []
    try:
        return _parameters.decode(schema)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ValueError(str(error)) from error


class ToolCode(msgspec.Struct, frozen=True):
    """What running a custom tool needs of it."""

    id: str
    name: str
    description: str
    schema: str | None
    func: str | None
    export_id: str | None = None


class Brought(msgspec.Struct, frozen=True):
    """What a workspace brings to its chatflows that have code."""

    approved: frozenset[str] = frozenset()
    """The digests of approved code."""
    tools: tuple[ToolCode, ...] = ()
    """The custom tools; read for chatflows that name any."""


NOTHING_BROUGHT = Brought()
