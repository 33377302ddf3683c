"""Summaries of chatflows: a graph is looked at once a version, and no list reads one again."""

import pytest

from flowkeys.domain.errors import Forbidden
from flowkeys.domain.listing import ChatflowQuery
from flowkeys.domain.principal import Caller, Principal, operator
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.chatflows.reader import ChatflowSummary
from tests.support.flows import echo, exported, unknown
from tests.support.server import Running


class Looked:
    """Counts how often a graph was looked at."""

    def __init__(self, server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ids: list[str] = []
        service = server.runtime.chatflows
        checked = service.checked

        def counting(chatflow: object) -> object:
            self.ids.append(chatflow.id)
            return checked(chatflow)

        monkeypatch.setattr(service, "checked", counting)


def _caller(server: Running, workspace: str) -> Caller:
    return Caller(operator(server.workspace(workspace)))


def _make(server: Running, caller: Caller, name: str, flow_data: str | None = None, **members: object) -> str:
    patch = ChatflowPatch(name=name, flow_data=flow_data or exported(), **members)
    made: str = server.do(server.runtime.chatflows.create(caller, patch)).chatflow.id
    return made


def _summaries(server: Running, caller: Caller, **members: object) -> dict[str, ChatflowSummary]:
    query = ChatflowQuery(workspace_id="ignored", **members)
    page = server.do(server.runtime.chatflows.summaries(caller, query))
    return {item.name: item for item in page.items}


def test_a_summary_says_whether_it_runs_and_what_is_not_enforced(server: Running) -> None:
    """As the chatflow's own page and the API do."""
    caller = _caller(server, "summaries")
    _make(server, caller, "runs", api_config='{"rateLimit": {"status": true}}')
    _make(server, caller, "does not", unknown())
    found = _summaries(server, caller)
    assert found["runs"].check.runnable
    assert len(found["runs"].warnings) == 1
    assert found["does not"].check.missing_kinds == ("browserAgentflow",)
    assert found["does not"].warnings == ()


def test_a_graph_is_looked_at_once_a_version(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change is seen at the next list; everything else costs no look."""
    caller = _caller(server, "once")
    changed, same = _make(server, caller, "changed"), _make(server, caller, "same")
    looked = Looked(server, monkeypatch)
    assert _summaries(server, caller)["changed"].check.runnable
    assert sorted(looked.ids) == sorted([changed, same])
    looked.ids.clear()
    assert len(_summaries(server, caller)) == 2
    assert looked.ids == []
    patch = ChatflowPatch(flow_data=unknown())
    server.do(server.runtime.chatflows.update(caller, changed, patch))
    looked.ids.clear()
    assert not _summaries(server, caller)["changed"].check.runnable
    assert looked.ids == [changed]


def test_only_the_shown_part_is_looked_at(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of one, by name, looks at one."""
    caller = _caller(server, "part")
    first = _make(server, caller, "a", echo("a"))
    _make(server, caller, "b", echo("b"))
    looked = Looked(server, monkeypatch)
    found = _summaries(server, caller, sort="name", descending=False, limit=1)
    assert (list(found), looked.ids) == (["a"], [first])


def test_who_may_not_see_chatflows_sees_no_list_of_them(server: Running) -> None:
    """Neither summaries nor names to choose from."""
    caller = Caller(Principal("person", "p", "P", server.workspace(), frozenset({"apikeys:view"})))
    service = server.runtime.chatflows
    with pytest.raises(Forbidden):
        server.do(service.summaries(caller, ChatflowQuery(workspace_id="")))
    with pytest.raises(Forbidden):
        server.do(service.choices(caller))


def test_a_list_is_of_the_caller_s_workspace_whatever_is_asked(server: Running) -> None:
    """The query's own workspace is not believed."""
    mine, other = _caller(server, "mine"), _caller(server, "without any chatflow")
    _make(server, mine, "mine")
    query = ChatflowQuery(workspace_id=mine.workspace_id)
    assert server.do(server.runtime.chatflows.summaries(other, query)).total == 0
    assert server.do(server.runtime.chatflows.choices(other, "mine")) == []
    assert [item.name for item in server.do(server.runtime.chatflows.choices(mine, "MIN"))] == ["mine"]
