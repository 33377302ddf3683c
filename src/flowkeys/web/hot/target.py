"""What a forward-auth call asks for: read from the raw target, which a client may have written in part.

Envoy appends the client's path and query, Caddy its query. So whatever is repeated must hold as well, and
nothing that is added can take away from what is asked: the chatflow is read from the first segments, as they
are written; every `permission` counts; other parameters are ignored.
"""

from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from flowkeys.domain.keys.bearer import token_in_url
from flowkeys.domain.keys.decision import AccessRequest, Denied, Reason
from flowkeys.domain.permissions import KNOWN

PATH: Final = b"/api/v1/auth/verify"
_BELOW: Final = PATH + b"/"
_CACHED_BYTES: Final = 512

NO_CHATFLOW: Final = "No chatflow is named: its id belongs behind /auth/verify/chatflow/."
NO_PERMISSION: Final = "A permission is asked for that there is none of."


class Asked(msgspec.Struct, frozen=True):
    """What a call asks for."""

    request: AccessRequest
    malformed: Denied | None = None
    """Refused before the credential is looked at: a token is in the URL."""
    never: Denied | None = None
    """Refused to every key: nothing sensible is asked for."""
    nginx: bool = False


def read(target: bytes) -> Asked | None:
    """Return what a raw target asks for, or None when it is no forward-auth call."""
    return _cached(target) if len(target) <= _CACHED_BYTES else _read(target)


def _read(target: bytes) -> Asked | None:
    path, _, query = target.partition(b"?")
    if path != PATH and not path.startswith(_BELOW):
        return None
    if not target.isascii() or b"#" in target:
        return None
    malformed = token_in_url(path, query)
    permissions: dict[str, None] = {}
    nginx = False
    for pair in query.split(b"&") if query else ():
        name, _, value = pair.partition(b"=")
        if unquote_to_bytes(name) == b"permission":
            permissions[unquote_to_bytes(value).decode("utf-8", "replace")] = None
        elif pair == b"mode=nginx":
            nginx = True
    segments = path[len(_BELOW) :].split(b"/", 2)
    chatflow_id = None
    never = None
    if segments[0] == b"chatflow":
        chatflow_id = segments[1].decode("ascii") if len(segments) > 1 else ""
        if not chatflow_id:
            never = Denied(Reason.CHATFLOW_NOT_ALLOWED, detail=NO_CHATFLOW)
            chatflow_id = None
    if never is None and not permissions.keys() <= KNOWN:
        never = Denied(Reason.PERMISSION_MISSING, detail=NO_PERMISSION)
        permissions = {}
    return Asked(AccessRequest(chatflow_id, tuple(permissions)), malformed, never, nginx)


_cached = lru_cache(maxsize=2048)(_read)
