"""The engine: chatflows in, compiled flows out."""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowType, CredentialNode, FlowCheck
from flowkeys.domain.chatflows.code import Brought
from flowkeys.domain.errors import FlowNotRunnable, InvalidInput
from flowkeys.flows.code.running import CodeRunner
from flowkeys.flows.context import Run
from flowkeys.flows.graph.graph import Graph, parse
from flowkeys.flows.graph.naming import credential_nodes, with_credentials
from flowkeys.flows.limits import Limits
from flowkeys.flows.models.access import Models
from flowkeys.flows.nodes import STANDARD
from flowkeys.flows.nodes.execute_flow import called_chatflows
from flowkeys.flows.nodes.retriever import named_collections
from flowkeys.flows.overrides import Overrides, read_overrides
from flowkeys.flows.plan import Plan, make_plan
from flowkeys.flows.python import PythonTargets
from flowkeys.flows.registry import Kind
from flowkeys.flows.running.runner import run_plan, run_plan_at_once
from flowkeys.flows.settings import FlowSettings
from flowkeys.service.ports.credentials import CredentialVault
from flowkeys.service.ports.flows import Emit, Event, FlowCall, FlowResult, Retriever, Tokens
from flowkeys.service.ports.variables import VariableValues

if TYPE_CHECKING:
    from flowkeys.outbound.connecting import Resolve


class Engine:
    """Parses and checks chatflows, and keeps the compiled ones by (chatflow id, version)."""

    def __init__(
        self,
        settings: FlowSettings,
        retriever: Retriever,
        *,
        kinds: Iterable[Kind] = STANDARD,
        resolve: "Resolve | None" = None,
        vault: CredentialVault | None = None,
        values: VariableValues | None = None,
    ) -> None:
        """Open nothing yet; `aclose` closes what calls have opened.

        `vault` has credentials that are stored, and `values` variables, the operator's among them.

        Raises:
            ConfigurationError: a setting is no use, with what is wrong with it.
        """
        self.settings = settings
        self.retriever = retriever
        self.models = Models(settings, resolve=resolve, vault=vault)
        self.values = values
        self.python = PythonTargets(settings)
        self.code = CodeRunner(settings, resolve)
        self._kinds = {kind.name: kind for kind in kinds}
        self._ignored = frozenset(kind.name for kind in self._kinds.values() if kind.build is None)
        self._flows: OrderedDict[tuple[str, int, Brought], Flow] = OrderedDict()
        self._looks: OrderedDict[tuple[str, int, int], _Look] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, chatflow: Chatflow) -> FlowCheck:
        """Tell whether a chatflow can run here. Runs nothing and imports nothing that the flow names.

        The answer is kept by (chatflow id, version), and may be asked for in any thread.
        """
        return self._look(chatflow).check

    def collections(self, chatflow: Chatflow) -> frozenset[str]:
        """Return the document collections that a chatflow's retrievers name, whether it can run or not.

        They are as `Retriever.search` takes them: an id, a name, or ``id:name`` as Flowise writes it. There
        are none in a flow that cannot be read. Never raises; may be asked for in any thread.
        """
        return self._look(chatflow).collections

    def called(self, chatflow: Chatflow) -> frozenset[str]:
        """Return the ids of the chatflows that a chatflow calls. Never raises; in any thread."""
        return self._look(chatflow).called

    def credential_nodes(self, chatflow: Chatflow) -> tuple[CredentialNode, ...]:
        """Return a chatflow's nodes that use a credential. Never raises; may be asked for in any thread."""
        return self._look(chatflow).credential_nodes

    def credentials(self, workspace_id: str) -> tuple[str, ...]:
        """Return the names of the credentials that a workspace's flows may name, sorted."""
        return self.models.credentials(workspace_id)

    def forget(self) -> None:
        """Forget all that was compiled and checked: credentials are others."""
        with self._lock:
            self._looks.clear()
        self._flows.clear()

    def _look(self, chatflow: Chatflow) -> "_Look":
        given = chatflow.flow_data, chatflow.brought, *sorted(chatflow.credentials.items())
        key = (chatflow.id, chatflow.version, hash(given))  # a draft has a version's number too
        with self._lock:
            known = self._looks.get(key)
            if known is not None:
                self._looks.move_to_end(key)
                return known
        graph = self._parse(chatflow)
        plan = self.plan(graph)
        check = FlowCheck(
            plan.runnable, plan.missing_kinds, plan.problems, plan.codes, plan.lasts, plan.of_nodes
        )
        look = _Look(check, named_collections(graph), called_chatflows(graph), credential_nodes(graph))
        with self._lock:
            self._looks[key] = look
            while len(self._looks) > self.settings.cached_checks:
                self._looks.popitem(last=False)
        return look

    def compile(self, chatflow: Chatflow) -> "Flow":
        """Return the chatflow ready to run; one that is in the cache costs a look-up.

        Raises:
            FlowNotRunnable: it has kinds or settings this server cannot run.
        """
        key = (chatflow.id, chatflow.version, chatflow.brought)
        flow = self._flows.get(key)
        if flow is None:
            graph = self._parse(chatflow)
            flow = Flow(self, chatflow, graph, self.plan(graph))
            self._flows[key] = flow
            if len(self._flows) > self.settings.cached_flows:
                self._flows.popitem(last=False)
        else:
            self._flows.move_to_end(key)
        if not flow.plan.runnable:
            raise _not_runnable(flow.plan)
        return flow

    async def aclose(self) -> None:
        """Close the connections to models, and let go of the threads of Python callables."""
        self.python.close()
        await self.code.aclose()
        await self.models.aclose()

    def plan(self, graph: Graph, base: Plan | None = None) -> Plan:
        """Return a graph's steps; those of nodes that are in `base` too are taken from it."""
        return make_plan(graph, self._kinds, self, base)

    def _parse(self, chatflow: Chatflow) -> Graph:
        graph = parse(chatflow.flow_data, ignored=self._ignored, known=self._kinds)
        graph = msgspec.structs.replace(graph, workspace_id=chatflow.workspace_id, brought=chatflow.brought)
        return with_credentials(graph, chatflow.credentials)


class _Look(msgspec.Struct, frozen=True):
    """What was found out about a version of a chatflow without running it."""

    check: FlowCheck
    collections: frozenset[str]
    called: frozenset[str]
    credential_nodes: tuple[CredentialNode, ...]


class Flow:
    """A chatflow parsed and checked."""

    def __init__(self, engine: Engine, chatflow: Chatflow, graph: Graph, plan: Plan) -> None:
        self.plan = plan
        self._engine = engine
        self._graph = graph
        self._overrides: Overrides = read_overrides(chatflow.api_config)
        self._node_events = chatflow.type in {ChatflowType.AGENTFLOW, ChatflowType.MULTIAGENT}

    @property
    def most_tokens(self) -> int:
        """How many tokens its models may use in a run, each as its node says, or as the operator does."""
        return self.plan.most_tokens

    async def run(self, call: FlowCall, emit: Emit) -> FlowResult:
        """Run to the end, emitting node events and tokens in order; cancelling it stops the run.

        Raises:
            InvalidInput: the call lacks something; nothing has been emitted then.
            UpstreamFailed: a model or service behind a node failed.
        """
        plan, run = self._begin(call, emit)
        return await run_plan(plan, run, node_events=self._node_events)

    def run_at_once(self, call: FlowCall) -> FlowResult | None:
        """Run a flow that waits for nothing; None when there is something to wait for. It emits nothing."""
        if self.plan.waits or call.resumed is not None:
            return None
        if call.overrides and self._overrides.inputs:  # what they change may wait
            return None
        plan, run = self._begin(call, _ignore)
        return run_plan_at_once(plan, run, node_events=self._node_events)

    def _begin(self, call: FlowCall, emit: Emit) -> tuple[Plan, Run]:
        settings = self._engine.settings
        plan = self.plan
        values = self._engine.values
        variables = settings.variables if values is None else values.of(call.workspace_id)
        if call.overrides:
            plan = self._overridden(call)
            if not self._node_events:  # in agentflows they change nothing, as in Flowise
                variables = {**variables, **self._overrides.vars(call.overrides)}
        for planned in plan.steps if call.resumed is None else ():
            planned.step.admit(call)
        run = Run(
            call,
            emit,
            variables=variables,
            history_limit=settings.history_messages,
            state_limit=settings.state_characters,
            limits=call.limits if isinstance(call.limits, Limits) else Limits(settings),
        )
        return plan, run

    def _overridden(self, call: FlowCall) -> Plan:
        nodes = self._overrides.apply(self._graph.nodes, call.overrides)
        if nodes is None:
            return self.plan
        plan = self._engine.plan(msgspec.structs.replace(self._graph, nodes=nodes), self.plan)
        if not plan.runnable:
            raise InvalidInput.of("overrideConfig", " ".join(plan.problems))
        return plan


async def _ignore(event: Event | Tokens) -> None:
    """Take an event that nobody reads."""


def _not_runnable(plan: Plan) -> FlowNotRunnable:
    reasons = list(plan.problems)
    if plan.missing_kinds:
        reasons.insert(0, f"this server has no node kind {', '.join(plan.missing_kinds)}.")
    return FlowNotRunnable(f"The chatflow cannot run here: {' '.join(reasons)}", plan.missing_kinds)
