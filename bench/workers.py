"""Two processes beside one, each beside an application that does nothing on as many."""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench import load, process
from bench.load import Call, Figures
from bench.report import Table
from bench.throughput import QUESTION, prepare

CONNECTIONS: Final = 64
NAMES: Final = ("forward-auth", "predictions")
TARGET_CPU: Final = 1.1
"""Times what an answer costs with one process."""
TARGET_RATIO: Final = 0.95
"""Of what one process keeps of the throughput of an application that does nothing: no less but for noise."""


def measure(folder: Path, rounds: int, seconds: int) -> list[Table]:
    """Return the table. No process is kept on a core: wrk takes its share, of all of them alike."""
    found: dict[tuple[str, int], list[Figures]] = {}
    for number in (1, 2):
        own = folder / f"data-{number}"
        chatflow, key, _ = prepare(own)
        calls = {
            "forward-auth": Call(f"/api/v1/auth/verify/chatflow/{chatflow}", None, key),
            "predictions": Call(f"/api/v1/prediction/{chatflow}", QUESTION, key),
        }
        with ExitStack() as stack:
            log = folder / f"server-{number}.log"
            ours = stack.enter_context(
                process.flowkeys(own, log, core=process.ANY_CORE, workers=str(number), access_log="false")
            )
            options = "--workers", str(number)
            nothing = stack.enter_context(
                process.empty(folder / f"empty-{number}.log", "app", *options, core=process.ANY_CORE)
            )
            for name, call in calls.items():
                load.press(ours, call, CONNECTIONS, 1, folder)  # what is loaded behind a start
                for _ in range(rounds):
                    idle = Call("/", call.body, key)
                    for label, server, asking in ((f"{name}, empty", nothing, idle), (name, ours, call)):
                        figures = load.press(server, asking, CONNECTIONS, seconds, folder)
                        found.setdefault((label, number), []).append(figures)
    medians = {label: load.median(items) for label, items in found.items()}
    table = Table(
        "Two processes",
        ("", "one, CPU ms", "two, CPU ms", "", "one, of an empty app", "two", ""),
        note="Sixty-four connections. The last columns are answers a second, against an ASGI application "
        "that does nothing on as many processes under the same load. Noise of a busy machine spoils them.",
    )
    for name in NAMES:
        one, two = medians[name, 1], medians[name, 2]
        met = two.cpu_ms <= TARGET_CPU * one.cpu_ms
        cost = table.verdict(f"≤ {TARGET_CPU} times", met=met)
        shares = [medians[name, n].per_second / medians[f"{name}, empty", n].per_second for n in (1, 2)]
        kept = table.verdict("the same ratio", met=shares[1] >= TARGET_RATIO * shares[0])
        table.add(
            name, f"{one.cpu_ms:.4f}", f"{two.cpu_ms:.4f}", cost, *(f"{share:.2f}" for share in shares), kept
        )
    return [table]
