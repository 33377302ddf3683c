"""No link, button or form that somebody sees answers that they may not."""

import pytest

from flowkeys.domain.people.person import Role
from flowkeys.domain.permissions import covers
from flowkeys.flows.drafts.templates import openai_flow
from flowkeys.service.flows.credential_input import CredentialPatch
from flowkeys.service.flows.variables import VariablePatch
from flowkeys.service.keys.input import NewKey
from flowkeys.service.webhooks.input import WebhookPatch
from flowkeys.web.pages.router import SIGNED_IN
from flowkeys.web.routes import OPEN
from tests.flows.support import chain, node
from tests.pages.every.crawl import Reached, crawl, route_of, send_all
from tests.pages.every.test_every_page import NO_PAGE, paths
from tests.pages.forms import browse
from tests.pages.place import Place
from tests.support.flows import make_waiting
from tests.support.people import SignedIn
from tests.support.server import NOBODY, Running

BY_LINK_ONLY = {
    "/sign-in",
    "/set-up/{secret}",
    "/invitation/{secret}",
    "/reset/{secret}",
    "/chatflows/new/jobs/{job_id}",
}
"""Pages that no link leads to: one is sent there, or gets the address from somebody."""

SINGLE = (
    (),
    ("apikeys:view",),
    ("apikeys:create",),
    ("apikeys:update",),
    ("apikeys:delete",),
    ("chatflows:view",),
    ("chatflows:create",),
    ("chatflows:update",),
    ("chatflows:delete",),
    ("chatflows:export",),
    ("users:manage",),
    ("customers:view",),
    ("webhooks:view",),
    ("webhooks:view", "webhooks:update"),
    ("credentials:view",),
    ("credentials:view", "credentials:update"),
    ("customers:update", "apikeys:create"),
    ("chatflows:update", "apikeys:create"),
    ("chatflows:update", "apikeys:view"),
    ("users:manage", "apikeys:delete"),
)


@pytest.fixture
def place(server: Running) -> Place:
    """A workspace with keys and chatflows of several kinds, people, an invitation and a conversation."""
    made = Place(server)
    links, keyring = server.runtime.links, server.runtime.keyring
    first, second = made.chatflow("First"), made.chatflow("Second")
    made.chatflow("Nobody's")
    approvals, token = make_waiting(server.owner(made.name))
    with server.api(token) as api:
        assert api.post(f"/prediction/{approvals['id']}", json={"question": "x"}).status_code == 200
    made.chatflow("Model", openai_flow("https://models.example.com/v1", "m"))
    customer, _ = made.customer("Acme"), made.customer("without keys")
    made.key("of a customer", customer=customer)
    hook = WebhookPatch(url=f"{NOBODY}/hook", events=("key.revoked",))
    webhook = server.do(server.runtime.webhooks.create(made.caller, hook)).webhook
    server.do(server.runtime.webhooks.deliveries.test(made.caller, webhook.id))
    kept = CredentialPatch(name="kept", values={"openAIApiKey": "sk-of-a-test"})
    server.do(server.runtime.credentials.create(made.caller, "openAIApi", kept))
    value = VariablePatch(name="kept", type="static", value="x")
    server.do(server.runtime.variables.create(made.caller, value))
    code = {"customFunctionJavascriptFunction": "return 1"}
    made.chatflow("Code", chain(node("customFunctionAgentflow_0", code)))
    made.key("of an owner", chatflows=(first, second), permissions=("*",))
    made.key("of a program", chatflows=(first,))
    made.key("that is off", status="disabled")
    made.key("that is gone", status="revoked", chatflows=(second,))
    made.person("viewer")
    server.do(links.invite(made.caller, f"guest-of-{made.name}@example.com", Role.VIEWER))
    asking = server.do(keyring.create(made.caller, NewKey(name="that asks", chatflow_ids=(first,))))
    server.api(asking.token.reveal()).post(f"/prediction/{first}", json={"question": "Hello?"})
    return made


def explored(place: Place, who: SignedIn) -> Reached:
    """Return all that somebody reaches, from the start and by the addresses of each thing."""
    with browse(place.server, who) as browser:
        return crawl(browser)


def assert_nothing_is_refused(place: Place, who: SignedIn) -> None:
    """Follow every link, look up what every form needs, and send each as it stands."""
    reached = explored(place, who)
    assert reached.refused() == []
    assert [path for path, answer in reached.answers.items() if answer.status_code >= 400] == []
    held = who.person.held()
    for path in reached.sendings:
        _, needs = route_of("POST", path)
        assert needs in {OPEN, SIGNED_IN} or covers(held, [needs]), f"{path} needs {needs}"
    with browse(place.server, who) as browser:
        sent = [(path, answer.status_code) for path, answer in send_all(browser, reached)]
    assert [path for path, status in sent if status == 403 or status >= 500] == []


def test_an_owner_reaches_every_page_by_links(place: Place) -> None:
    """The tests below would prove little if links led to little."""
    assert set(paths()) - explored(place, place.owner).routes() - NO_PAGE == BY_LINK_ONLY


@pytest.mark.parametrize("role", ["owner", "member", "viewer"])
def test_nothing_that_a_role_sees_is_refused(place: Place, role: str) -> None:
    """Whatever can be pressed would work."""
    assert_nothing_is_refused(place, place.person(role))


@pytest.mark.parametrize("permissions", SINGLE, ids=lambda given: " ".join(given) or "none")
def test_nothing_that_a_member_with_few_permissions_sees_is_refused(
    place: Place, permissions: tuple[str, ...]
) -> None:
    """Also where one permission has much to offer and the next page would need another."""
    assert_nothing_is_refused(place, place.person("member", permissions=permissions))
