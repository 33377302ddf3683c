"""``/chatflows/{id}/export``: the file that Flowise reads."""

import re
import unicodedata
from typing import Final
from urllib.parse import quote

from fastapi import Response

from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

NEEDS: Final = "chatflows:export"
_NOT_IN_NAMES: Final = re.compile(r'[\\/:*?"<>|%]')
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LENGTH: Final = 100


@router.page("GET", "/chatflows/{chatflow_id}/export", needs=NEEDS)
async def export(chatflow_id: str, call: PageCall) -> Response:
    """Download a chatflow's graph, byte for byte as it was given."""
    found = await call.services.chatflows.get(call.caller, chatflow_id, permission=NEEDS)
    headers = {"Content-Disposition": disposition(f"{_stem(found.chatflow.name)}.json")}
    return Response(found.chatflow.flow_data.encode(), headers=headers, media_type="application/json")


def disposition(name: str) -> str:
    """Return the header that has a browser save a file under a name (RFC 6266, RFC 8187)."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _stem(name: str) -> str:
    """Return a chatflow's name as every system takes it in a file's, with nothing in it that misleads."""
    seen = "".join(c for c in name if unicodedata.category(c) not in _UNSEEN)
    return _NOT_IN_NAMES.sub("_", seen)[:_LENGTH].strip(" .") or "chatflow"
