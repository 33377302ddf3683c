"""The model as tables for docs/scaling.md."""

from collections.abc import Callable
from typing import Final

from bench.capacity.model import (
    BEATS_A_SECOND,
    CACHED,
    CONNECTIONS,
    EXAMPLES,
    FLUSH_SECONDS,
    MB,
    WRITER_SHARE,
    Costs,
    Sized,
)
from bench.report import Table

_GB: Final = 1024**3


def tables(costs: Costs) -> list[Table]:
    """Return the tables of the model."""
    sized = [Sized(one, costs) for one in EXAMPLES]
    return [_given(sized), _needed(sized), _stored(sized), _breaks(costs)]


def _given(sized: list[Sized]) -> Table:
    table = _of_examples("The examples", sized)
    for name, of in {
        "machines": lambda one: f"{one.machines}",
        "database": lambda one: "PostgreSQL, and Valkey" if one.on_postgres else "a file",
        "keys": lambda one: f"{one.keys:,}",
        "keys that call within an hour": lambda one: f"{one.in_use:,}",
        "checks a second": lambda one: f"{one.checks:,}",
        "predictions a second": lambda one: f"{one.predictions:,}",
        "calls whose key has limits (two windows)": lambda one: f"{one.limited:.0%}",
        "changes of keys a day": lambda one: f"{one.changes:,}",
        "months of messages": lambda one: f"{one.months}",
    }.items():
        table.add(name, *(of(item.one) for item in sized))
    return table


def _needed(sized: list[Sized]) -> Table:
    table = _of_examples(
        "What they need",
        sized,
        note="Cores at full use; processes so that each is half idle, as many on each machine. Memory with "
        f"at most {CACHED:,} keys in it (`FLOWKEYS_CACHED_KEYS`). Usage and last uses as if every key called "
        "as often as any other, which is the worst there is: real calls come from few keys. A change is told "
        "to each process once, a heartbeat to the process that sent it.",
    )
    lines: dict[str, Callable[[Sized], str]] = {
        "cores for checks": lambda item: f"{item.check_cores:.3g}",
        "cores for predictions": lambda item: f"{item.prediction_cores:.3g}",
        "cores for writing what was counted": lambda item: f"{item.counting_cores:.3g}",
        "processes": lambda item: f"{item.processes:,}",
        "memory of a process": lambda item: _bytes(item.in_memory),
        "memory of a machine": lambda item: _bytes(item.in_memory * item.processes / item.one.machines),
        "rows of usage written a second": lambda item: f"{item.usage_rows_a_second:,.0f}",
        "times of last use written a second": lambda item: f"{item.last_uses_a_second:,.0f}",
        "cores of the database for those": lambda item: _if(item, f"{item.database_cores:.1f}"),
        "connections to PostgreSQL": lambda item: _if(item, f"{item.processes * CONNECTIONS:,}"),
        "changes told a second": lambda item: _if(item, f"{item.changes_told:,.1f}"),
        "heartbeats a second": lambda item: _if(item, f"{item.processes * BEATS_A_SECOND:,.0f}"),
        "scripts of Valkey a second": lambda item: _if(item, f"{item.one.checks * item.one.limited:,.0f}"),
        "its one core": lambda item: _if(item, f"{item.valkey_cores:.0%}"),
        "its memory": lambda item: _if(
            item, _bytes(item.one.in_use * item.one.limited * item.costs.valkey_bytes)
        ),
    }
    for name, of in lines.items():
        table.add(name, *(of(item) for item in sized))
    return table


def _stored(sized: list[Sized]) -> Table:
    table = _of_examples(
        "What is stored after three years",
        sized,
        note="Rows and their indexes. Of usage: a row for each key that calls and hour, and of days five "
        "times as many keys as call within an hour. Messages of as many months as the example says: flowkeys "
        "deletes none by itself.",
    )
    for kind in sized[0].costs.bytes_of:
        table.add(kind, *(_bytes(item.stored(kind)) for item in sized))
    total = [sum(item.stored(kind) for kind in item.costs.bytes_of) for item in sized]
    table.add("together", *(_bytes(size) for size in total))
    return table


def _breaks(costs: Costs) -> Table:
    table = Table(
        "What ends first, and where",
        ("", "at", "what it is", "what to do"),
        note=f"A core is called full at {WRITER_SHARE:.0%} of its time. “Different keys” are those that call "
        f"within one flush of {FLUSH_SECONDS:.0f} s.",
    )

    def full(us: float) -> str:
        return f"{WRITER_SHARE * 1e6 / us:,.0f}"

    one, in_process, in_server = costs.usage_us
    table.add(
        "checks of one process",
        f"{full(costs.check_us)} a second, {full(costs.limited_us)} with limits",
        "the processor",
        "`--workers`, machines",
    )
    table.add(
        "predictions of one process",
        f"{WRITER_SHARE * 1e3 / costs.prediction_ms:,.0f} a second",
        "the processor: two messages stored durably for each",
        "`--workers`, machines",
    )
    table.add(
        "different keys in use, on SQLite",
        f"{full(one)} a second, of all processes",
        "the one writer: a row of usage for each",
        "a longer `FLOWKEYS_USAGE_FLUSH_SECONDS`; PostgreSQL",
    )
    table.add(
        "different keys in use, of a process on PostgreSQL",
        f"{full(in_process)} a second",
        "its writer",
        "the same; more processes",
    )
    table.add(
        "different keys in use, on PostgreSQL",
        f"{full(in_server)} a second for each of its cores",
        "its processors: a row of usage for each, found and written anew",
        "a longer flush; more cores; then this is the end",
    )
    table.add(
        "calls with limits",
        f"{full(costs.valkey_us)} a second",
        "Valkey's one core",
        "fewer keys with limits; `FLOWKEYS_LIMITS=per-process`; a database of one's own for each region",
    )
    table.add(
        "keys in memory",
        f"{8 * _GB / costs.key_bytes / 1e6:,.0f} million in 8 GB, for each process",
        "memory: each process has its own copy",
        "`FLOWKEYS_CACHED_KEYS` no larger than what calls; what is not there costs a look-up",
    )
    return table


def _of_examples(title: str, sized: list[Sized], note: str = "") -> Table:
    return Table(title, ("", *(item.one.name for item in sized)), note)


def _if(item: Sized, text: str) -> str:
    return text if item.one.on_postgres else "none"


def _bytes(size: float) -> str:
    for unit, name in ((1024**4, "TB"), (_GB, "GB"), (MB, "MB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size / 1024:.3g} kB"
