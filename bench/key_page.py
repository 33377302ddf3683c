"""The page of keys as a browser asks for it, with 100,000 keys: HTML, for somebody who is signed in."""

import http.client
import statistics
from itertools import product
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from bench import process, seed
from bench.pages import SORTS, STATUSES, WARMING, times, verdict_of
from bench.report import Table
from bench.target import opened
from flowkeys.domain.people.link import Purpose
from flowkeys.domain.people.person import Role
from flowkeys.flows.drafts.templates import reply_flow
from flowkeys.web.requests.sign_in_cookie import COOKIE

TARGET_MS: Final = 30
PASSWORD: Final = "a password for measuring"

Case = tuple[str, str]
"""A line of the table, and one of its addresses."""


def measure(folder: Path, rounds: int, keys: int) -> list[Table]:
    """Return the table: what the server's own log says each page took, all of its work included."""
    data = folder / "data"
    _, chatflows = seed.seed(data, keys, reply_flow("You said: {{ question }}"))
    cookie = _sign_in(data)
    cases = _cases(keys, chatflows)
    log = folder / "server.log"
    sizes: dict[int, int] = {}
    with process.flowkeys(data, log, log_format="json") as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
        for number, (_, path) in enumerate(cases):
            sizes[number] = _get(connection, path, cookie, WARMING)
        for _ in range(rounds):
            for number, (_, path) in enumerate(cases):
                _get(connection, path, cookie, f"bench-case-{number}")
    took = times(log)
    table = Table(
        f"The page of keys in a browser, with {keys:,} keys",
        ("", "pages", "kB", "median ms", "slowest page, its median", "slowest ever", "target"),
        note=f"Times are the server's own, from its log, {rounds} calls of each page: the sign-in, the "
        "list and its HTML. A page shows 12 keys unless it says another number.",
    )
    for group in dict.fromkeys(group for group, _ in cases):
        numbers = [number for number, case in enumerate(cases) if case[0] == group]
        medians = [statistics.median(took[number]) for number in numbers]
        verdict = verdict_of(table, group, medians, TARGET_MS)
        table.add(
            group, str(len(numbers)), f"{max(sizes[number] for number in numbers) / 1000:.0f}",
            f"{statistics.median(medians):.1f}", f"{max(medians):.1f}",
            f"{max(max(took[number]) for number in numbers):.1f}", verdict,
        )  # fmt: skip
    return [table]


def _sign_in(data: Path) -> str:
    with opened(data) as target:
        links, run = target.runtime.links, target.run
        issued = run(links.invite(target.caller, "owner@example.com", Role.OWNER))
        started = run(links.accept(Purpose.INVITATION, issued.secret.reveal(), password=PASSWORD))
        return f"{COOKIE}={started.secret.reveal()}"


def _cases(keys: int, chatflows: list[str]) -> list[Case]:
    orders = [sign + name for name, sign in product(SORTS, ("-", ""))]
    searches = ("production", "zoë's notebook", "no such name", "a1B2")
    short = ("e", "pr")
    flows = chatflows[:2]
    return [
        *(_case("first page, each order", sort=order) for order in orders),
        *(_case("last page, each order", sort=order, page=str(keys)) for order in orders),
        *(_case("a page of 100, each order", sort=order, size="100") for order in orders),
        *(_case("search", search=text) for text in searches),
        *(_case("search, by name", search=text, sort="keyName") for text in searches),
        *(_case("one status", status=status) for status in STATUSES),
        *(_case("a chatflow", chatflow=flow) for flow in flows),
        *(_case("search, one or two letters", search=text) for text in short),
        *(_case("search, one or two letters, by name", search=text, sort="keyName") for text in short),
        *(
            _case("search, one status", search=text, status=status)
            for text, status in product(short, STATUSES)
        ),
        *(_case("search, a chatflow", search=text, chatflow=flow) for text, flow in product(short, flows)),
        *(
            _case("search, a chatflow, one status", search=text, chatflow=flow, status=status)
            for text, flow, status in product(short, flows, STATUSES)
        ),
        _case("by who made a third of the keys", createdBy=seed.creator_id(seed.BUSY)),
    ]


def _case(group: str, **query: str) -> Case:
    return group, "/keys?" + urlencode(query, quote_via=quote)


def _get(connection: http.client.HTTPConnection, path: str, cookie: str, request_id: str) -> int:
    connection.request("GET", path, headers={"Cookie": cookie, "X-Request-Id": request_id})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != http.client.OK:
        raise RuntimeError(f"{path}: {answer.status} {body[:200]!r}")
    return len(body)
