"""A workspace of one's own on a shared server, with keys in every state."""

import html
import re
from functools import cached_property
from itertools import count
from typing import Any

import httpx
import msgspec

from flowkeys.bootstrap import clock
from flowkeys.domain.keys.api_key import ApiKey, Creator
from flowkeys.domain.principal import Caller, Principal, operator
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.customers.input import NewCustomer
from flowkeys.service.keys.input import NewKey
from tests.support.flows import echo
from tests.support.people import SignedIn, person
from tests.support.server import Running
from tests.support.waiting import PATIENCE_SECONDS

DAY = 86_400_000_000
_NAMES = count(1)
_NAME = re.compile(r'scope="row" class="col-name"><a [^>]*>(.*?)</a>')


class Place:
    """A workspace, and what tests put into it as its operator does. Times are microseconds."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.name = f"place-{next(_NAMES)}"
        self.id = server.workspace(self.name)
        self.caller = Caller(operator(self.id))
        self.keyring = server.runtime.keyring

    @cached_property
    def owner(self) -> SignedIn:
        """One of its owners, signed in."""
        return self.person()

    def person(self, role: str = "owner", **options: Any) -> SignedIn:
        """Return somebody of the workspace who is signed in."""
        return person(self.server, role, workspace=self.name, **options)

    def chatflow(self, name: str, flow_data: str | None = None) -> str:
        """Make a chatflow, one that repeats the question unless another is given; return its id."""
        patch = ChatflowPatch(name=name, flow_data=flow_data or echo())
        made = self.server.do(self.server.runtime.chatflows.create(self.caller, patch))
        found: str = made.chatflow.id
        return found

    def customer(self, name: str) -> str:
        """Make a customer; return its id."""
        made = self.server.do(self.server.runtime.customers.create(self.caller, NewCustomer(name=name)))
        found: str = made.id
        return found

    def key(
        self,
        name: str,
        *,
        status: str = "active",
        chatflows: tuple[str, ...] = (),
        permissions: tuple[str, ...] = (),
        customer: str | None = None,
        ends_in: int | None = None,
        used: int | None = None,
        by: Creator | None = None,
    ) -> ApiKey:
        """Make a key that ends `ends_in` from now, also in the past, and was used `used` ago."""
        caller = self.caller
        if by is not None:
            caller = Caller(Principal(by.type, by.id, by.name, self.id, frozenset({"*"})))
        new = NewKey(
            name=name, permissions=frozenset(permissions), chatflow_ids=chatflows, customer_id=customer
        )
        key: ApiKey = self.server.do(self.keyring.create(caller, new)).key
        if ends_in is not None:
            ending = msgspec.structs.replace(key, expires_at=clock() + ends_in)
            self.server.do(self.server.runtime.store.write(lambda tx: tx.keys.update(ending)))
        if used is not None:
            self.server.do(self.keyring.flush({key.id: clock() - used}, {}))
        if status == "disabled":
            self.server.do(self.keyring.disable(self.caller, key.id))
        if status == "revoked":
            self.server.do(self.keyring.revoke(self.caller, key.id))
        return self.stored(key)

    def stored(self, key: ApiKey) -> ApiKey:
        """Return the key as it is now."""
        found: ApiKey = self.server.do(self.keyring.get(self.caller, key.id))
        return found

    def get(self, path: str, who: SignedIn, **headers: str) -> httpx.Response:
        """Return the answer to a signed-in person's browser without scripts."""
        return httpx.get(
            self.server.url + path,
            headers={**who.headers, **headers},
            trust_env=False,
            timeout=PATIENCE_SECONDS,
        )

    def post(self, path: str, who: SignedIn, form: dict[str, Any], **headers: str) -> httpx.Response:
        """Send a form."""
        return httpx.post(
            self.server.url + path,
            data=form,
            headers={**who.headers, **headers},
            trust_env=False,
            timeout=PATIENCE_SECONDS,
        )

    def names(self, query: str = "", who: SignedIn | None = None) -> list[str]:
        """Return the names of the keys on the page of keys that `query` asks for; the owner asks."""
        return names(self.get(f"/keys{query}", who or self.owner).text)


def names(text: str) -> list[str]:
    """Return the names of the keys on a page of keys, in order."""
    return [html.unescape(name) for name in _NAME.findall(text)]
