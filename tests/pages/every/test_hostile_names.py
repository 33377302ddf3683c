"""Names at their worst, on every page that shows one: text and nothing else, and in its place."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Dialog, Page

from flowkeys.bootstrap import clock
from flowkeys.domain.keys.api_key import Creator
from flowkeys.domain.usage.usage import HOUR, NUMBERS, Counted, Door
from flowkeys.service.flows.credential_input import CredentialPatch
from flowkeys.service.flows.variables import VariablePatch
from flowkeys.service.ports.usage import Batch
from flowkeys.service.webhooks.input import WebhookPatch
from scripts.demo_pages import PAGES
from tests.pages.browser import HEIGHTS, NARROW, WIDE
from tests.pages.conftest import Visit
from tests.pages.fitting import fits
from tests.pages.place import DAY, Place
from tests.support.people import SignedIn
from tests.support.server import NOBODY, Running
from tests.support.sweeps import share

MARKUP = "<img src=x onerror=alert(1)>"
NAMES = {
    "markup": f"{MARKUP} \"'&amp; {{{{ 7 * 7 }}}}",
    "right to left": ("\u202eمفتاح🔑الإنتاج👩‍👩‍👧‍👦" * 9)[:100],  # noqa: RUF001
    "long": "W" * 100,
}
"""Each names a person, a key that this person made, its customer, and a chatflow that all the keys open."""

ASKED_FOR = sorted({shown.path for shown in PAGES if shown.role == "owner" and shown.status == 200})
LISTS = {"/keys", "/keys/filter/chatflow", "/keys/new", "/chatflows", "/people", "/usage", "/customers"}
"""Those that show all of the names."""

# All that can be read: text, and what is typed into fields.
READ = """() => [document.body.innerText,
    ...[...document.querySelectorAll("input, textarea")].map((item) => item.value)].join("\\n")"""


class Worst:
    """A workspace in which everything has such a name, and the ids of what has them."""

    def __init__(self, server: Running) -> None:
        self.place = Place(server)
        self.people = {kind: self._person(kind) for kind in NAMES}
        chatflows = {kind: self.place.chatflow(name) for kind, name in NAMES.items()}
        customers = {kind: self.place.customer(name) for kind, name in NAMES.items()}
        hook = WebhookPatch(url=f"{NOBODY}/hook", events=("key.revoked",), note=NAMES["markup"])
        webhook = server.do(server.runtime.webhooks.create(self.place.caller, hook)).webhook.id
        patch = CredentialPatch(name=NAMES["markup"], values={"openAIApiKey": "sk-of-a-test"})
        make = server.runtime.credentials.create
        credential = server.do(make(self.place.caller, "openAIApi", patch)).id
        value = VariablePatch(name="kept", type="static", value=NAMES["markup"])
        variable = server.do(server.runtime.variables.create(self.place.caller, value)).id
        self.paths = {
            kind: {
                "credential": credential,
                "variable": variable,
                "person": self.people[kind].person.id,
                "chatflow": chatflows[kind],
                "key": self._key(kind, tuple(chatflows.values()), customers[kind]),
                "customer": customers[kind],
                "webhook": webhook,
                "conversation": self._conversation(kind, chatflows[kind]),
            }
            for kind in NAMES
        }
        self._count()

    def _person(self, kind: str) -> SignedIn:
        return self.place.person(name=NAMES[kind], email=f"{kind.replace(' ', '-')}@{self.place.name}.com")

    def _key(self, kind: str, opens: tuple[str, ...], customer: str) -> str:
        who = self.people[kind].person
        made = self.place.key(
            NAMES[kind],
            chatflows=opens,
            customer=customer,
            permissions=("apikeys:view", "chatflows:view"),
            by=Creator(type="person", id=who.id, name=who.name),
            used=DAY,
        )
        return made.id

    def _count(self) -> None:
        """Let each key have called its chatflow."""
        runtime, now = self.place.server.runtime, clock()
        counted = [
            Counted(
                now - now % HOUR,
                *(self.place.id, of["key"], of["chatflow"], ""),
                *(Door.PREDICTION, "expired_key", [1] * NUMBERS),
            )
            for of in self.paths.values()
        ]
        self.place.server.do(runtime.usage_store.add(Batch(self.place.name, 1, counted)))

    def _conversation(self, kind: str, chatflow: str) -> str:
        asked = {"question": NAMES[kind]}
        answer = self.place.post(f"/chatflows/{chatflow}/try", self.people[kind], asked)
        assert answer.status_code == 303
        listed = self.place.get(f"/chatflows/{chatflow}/conversations", self.people[kind]).text
        return listed.partition(f"/chatflows/{chatflow}/conversations/")[2].partition('"')[0]


@pytest.fixture(scope="module")
def worst(server: Running) -> Worst:
    """One workspace for all tests: they only look."""
    return Worst(server)


def addresses(paths: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the address of each page of the list that can be asked for here, and how the list has it."""
    for path in ASKED_FOR:
        plain = path.replace("_hostile}", "}").replace("_public}", "}").replace("_echo}", "}")
        if "_" not in plain.partition("{")[2] and "search=" not in plain and "page=" not in plain:
            yield plain, plain.format(**paths)


def look(page: Page, address: str, names: list[str]) -> list[str]:
    """Go to a page, in a wide and a narrow window; return what is wrong with it."""
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == 200, address
    text = page.evaluate(READ)
    found = [f"{address} does not show {name}" for name in names if name not in text]
    found += [f"{address} has a picture"] if page.locator("img, script:not([src])").count() else []
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        found += [] if fits(page) else [f"{address} is too wide at {width}"]
    return found


@pytest.mark.parametrize(
    "kind",
    [kind if kind == "markup" else pytest.param(kind, marks=pytest.mark.slow) for kind in NAMES],
)
def test_a_name_is_text_on_every_page(kind: str, worst: Worst, visit: Visit) -> None:
    """For who is called that: their own name on every page, and what else is called that where it is shown.

    No markup in it comes to life, and no window of a script opens. `make test` looks at the lists and at
    half of the others.
    """
    window = visit("/keys", worst.people[kind], at=worst.place.server)
    opened: list[str] = []

    def close(dialog: Dialog) -> None:
        opened.append(dialog.message)
        dialog.dismiss()

    window.page.on("dialog", close)
    wrong = []
    every = {address: path for path, address in addresses(worst.paths[kind])}
    assert len(every) > 25
    seen = {*share(every, 0, of=2), *LISTS}
    assert seen <= every.keys()
    for address, path in every.items():
        if address not in seen:
            continue
        wrong += look(window.page, address, [*NAMES.values()] if path in LISTS else [NAMES[kind]])
    assert wrong == []
    assert opened == []
