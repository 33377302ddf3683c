"""What differs between an answer of ours and the one that was recorded."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from tests.flowise.recordings import Exchange, Recording
from tests.flowise.rows import Row, matches, rows
from tests.flowise.situations import applies, has_failed, is_unfinished

TIMES = "/*/data/output/timeMetadata/*"
"""Times vary even where two recordings happened to take equally long."""
_DATE = "/*/data/output/http/headers/date"
_IDS = ("/chatId", "/chatMessageId", "/executionId", "/sessionId")
_EXECUTED = "/agentFlowExecutedData"
_COMPARED_HEADERS = ("authorization", "content-type")
FAILED = 400

Seen = Mapping[str, Any]


def differences(recording: Recording, recorded: Exchange, ours: Exchange, *, allowed: bool) -> list[str]:
    """Return what differs, as pointers with both values; with `allowed` without what is meant to differ."""
    meant = [row for row in rows().values() if allowed and applies(row.letter, recording, recorded, ours)]
    if allowed and _is_refused_early(recording, recorded, ours):
        return []
    one, two = _seen(recording, recorded, meant), _seen(recording, ours, meant)
    found = list(_differing("", one, two))
    patterns = [pattern for row in meant for pattern in row.patterns]
    return [
        f"{pointer}: {first!r:.300} is {second!r:.300}"
        for pointer, first, second in found
        if not any(matches(pattern, pointer) for pattern in patterns)
    ]


def _is_refused_early(recording: Recording, recorded: Exchange, ours: Exchange) -> bool:
    """Tell whether what Flowise streamed is refused before there is a stream (rows a and l)."""
    if "l" in rows() and isinstance(recorded.answer, list) and applies("l", recording, recorded, ours):
        return True
    return "a" in rows() and ours.status >= FAILED and has_failed(recorded) and not is_unfinished(ours)


def _seen(recording: Recording, exchange: Exchange, meant: Sequence[Row]) -> Seen:
    asked = [_asked(request) for request in exchange.asked]
    if not isinstance(exchange.answer, list) or exchange.form == "whole":
        times = (f"{_EXECUTED}{TIMES}", f"{_EXECUTED}{_DATE}")
        body = _masked(exchange.answer, [*recording.varies, *_IDS, *times])
        return {"status": exchange.status, "body": body, "asked": asked}
    left_out = {pattern.removeprefix("/events/") for row in meant for pattern in row.patterns}
    events = [
        {event["event"]: _data(recording, event["event"], event.get("data"))}
        for event in exchange.answer
        if event["event"] not in left_out
    ]
    return {"status": exchange.status, "events": events, "asked": asked}


def _asked(request: Mapping[str, Any]) -> Any:
    """Return what is compared of a request: row k says what is not."""
    body = request.get("body")
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in {"stream", "stream_options"}}
    headers = {name: request["headers"].get(name) for name in _COMPARED_HEADERS}
    kind, _, boundary = str(headers["content-type"]).partition("boundary=")
    if boundary:  # a random one
        headers["content-type"], body = kind, str(body).replace(boundary, "boundary")
    return {"method": request["method"], "path": request["path"], "headers": headers, "body": body}


def _data(recording: Recording, name: str, data: Any) -> Any:
    varies = recording.varies
    if name == "agentFlowExecutedData":
        told = [p.removeprefix(_EXECUTED) for p in varies if p.startswith(_EXECUTED)]
        return _masked(data, [TIMES, _DATE, *told])
    if name == "token" and "/text" in varies:
        return "varies"
    if name == "action":
        return _masked(data, ["/id", *(p.removeprefix("/action") for p in varies if p.startswith("/action"))])
    return _masked(data, [*_IDS, *varies]) if name == "metadata" else data


def _masked(value: Any, pointers: Sequence[str], at: str = "") -> Any:
    if at and any(pointer.count("/") == at.count("/") and matches(pointer, at) for pointer in pointers):
        return "varies"
    if isinstance(value, dict):
        return {name: _masked(item, pointers, f"{at}/{name}") for name, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, pointers, f"{at}/{number}") for number, item in enumerate(value)]
    return value


def _differing(at: str, one: Any, two: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(two, dict):
        for name in [*one, *(name for name in two if name not in one)]:
            if name not in one or name not in two:
                yield f"{at}/{name}", one.get(name, "(not there)"), two.get(name, "(not there)")
            else:
                yield from _differing(f"{at}/{name}", one[name], two[name])
    elif isinstance(one, list) and isinstance(two, list):
        if at == "/events":
            yield from _differing_events(one, two)
        elif at == "/asked":
            for number, (first, second) in enumerate(zip_longest(one, two, fillvalue={})):
                yield from _differing(f"{at}/{number}", first, second)
        elif len(one) != len(two):
            yield at, one, two
        else:
            for number, (first, second) in enumerate(zip(one, two, strict=True)):
                yield from _differing(f"{at}/{number}", first, second)
    elif type(one) is not type(two) or one != two:
        yield at, one, two


def _differing_events(
    one: Sequence[Mapping[str, Any]], two: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, Any, Any]]:
    names = [[next(iter(event)) for event in events] for events in (one, two)]
    if names[0] != names[1]:
        number = next(
            (n for n, (a, b) in enumerate(zip(*names, strict=False)) if a != b), min(map(len, names))
        )
        yield "/events", one[number : number + 3], two[number : number + 3]
        return
    for first, second in zip(one, two, strict=True):
        yield from _differing("/events", first, second)
