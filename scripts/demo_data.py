"""What the screenshots show: people, chatflows, keys and questions, each with its age in days."""

import json
from typing import NamedTuple

from flowkeys.domain.people.person import Role
from flowkeys.flows.drafts.templates import documents_flow, openai_flow, reply_flow

HOSTILE = "<img src=x onerror=alert(1)>"
RIGHT_TO_LEFT = "מפתח של האתר (production)"
EMOJI = "🔑 Release party bot 🎉"
LONGEST = (
    "A key whose name takes all of the hundred characters that a name may have, to see what the tables do"
)

DOCS, ECHO, PUBLIC, BROKEN, MODEL, ODD, HEBREW = range(7)
ADA, GRACE, ALAN, MIRIAM = range(4)


class P(NamedTuple):
    """One person."""

    name: str
    email: str
    role: Role
    joined: float


class K(NamedTuple):
    """One key. Times are days before now; `lives` is days from when it was made."""

    name: str
    made: float
    by: int = ADA
    opens: tuple[int, ...] = ()
    used: float | None = None
    lives: int | None = None
    may: tuple[str, ...] = ()
    ended: str = ""
    """``disable`` or ``revoke``, an hour after its last use."""
    note: str | None = None


class F(NamedTuple):
    """One chatflow."""

    name: str
    flow_data: str
    made: float
    is_public: bool = False


PEOPLE = (
    P("Ada Lovelace", "ada@example.com", Role.OWNER, 240),
    P("Grace Hopper", "grace@example.com", Role.MEMBER, 200),
    P("Alan Turing", "alan@example.com", Role.VIEWER, 40),
    P("מרים כהן", "miriam@example.com", Role.MEMBER, 12),
)
CUSTOMERS = (
    ("Northwind Traders", "crm-4711"),
    ("Contoso", "crm-4712"),
    (HOSTILE, None),
    ("לקוח לדוגמה", "a-rather-long-external-id-of-a-system-that-likes-long-ids-0123456789"),
)
"""Names and external ids."""
WEBHOOKS = (
    ("https://hooks.example.com/flowkeys", ("key.expiring", "key.expired", "key.revoked"), "Pages the team."),
    ("https://example.org/a/rather/long/path/of/a/receiver/that/nobody/shortened", ("key.created",), HOSTILE),
)
"""Addresses, what each hears of, and notes."""
NEWCOMER = P("Lise Meitner", "lise@example.com", Role.OWNER, 0)
"""Of another workspace, in which there is nothing yet."""

_VIEW = ("apikeys:view", "chatflows:view")
_KEYS = ("apikeys:view", "apikeys:create", "apikeys:update", "apikeys:delete")

KEYS = (
    K("Production Backend Service", 190, ADA, (DOCS, ECHO), 0.0001, note="Runs on the shop's own servers."),
    K("Website widget", 150, GRACE, (DOCS,), 0.002, 365),
    K("Mobile app, iOS", 120, GRACE, (DOCS, HEBREW), 0.01, 180),
    K("Mobile app, Android", 120, GRACE, (DOCS, HEBREW), 0.03, 180),
    K("Deployment pipeline", 90, ADA, (), 0.2, 365, _KEYS + _VIEW),
    K("Nightly evaluation", 80, GRACE, (DOCS, ECHO, MODEL), 0.4, 90),
    K("Grafana", 75, ADA, (), 1.1, None, _VIEW),
    K(HOSTILE, 60, GRACE, (ODD,), 5),
    K(RIGHT_TO_LEFT, 11, MIRIAM, (HEBREW,), 0.6, 365),
    K(EMOJI, 21, GRACE, (ECHO,), 3, 30),
    K(LONGEST, 30, ADA, (DOCS, ECHO, MODEL, ODD, HEBREW), 2),
    K("Support team's notebook", 45, GRACE, (DOCS,), 8, 90),
    K("Contractor: Northwind", 100, ADA, (DOCS,), 35, 90),
    K("Workshop in Lisbon", 50, GRACE, (ECHO,), 44, 30),
    K("Old website", 230, ADA, (DOCS,), 140, None, (), "disable"),
    K("Partner sandbox", 70, GRACE, (ECHO, MODEL), 31, 180, (), "disable"),
    K("Leaked in a public repository", 55, GRACE, (DOCS,), 54, 90, (), "revoke", "Revoked within the hour."),
    K("Prototype", 235, ADA, (ECHO,), 201, None, (), "revoke"),
    K("Never used", 28, ADA, (DOCS,), None, 90),
    K("Made today", 0.05, GRACE, (), None, 30),
    *(K(f"Store {city}", 66 - place, GRACE, (DOCS,), place / 3 + 0.1, 365) for place, city in enumerate(
        ("Aarhus", "Bologna", "Cork", "Dresden", "Esbjerg", "Faro", "Ghent", "Haarlem", "Izola", "Jena",
         "Kaunas", "Lyon", "Malmö", "Nantes", "Oulu", "Porto", "Quimper", "Riga", "Split", "Turku"))),
)  # fmt: skip

ROTATED_DAYS = 100
"""The policy has keys rotated that are older: some of those above."""
ROTATING = "Grafana"
"""Has an old token that is still used."""
INVITED = "katherine@example.com"

QUESTIONS = (
    "How do I revoke a key?",
    "How is a key stored?",
    "What happens when a key expires?",
    "Can one key open several chatflows?",
    "<b>Is this bold?</b> 🤔",
)


def flows(collection: str) -> tuple[F, ...]:
    """Return the chatflows, in the order of the constants above; one cannot run here."""
    broken = json.loads(reply_flow("Your order {{ question }} is on its way."))
    broken["nodes"][1]["data"].update(name="iterationAgentflow", label="Iteration")
    return (
        F("Documentation", documents_flow(collection), 235),
        F("Echo", reply_flow("You said: {{ question }}"), 236),
        F("Opening hours", reply_flow("We are open from 9 to 17, Monday to Friday."), 88, is_public=True),
        F("Order status (from Flowise)", json.dumps(broken), 33),
        F("Internal model", openai_flow("http://127.0.0.1:8080/v1", "smollm2"), 82),
        F(HOSTILE, reply_flow(HOSTILE), 61),
        F("עוזר המסמכים", documents_flow(collection), 121),
    )
