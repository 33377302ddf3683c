"""One case of the table, and the things that cases name."""

import json
import re
import uuid
from typing import Any, Final, NamedTuple

from flowkeys.domain.keys.token import Token, checksum
from flowkeys.flows.drafts.templates import documents_flow
from tests.support.flows import bound_key, echo, make_chatflow, make_customer, make_key, unknown, with_reply
from tests.support.server import Running

FORWARD = b"/api/v1/auth/verify"
VERIFY = b"/api/v1/apikey/verify"
PREDICTION = b"/api/v1/prediction/"

Line = tuple[bytes, bytes]
GOOD: Line = (b"Authorization", b"Bearer <good>")
ASK: Line = (b"Content-Type", b"application/json")
NAMED = re.compile(rb"<([a-z_]+)>")


_WAITING: Final = documents_flow(str(uuid.UUID(int=1)))
"""Looks for documents: it has to be waited for, and finds none."""
PUBLIC: Final = {
    "waiting": _WAITING,
    "failing": echo("{{ question }}" * 200),
    "failing_later": with_reply(_WAITING, "{{ question }}" * 200),
    "unrunnable": unknown(),
}


class Case(NamedTuple):
    """A request and what has to come back. Names in angle brackets stand for things of a `World`."""

    name: str
    method: str
    target: bytes
    lines: tuple[Line, ...]
    body: bytes | None
    status: int
    code: str | None
    """Of the refusal; None when the call is allowed."""
    headers: tuple[tuple[str, str | None], ...] = ()
    """Headers that the answer has, by lower-case name; None for one that it lacks."""
    members: dict[str, Any] | None = None
    """Members of the JSON that comes back; `results` may name the codes of a batch."""

    @property
    def route(self) -> str:
        """Which of the hot routes it is for."""
        if self.target.startswith(FORWARD):
            return "forward-auth"
        return "verify" if self.target.startswith(VERIFY) else "prediction"


class World:
    """Keys in every state and chatflows of every kind, by the names that cases use."""

    def __init__(self, server: Running) -> None:
        owner = server.owner()
        other = server.owner("other")
        chatflow = make_chatflow(owner, "Bound")
        elsewhere = make_chatflow(owner, "Elsewhere")
        customers = {name: make_customer(owner, name, externalId=name) for name in ("c1", "c2", "c3")}
        ids = {name: customer["id"] for name, customer in customers.items()}
        good = bound_key(owner, chatflow, "Kettle & Söhne 100%", customerId=ids["c1"])
        paused = bound_key(owner, chatflow, "paused", customerId=ids["c2"])
        ended = bound_key(owner, chatflow, "ended", customerId=ids["c3"])
        owner.post(f"/customers/{ids['c2']}/disable")
        owner.post(f"/customers/{ids['c3']}/revoke")
        made = {name: bound_key(owner, chatflow, name) for name in ("expired", "disabled", "revoked")}
        owner.post(f"/apikey/{made['disabled']['id']}/disable")
        owner.delete(f"/apikey/{made['revoked']['id']}")
        with server.shell() as rows:
            rows.execute("UPDATE api_key SET expires_at = 1 WHERE id = ?", (made["expired"]["id"],))
        once = [{"limit": 1, "windowSeconds": 31_536_000, "name": "year"}]
        plenty = [{"limit": 1_000_000, "windowSeconds": 86_400}, {"limit": 9_000, "windowSeconds": 1}]
        spent_chatflow = make_chatflow(owner, "Spent", rateLimits=once)
        whose = make_customer(owner, "spends", rateLimits=once)["id"]
        limited = {
            "plenty": bound_key(owner, chatflow, "plenty", rateLimits=plenty),
            "spent": bound_key(owner, chatflow, "spent", rateLimits=once),
            "shared": bound_key(owner, chatflow, "shared", customerId=whose),
            "bound_once": bound_key(owner, chatflow, "bound once"),
            "unlimited": bound_key(owner, spent_chatflow, "unlimited"),
        }
        binding = [{"id": chatflow["id"], "rateLimits": once}]
        owner.put(f"/apikey/{limited['bound_once']['id']}/chatflows", json=binding)
        for name in ("spent", "shared", "bound_once", "unlimited"):
            called = spent_chatflow if name == "unlimited" else chatflow
            server.api(limited[name]["apiKey"]).get(f"/auth/verify/chatflow/{called['id']}")
        token = good["apiKey"]
        sharing = f"{token[3:25]}zzzz" if token[25:29] != "zzzz" else f"{token[3:25]}yyyy"
        named = {
            **{name: key["apiKey"] for name, key in made.items()},
            **{name: key["apiKey"] for name, key in limited.items()},
            "good": token,
            "customer": ids["c1"],
            "paused": paused["apiKey"],
            "ended": ended["apiKey"],
            "unbound": make_key(owner, "unbound")["apiKey"],
            "viewer": make_key(owner, "viewer", permissions=["apikeys:view", "chatflows:view"])["apiKey"],
            "near": bound_key(owner, chatflow, "near", allowedIps=["192.0.2.0/24", "127.0.0.0/8"])["apiKey"],
            "far": bound_key(owner, chatflow, "far", allowedIps=["192.0.2.0/24"])["apiKey"],
            "far_viewer": make_key(owner, "far", permissions=["apikeys:view"], allowedIps=["::1"])["apiKey"],
            "owner": owner.token,
            "other": bound_key(other, make_chatflow(other, "Foreign"), "other")["apiKey"],
            "other_owner": other.token,
            "unknown": Token.mint().reveal(),
            "mistyped": token[:-1] + ("0" if token[-1] != "0" else "1"),
            "sharing": f"fl-{sharing}{checksum(sharing)}",
            "swapped": "fl-" + token[3:].swapcase(),
            "shorter": token[:-1],
            "bare": token[3:],
            "digest": good["apiSecret"].rpartition("$")[2],
            "stored": good["apiSecret"],
            "masked": f"fl-{'.' * 28}{token[-4:]}",
            "hint": token[-4:],
            "id": good["id"],
            "expired_id": made["expired"]["id"],
            "workspace": server.workspace(),
            "chatflow": chatflow["id"],
            "chatflow_upper": chatflow["id"].upper(),
            "chatflow_encoded": "%" + chatflow["id"][:1].encode().hex() + chatflow["id"][1:],
            "elsewhere": elsewhere["id"],
            "spent_chatflow": spent_chatflow["id"],
            "public": make_chatflow(owner, "Public", isPublic=True)["id"],
            "closed": make_chatflow(owner, "Closed")["id"],
            **{
                name: make_chatflow(owner, name, flow_data, isPublic=True)["id"]
                for name, flow_data in PUBLIC.items()
            },
            "nowhere": str(uuid.uuid4()),
            "token_encoded": token.replace("-", "%2d"),
        }
        self.named: dict[bytes, bytes] = {name.encode(): str(text).encode() for name, text in named.items()}

    def fill(self, text: bytes) -> bytes:
        """Return a text of a case with its names replaced."""
        return NAMED.sub(lambda found: self.named.get(found[1], found[0]), text)

    def filled(self, case: Case) -> Case:
        """Return a case that can be sent."""
        expected = json.loads(self.fill(json.dumps([case.headers, case.members]).encode()))
        return case._replace(
            target=self.fill(case.target),
            lines=tuple((name, self.fill(value)) for name, value in case.lines),
            body=None if case.body is None else self.fill(case.body),
            headers=tuple((name, value) for name, value in expected[0]),
            members=expected[1],
        )
