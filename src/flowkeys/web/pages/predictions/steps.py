"""The steps of a run, as a page shows them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

LONGEST: Final = 20_000
"""Characters of what a node was given, or gave, that a page shows."""
MOST: Final = 200
"""Steps that a page shows."""
_KINDS: Final = {"FINISHED": "good", "STOPPED": "warn", "ERROR": "danger"}
_WORDS: Final = {"FINISHED": "Done", "STOPPED": "Waits", "ERROR": "Failed"}


class Part(msgspec.Struct, frozen=True):
    """What a node was given, or gave, or the state behind it: JSON, or a text."""

    title: str
    text: str
    is_cut: bool


class Step(msgspec.Struct, frozen=True):
    """One node that ran."""

    label: str
    kind: str
    status: str
    badge: str
    round: int | None
    """The round of an iteration that it ran in, from 1 on."""
    seconds: str | None
    tokens: int | None
    error: str | None
    content: str | None
    """What it said, where that is a text."""
    parts: list[Part]


def steps(entries: Iterable[Mapping[str, Any]]) -> list[Step]:
    """Return the first steps of a run. Entries are as nodes gave them, and may lack anything."""
    return [_step(entry) for _, entry in zip(range(MOST), entries, strict=False)]


def _step(entry: Mapping[str, Any]) -> Step:
    data = entry.get("data") or {}
    output = data.get("output")
    members = output if isinstance(output, Mapping) else {}
    status = str(entry.get("status"))
    content = members.get("content")
    round_ = data.get("iterationIndex")
    return Step(
        label=str(entry.get("nodeLabel")),
        kind=str(data.get("name", "")).removesuffix("Agentflow"),
        status=_WORDS.get(status, status),
        badge=_KINDS.get(status, "plain"),
        round=round_ + 1 if isinstance(round_, int) else None,
        seconds=_seconds(members.get("timeMetadata")),
        tokens=_tokens(members.get("usageMetadata")),
        error=data.get("error"),
        content=content[:LONGEST] if isinstance(content, str) and content.strip() else None,
        parts=[
            _part(title, data[name])
            for title, name in (("Input", "input"), ("Output", "output"), ("State", "state"))
            if data.get(name)
        ],
    )


def _part(title: str, value: Any) -> Part:
    text = msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode()
    return Part(title, text[:LONGEST], len(text) > LONGEST)


def _seconds(times: Any) -> str | None:
    delta = times.get("delta") if isinstance(times, Mapping) else None
    if not isinstance(delta, int | float):
        return None
    return f"{delta:.0f} ms" if delta < 1000 else f"{delta / 1000:.1f} s"  # noqa: PLR2004


def _tokens(usage: Any) -> int | None:
    total = usage.get("total_tokens") if isinstance(usage, Mapping) else None
    return total if isinstance(total, int) else None
