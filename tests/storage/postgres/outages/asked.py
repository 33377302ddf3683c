"""What each kind of call is told while PostgreSQL is away."""

from collections.abc import Callable
from typing import Any

from tests.conformance.ways import QUESTION
from tests.support.flows import bound_key, make_chatflow
from tests.support.server import Api

NEED = "forward-auth", "verify", "prediction", "another key", "list", "write"
"""Calls that cannot be decided without the database, behind the bound."""
AWAY = {**dict.fromkeys(NEED, (503, True)), "wrong": (401, False)}
"""What they are told then, each with whether it says when to come again."""
WELL = {(200, False), (201, False), (401, False)}
"""What all are told that it answers."""


class Asked:
    """A server over a way to the database, and one call of each kind."""

    def __init__(self, api: Callable[[str], Api], owner: Api) -> None:
        """Ask with clients that `api` makes of tokens, and as one who may do everything."""
        self.api, self.owner = api, owner
        self.chatflow = make_chatflow(self.owner)
        self.key = bound_key(self.owner, self.chatflow)
        self.known = api(self.key["apiKey"])
        self.unknown = api(bound_key(self.owner, self.chatflow)["apiKey"])
        self.wrong = api("fl-" + "x" * 32)

    def forward_auth(self) -> int:
        """Return what a proxy is told of a key that is in memory."""
        return int(self.known.get("/auth/verify").status_code)

    def every(self) -> dict[str, tuple[int, bool]]:
        """Return the status of each, and whether it says when to come again."""
        calls: dict[str, Callable[[], Any]] = {
            "forward-auth": lambda: self.known.get("/auth/verify"),
            "verify": lambda: self.known.post("/apikey/verify", json={}),
            "prediction": lambda: self.known.post(f"/prediction/{self.chatflow['id']}", json=QUESTION),
            "another key": lambda: self.unknown.get("/auth/verify"),
            "list": lambda: self.owner.get("/chatflows"),
            "write": lambda: self.owner.post("/apikey", json={"keyName": "x"}),
            "wrong": lambda: self.wrong.get("/auth/verify"),
        }
        answers = {name: call() for name, call in calls.items()}
        return {name: (a.status_code, "retry-after" in a.headers) for name, a in answers.items()}

    def write(self) -> int:
        """Return what a change is answered."""
        return int(self.owner.post("/apikey", json={"keyName": "x"}).status_code)

    def revoked_by(self, other: "Asked") -> int:
        """Return what a proxy is told here of a key that was known there."""
        return int(self.api(other.key["apiKey"]).get("/auth/verify").status_code)
