"""What a node that calls a service sends."""

import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote_plus

import msgspec

from flowkeys.flows.graph.relaxed import NotRead, read_json
from flowkeys.flows.graph.variables import text_of

_FORM: Final = "application/x-www-form-urlencoded"
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


def rows_of(value: Any) -> dict[str, str]:
    """Return names and values as an editor lists them; those without either are left out."""
    if isinstance(value, str) and value.strip():
        try:
            value = read_json(value)
        except NotRead:
            return {}
    if isinstance(value, Mapping):
        return {str(name): text_of(one) for name, one in value.items() if name and one not in (None, "")}
    found = {}
    for row in value if isinstance(value, list) else ():
        if isinstance(row, Mapping) and row.get("key") and row.get("value") not in (None, ""):
            found[text_of(row["key"])] = text_of(row["value"])
    return found


def body_of(method: str, kind: str, body: Any) -> tuple[str | None, str | None]:
    """Return the content type and the body of a call, each None where there is none.

    Raises:
        NotRead: it is to be JSON, and is none.
    """
    if method == "GET":
        return None, None
    nothing = (_FORM if method in _WITH_BODY else None), None
    if not kind or body in ("", None, []):
        return nothing
    if kind == "json":
        value = read_json(body) if isinstance(body, str) else body
        return "application/json", msgspec.json.encode(value).decode()
    if kind == "formData":
        return _parts(rows_of(body))
    if kind == "xWwwFormUrlencoded":
        return _FORM, _encoded(read_json(body) if isinstance(body, str) else body)
    return _FORM, text_of(body)


def _parts(fields: Mapping[str, str]) -> tuple[str, str]:
    boundary = f"{'-' * 26}{secrets.token_hex(12)}"
    parts = []
    for name, value in fields.items():
        quoted = name.replace("\\", "\\\\").replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{quoted}"\r\n\r\n{value}\r\n')
    return f"multipart/form-data; boundary={boundary}", "".join(parts) + f"--{boundary}--\r\n"


def _encoded(value: Any) -> str:
    """Return what Flowise makes of it: of a list of names and values their numbers, and nothing else."""
    if isinstance(value, Mapping):
        pairs = [(str(name), "" if isinstance(one, Mapping) else text_of(one)) for name, one in value.items()]
    elif isinstance(value, list):
        pairs = [(str(at), "" if isinstance(one, Mapping) else text_of(one)) for at, one in enumerate(value)]
    else:
        return text_of(value)
    return "&".join(f"{quote_plus(name)}={quote_plus(one)}" for name, one in pairs)
