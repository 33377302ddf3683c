"""Every route of the application, as it is declared, with a body that each of the API would take."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from flowkeys.web.framework import describe
from flowkeys.web.routes import ANY_KEY, NEEDS, OPEN, PREFIX

UNDECLARED = "(undeclared)"


class Declared(NamedTuple):
    """A route, and what it asks of its caller."""

    method: str
    path: str
    """With names in braces; of a route of the API what stands below its prefix."""
    needs: str

    @property
    def is_closed(self) -> bool:
        """Tell whether a credential is asked for on every call."""
        return self.needs != OPEN

    @property
    def permission(self) -> str | None:
        """The permission that the route declares."""
        return None if self.needs in {OPEN, ANY_KEY} else self.needs

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def declared() -> list[Declared]:
    """Return every route, found by walking the application and not its description."""
    found = []
    for route in _leaves(describe("0").routes):
        original = getattr(route, "original_route", route)
        extra = getattr(original, "openapi_extra", None) or {}
        for method in sorted(route.methods):
            found.append(Declared(method, route.path, extra.get(NEEDS, UNDECLARED)))
    return sorted(found)


def _leaves(routes: Iterable[Any]) -> Iterator[Any]:
    """Yield routes; whatever holds others in a way that is not known here has no `methods` and fails."""
    for route in routes:
        inner = getattr(route, "effective_candidates", None)  # a router that FastAPI includes lazily
        if inner is None:
            yield route
        else:
            yield from _leaves(inner())


EVERYTHING = declared()
ALL = [
    route._replace(path=route.path.removeprefix(PREFIX))
    for route in EVERYTHING
    if route.path.startswith(f"{PREFIX}/")
]
"""The routes of the API; all the others are pages (`tests.conformance.pages`)."""
CLOSED = [route for route in ALL if route.is_closed and route.needs != UNDECLARED]
WITH_PERMISSION = [route for route in CLOSED if route.permission]
OF_PEOPLE = [route for route in WITH_PERMISSION if route.permission != "*"]
"""Those that a person may be given; who holds everything is an owner, and no test's to make less."""
PREDICTION = Declared("POST", "/prediction/{chatflow_id}", OPEN)
"""Its declaration is open: whether a call is follows from the chatflow."""

_BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/apikey"): {"keyName": "made by a test"},
    ("PUT", "/apikey/{key_id}"): {"keyName": "renamed by a test"},
    ("PUT", "/apikey/{key_id}/chatflows"): {"chatflowIds": []},
    ("POST", "/apikey/{key_id}/rotate"): {"graceSeconds": 60},
    ("PUT", "/apikey/{key_id}/rotation"): {"graceSeconds": 0},
    ("POST", "/apikey/verify"): {},
    ("POST", "/apikey/explain"): {"token": "fl-"},
    **{
        ("POST", f"/apikey/bulk/{action}"): {"ids": ["{key_id}"]}
        for action in ("disable", "enable", "revoke")
    },
    ("POST", "/chatflows"): {"name": "made by a test"},
    ("PUT", "/chatflows/{chatflow_id}"): {"name": "renamed by a test"},
    **{("POST", f"/chatflows/{{chatflow_id}}/code/{action}"): {} for action in ("approve", "withdraw")},
    ("POST", "/customers"): {"name": "made by a test"},
    ("PUT", "/customers/{customer_id}"): {"name": "renamed by a test"},
    ("PUT", "/policy"): {"rotateAfterDays": 90},
    ("POST", "/document-stores"): {"name": "made by a test"},
    ("POST", "/webhooks"): {"url": "http://127.0.0.1:9/hook", "events": ["key.expired"]},
    ("PUT", "/webhooks/{webhook_id}"): {"note": "changed by a test"},
    ("POST", "/webhooks/{webhook_id}/replace-secret"): {},
    ("POST", "/credentials"): {
        "name": "made by a test",
        "credentialName": "openAIApi",
        "plainDataObj": {"openAIApiKey": "sk-of-a-test"},
    },
    ("PUT", "/credentials/{credential_id}"): {"name": "renamed by a test"},
    ("POST", "/variables"): {"name": "made_by_a_test", "value": "x"},
    ("PUT", "/variables/{variable_id}"): {"value": "y"},
    ("POST", "/executions/{execution_id}/resume"): {"type": "reject"},
    ("POST", "/tools"): {"name": "made_by_a_test"},
    ("POST", "/tools/import"): {"tools": [{"name": "imported_by_a_test"}]},
    ("PUT", "/tools/{tool_id}"): {"name": "renamed_by_a_test"},
    ("POST", "/prediction/{chatflow_id}"): {"question": "Hello"},
}


def prepare(route: Declared, owner: Any, ids: dict[str, str]) -> None:
    """Do what has to be done first for the request to a route to succeed."""
    if route.path.endswith("/rotation"):
        assert owner.post(f"/apikey/{ids['key_id']}/rotate", json={"graceSeconds": 60}).status_code == 201


def request_for(route: Declared, ids: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """Return a path and what an httpx client sends to it: nothing but who calls keeps it from working."""
    path = route.path.format(**{"report": "never-used", **ids})
    if route.path.endswith("/documents") and route.method == "POST":
        return path, {"files": {"files": ("new.md", b"# New\n\nThe zebra sleeps.", "text/markdown")}}
    if route.path == "/changes":
        path += "?follow=false"  # else it does not end
    body = _BODIES.get((route.method, route.path))
    if body is not None and "ids" in body:
        body = {"ids": [each.format(**ids) for each in body["ids"]]}
    return path, {} if body is None else {"json": body}
