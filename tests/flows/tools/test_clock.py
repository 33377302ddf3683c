"""The tool that tells the time."""

import msgspec

from tests.flows.support import NOON, call, chain, node, run


async def test_a_node_is_told_day_date_and_time_of_the_call():
    """It takes nothing; what it says is JSON, of the moment at which the chatflow was asked."""
    tool = node("toolAgentflow_0", {"toolAgentflowSelectedTool": "currentDateTime", "toolInputArgs": ""})
    for now, date, day in (
        (NOON, "2025-11-24", "Monday"),
        (0, "1970-01-01", "Thursday"),
        (1_709_251_199_000_000, "2024-02-29", "Thursday"),
    ):
        ran = await run(chain(tool), call(now=now))
        told = msgspec.json.decode(ran.result.text)
        assert (told["date"], told["day"]) == (date, day)
        assert told["iso8601"] == f"{date}T{told['time']}.000Z"
        assert told["unix_timestamp"] == now // 1_000_000
        assert (told["timezone"], told["timezoneOffset"]) == ("UTC", "+00:00")
