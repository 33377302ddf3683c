"""A page of keys, with 100,000 of them: each case in turn, round after round."""

import http.client
import statistics
from collections import defaultdict
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Final, get_args
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from bench import process, seed
from bench.report import Table
from flowkeys.domain.listing import KeySort
from flowkeys.flows.drafts.templates import reply_flow

LIMIT: Final = 12
UNSEARCHED_MS: Final = 5
SEARCHED_MS: Final = 30
MIDDLE_MS: Final = 15
"""Of a search, at the median of its lists; `SEARCHED_MS` is for the slowest."""
STATUSES: Final = ("active", "disabled", "expired", "revoked", "all")
SORTS: Final = get_args(KeySort)
WARMING: Final = "warming-up"


@dataclass(frozen=True)
class Case:
    """One list that someone asks for, as part of a group that one line of the table is about."""

    group: str
    target_ms: int
    """For the slowest list."""
    query: tuple[tuple[str, str], ...]

    def path(self) -> str:
        """Return the path and the query."""
        return "/api/v1/apikey?" + urlencode(self.query, quote_via=quote)


def measure(folder: Path, rounds: int, keys: int) -> list[Table]:
    """Return the table: what the server's own log says each page took."""
    data = folder / "data"
    owner, chatflows = seed.seed(data, keys, reply_flow("You said: {{ question }}"))
    lists = cases(keys, chatflows)
    log = folder / "server.log"
    with process.flowkeys(data, log, log_format="json") as server:
        address = urlsplit(server.url).netloc
        connection = http.client.HTTPConnection(address, timeout=60)
        for case in lists:
            get(connection, case, owner, WARMING)
        cpu: dict[str, float] = defaultdict(float)
        for _ in range(rounds):
            for number, case in enumerate(lists):
                before = server.cpu_seconds()
                get(connection, case, owner, f"bench-case-{number}")
                cpu[case.group] += server.cpu_seconds() - before
        memory = server.memory_mb("VmHWM")
    took = times(log)
    table = Table(
        f"A page of 12 keys, with {keys:,} keys",
        ("", "lists", "CPU ms", "median ms", "slowest list, its median", "slowest ever", "target"),
        note=f"Times are the server's own, from its log, {rounds} calls of each list; a list is a filter, a "
        f"search and an order. CPU time is the mean of a line's lists. At most {memory:.0f} MB of memory.",
    )
    groups: dict[str, list[int]] = defaultdict(list)
    for number, case in enumerate(lists):
        groups[case.group].append(number)
    for group, numbers in groups.items():
        medians = {number: statistics.median(took[number]) for number in numbers}
        slowest = max(medians, key=lambda number: medians[number])
        verdict = verdict_of(table, group, [*medians.values()], lists[slowest].target_ms)
        most = max(max(took[number]) for number in numbers)
        table.add(
            group, str(len(numbers)), f"{cpu[group] / rounds / len(numbers) * 1000:.1f}",
            f"{statistics.median(medians.values()):.1f}",
            f"{medians[slowest]:.1f}", f"{most:.1f}", verdict,
        )  # fmt: skip
    return [table]


def verdict_of(table: Table, group: str, medians: list[float], target_ms: int) -> str:
    """Return what a line says about its targets: a search has one for the median too."""
    if not group.startswith("search"):
        return table.verdict(f"< {target_ms} ms", met=max(medians) < target_ms)
    middle = table.verdict(f"median < {MIDDLE_MS} ms", met=statistics.median(medians) < MIDDLE_MS)
    return f"{middle}; {table.verdict(f'slowest < {target_ms} ms', met=max(medians) < target_ms)}"


def cases(keys: int, chatflows: list[str]) -> list[Case]:
    """Return the lists that are asked for, of so many keys."""
    orders = [sign + name for name, sign in product(SORTS, ("-", ""))]
    deep = str(keys * 6 // 10 // LIMIT)
    searches = {
        "search, many match": ("production", "customer-", "backend service"),
        "search, few match": ("reykjavík webhook - staging", "zoë's notebook"),
        "search, nothing matches": ("no such name", "zqzq"),
        "search, one or two characters": ("e", "pr", "zz", "東"),
        "search, the end of a token": ("a1B2", "00ff"),
    }
    found = [_case("first page, each order", UNSEARCHED_MS, sort=order) for order in orders]
    found += [_case("page far down, each order", UNSEARCHED_MS, sort=order, page=deep) for order in orders]
    for status in STATUSES:
        found += [
            _case("one status, each order", UNSEARCHED_MS, sort=order, status=status) for order in orders
        ]
    for name, chatflow in (("a third of the keys", chatflows[0]), ("some of the keys", chatflows[1])):
        found += [
            _case(f"a chatflow with {name}, each order", UNSEARCHED_MS, sort=order, chatflowId=chatflow)
            for order in orders
        ]
    for group, texts in searches.items():
        found += [
            _case(f"{group}, each order", SEARCHED_MS, search=text, sort=order)
            for text, order in product(texts, orders)
        ]
    for made, person in (("a third of the keys", seed.BUSY), ("one key in a hundred", seed.OCCASIONAL)):
        creator = seed.creator_id(person)
        found += [
            _case(f"by who made {made}, each order", SEARCHED_MS, sort=order, createdBy=creator)
            for order in orders
        ]
        found += [
            _case(f"by who made {made}, and a chatflow", SEARCHED_MS, createdBy=creator, chatflowId=chatflow)
            for chatflow in chatflows[:2]
        ]
        found += [
            _case(f"by who made {made}, search", SEARCHED_MS, createdBy=creator, search=text)
            for text in ("production", "pr")
        ]
    found += [
        _case("a chatflow, one status", SEARCHED_MS, status=status, chatflowId=chatflow)
        for status, chatflow in product(STATUSES, chatflows[:2])
    ]
    for text in ("production", "e", "pr"):
        group = "search" if text == "production" else "search, one or two characters"
        found += [
            _case(f"{group}, one status", SEARCHED_MS, search=text, status=status) for status in STATUSES
        ]
        for flow in chatflows[:2]:
            own = {"search": text, "chatflowId": flow}
            found.append(_case(f"{group}, one chatflow", SEARCHED_MS, **own))
            both = f"{group}, one chatflow and status"
            found += [_case(both, SEARCHED_MS, status=status, **own) for status in STATUSES]
    return found


def _case(group: str, target_ms: int, **query: str) -> Case:
    return Case(group, target_ms, tuple({"page": "1", "limit": str(LIMIT), **query}.items()))


def get(connection: http.client.HTTPConnection, case: Case, token: str, request_id: str) -> None:
    """Ask for a list under a request id, by which the log is read."""
    headers = {"Authorization": f"Bearer {token}", "X-Request-Id": request_id}
    connection.request("GET", case.path(), headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != http.client.OK:
        raise RuntimeError(f"{case}: {answer.status} {body[:200]!r}")


def times(log: Path) -> dict[int, list[float]]:
    """Return the milliseconds of each call, by the number at the end of its request id."""
    found: dict[int, list[float]] = defaultdict(list)
    for line in log.read_bytes().splitlines():
        if b"bench-case-" in line:
            said = msgspec.json.decode(line)
            found[int(said["request_id"].rpartition("-")[2])].append(said["ms"])
    return found
