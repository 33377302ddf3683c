"""The one table on every way: the protocol, the ASGI layer, and what each is the faster form of."""

import json
import re
from typing import Any

import pytest

from tests.conformance import raw
from tests.support.programs.second import WORKERS
from tests.verification.case import Case, World
from tests.verification.cases import CASES

NEW = re.compile(rb'(?<="chatMessageId":")[0-9a-f-]{36}|(?<="executionId":")[0-9a-f-]{36}'
                 rb'|[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}')  # fmt: skip
"""Ids that each answer has of its own: those of the message, the run, and a session that was not named."""
COUNTED = re.compile(rb'(?<=;[rt]=)[0-9]+|(?<="remaining":)[0-9]+|(?<=Seconds":)[0-9]+')
"""What is left of a limit, and for how long."""
OF_THE_PROCESS = re.compile(rb'(?<="position":)[0-9]+')
"""Up to where it has heard of changes, which each of several processes says of itself."""
OF_THE_CONNECTION = {"date", "connection", "x-request-id"}
"""Headers that may differ from answer to answer."""


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_every_way_answers_the_same(case: Case, world: World, ways: dict[str, str]) -> None:
    """The answer is the table's, and to the byte the same on every way but for date and request id."""
    case = world.filled(case)
    # Forward-auth has no other form than the hot one; verify and predictions are the framework's too.
    others = ("asgi", "awaiting", "waiting") if case.route == "forward-auth" else ("asgi", "framework")
    answers = {way: _ask(ways[way], case) for way in ("protocol", *others)}
    _check(case, answers["protocol"])
    expected = _plain(answers["protocol"])
    for way in others:
        assert _plain(answers[way]) == expected, way


def _ask(url: str, case: Case) -> raw.Answer:
    return raw.send(url, case.method, case.target, case.lines, case.body)


def _check(case: Case, answer: raw.Answer) -> None:
    assert answer.status == case.status
    for name, value in (*case.headers, ("x-content-type-options", "nosniff")):
        assert answer.header(name) == value, name
    if case.code is not None and case.method != "HEAD":
        found = json.loads(answer.body)
        assert found["code"] == case.code
        if case.status != 200:
            assert found["requestId"] == answer.header("x-request-id")
    if case.status == 429:
        assert int(answer.header("retry-after") or 0) > 60
    if case.status in {400, 401, 403} and case.code not in _WITHOUT_CHALLENGE:
        assert (answer.header("www-authenticate") or "").startswith('Bearer realm="flowkeys"')
    if case.members:
        found = json.loads(answer.body)
        if "results" in case.members:
            found = {"results": [one["code"] for one in found["results"]]}
        assert {name: found.get(name) for name in case.members} == case.members
    elif case.route == "forward-auth" and (case.status == 200 or case.method == "HEAD"):
        assert answer.body == b""


_WITHOUT_CHALLENGE = {"invalid_json", "headers_too_large", "rate_limited", None}


def _uncounted(name: str, value: str) -> str:
    """Return a header without the numbers that the next call changes, or the next second."""
    if name == "ratelimit":
        return COUNTED.sub(b"(n)", value.encode()).decode()
    return "(n)" if name in {"retry-after", "x-auth-retry-after"} else value


def _plain(answer: raw.Answer) -> tuple[int, list[tuple[str, str]], Any]:
    request_id = (answer.header("x-request-id") or "").encode()
    answer = answer._replace(body=COUNTED.sub(b"(n)", NEW.sub(b"(new)", answer.body)))
    if WORKERS > 1:
        answer = answer._replace(body=OF_THE_PROCESS.sub(b"(n)", answer.body))
    length = str(len(answer.body.replace(request_id, b"")))
    headers = [
        (name.lower(), length if name.lower() == "content-length" and answer.body else value)
        for name, value in ((name, _uncounted(name.lower(), value)) for name, value in answer.headers)
        if name.lower() not in OF_THE_CONNECTION
        and not (WORKERS > 1 and name.lower() == "content-length" and not answer.body)  # of an id's length
    ]
    return answer.status, sorted(headers), answer.body.replace(request_id, b"")
