"""What a credential holds, from where nobody else sees it: never from arguments, which others can list."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import typer

from flowkeys.cli.chatflows.given import read_text
from flowkeys.domain.chatflows.credential import KINDS, CredentialKind
from flowkeys.domain.errors import InvalidInput

_FIELD: Final = "plainDataObj"


def read_values(kind_name: str, file: Path | None, members: Sequence[str]) -> dict[str, Any]:
    """Return what a credential of this kind is to hold, by Flowise's names.

    Its secrets come from a file, are typed without being shown, or are piped in: one as it is, several as a
    JSON object. `members` are the others, as ``NAME=VALUE``.

    Raises:
        InvalidInput: there is no such kind, or what came is not what it takes.
        Refusal: the file cannot be read.
    """
    kind = KINDS.get(kind_name)
    if kind is None:
        raise InvalidInput.of("credentialName", f"There is no such kind. There are: {', '.join(KINDS)}.")
    others = dict(_member(text, kind) for text in members)
    if file is None and sys.stdin.isatty():
        return {**{name: _typed(name) for name in kind.secrets}, **others}
    return {**_read(read_text(file, _FIELD).strip(), kind), **others}


def _member(text: str, kind: CredentialKind) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or name not in kind.optional:
        may = (
            f"NAME=VALUE with one of {', '.join(kind.optional)}" if kind.optional else "nothing for this kind"
        )
        hidden = " Secrets are typed, piped in or read from a file." if name in kind.secrets else ""
        raise typer.BadParameter(f"Give {may}.{hidden}", param_hint="--member")
    return name, value


def _typed(name: str) -> str:
    found: str = typer.prompt(name, hide_input=True, err=True)
    return found.strip()


def _read(text: str, kind: CredentialKind) -> dict[str, Any]:
    if not text:
        names = ", ".join(kind.secrets)
        raise InvalidInput.of(_FIELD, f"Pipe it in, or name a file with --from: {names}.")
    if not text.startswith("{"):
        if len(kind.secrets) > 1:
            names = ", ".join(kind.secrets)
            raise InvalidInput.of(_FIELD, f"This kind holds several: give a JSON object with {names}.")
        return {kind.secrets[0]: text}
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise InvalidInput.of(_FIELD, "What begins like a JSON object is none.") from None
