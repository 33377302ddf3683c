"""Who takes part: flowkeys, LiteLLM's proxy, and a program that only copies; all ask the same model."""

import json
import secrets
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import process
from bench.models import stub
from bench.process import CLIENT_CORE, Process
from bench.target import opened
from flowkeys.flows.drafts.templates import openai_flow
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.keys.input import NewKey

FLOWKEYS: Final = "flowkeys, a chatflow behind a key"
LITELLM: Final = "LiteLLM's proxy, behind its master key"
PASS_THROUGH: Final = "bare pass-through of the same bytes"
QUESTION: Final = "Hello"
PEER: Final = Path(__file__).parents[2] / "build" / "peers" / "litellm"
_PEER_SECONDS: Final = 120

Asks = Callable[[str, bool], str]
"""Returns the bytes that ask a model, by its name, streamed or whole."""


@dataclass(frozen=True)
class Contender:
    """A server that runs, and how it is asked."""

    name: str
    server: Process
    request: Asks


def model(stack: ExitStack, folder: Path) -> Process:
    """Start the model, on the core of those who call."""
    command = [sys.executable, "-m", "bench.models.stub"]
    return stack.enter_context(process.running(command, folder / "model.log", core=CLIENT_CORE))


def start(stack: ExitStack, folder: Path, asked: Process) -> tuple[list[Contender], dict[str, str]]:
    """Start all that can be; return them, and why the others could not."""
    found = [flowkeys(stack, folder / "flowkeys", asked), pass_through(stack, folder, asked)]
    try:
        return [*found, litellm(stack, folder, asked)], {}
    except (OSError, RuntimeError) as error:
        return found, {LITELLM: str(error).splitlines()[-1][:80]}


def flowkeys(stack: ExitStack, data: Path, asked: Process) -> Contender:
    """Start `flowkeys serve` with a chatflow of each model, and a key that opens them."""
    flows, token = _publish(data, asked)
    settings = {"allowed_endpoints": f"{asked.url}/v1"}
    server = stack.enter_context(process.flowkeys(data, data.with_suffix(".log"), **settings))

    def request(name: str, stream: bool) -> str:
        return predicting(flows[name], token, stream=stream)

    return Contender(FLOWKEYS, server, request)


def predicting(chatflow_id: str, token: str, *, stream: bool = False) -> str:
    """Return the bytes that ask a chatflow."""
    return _request(f"/api/v1/prediction/{chatflow_id}", token, {"question": QUESTION, "streaming": stream})


def pass_through(stack: ExitStack, folder: Path, asked: Process) -> Contender:
    """Start the program that copies."""
    command = [sys.executable, "-m", "bench.models.pass_through", asked.url.rpartition(":")[2]]
    server = stack.enter_context(process.running(command, folder / "pass-through.log"))
    return Contender(PASS_THROUGH, server, lambda name, stream: _completion("", name, stream))


def litellm(stack: ExitStack, folder: Path, asked: Process) -> Contender:
    """Start LiteLLM's proxy: one worker, no database; nothing that it would fetch when it starts.

    Raises:
        OSError, RuntimeError: it is not installed, or does not start.
    """
    if not (PEER / ".ready").exists():
        raise FileNotFoundError("not installed: see build/peers")
    config = folder / "litellm.yaml"
    own = {"api_base": f"{asked.url}/v1", "api_key": "none"}
    models = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}", **own}} for name in stub.MODELS
    ]
    config.write_text(json.dumps({"model_list": models}), "utf-8")  # JSON is YAML
    token = f"sk-{secrets.token_urlsafe(32)}"
    settings = {"LITELLM_MASTER_KEY": token, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    port = _free_port()  # its address would be in the log, which is limited to errors
    command = [str(PEER / "bin/litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", port]
    server = stack.enter_context(
        process.running(
            [*command, "--telemetry", "False"],
            folder / "litellm.log",
            settings,
            start_seconds=_PEER_SECONDS,
            url=f"http://127.0.0.1:{port}",
        )
    )
    return Contender(LITELLM, server, lambda name, stream: _completion(token, name, stream))


def _publish(data: Path, asked: Process) -> tuple[Mapping[str, str], str]:
    with opened(data) as target:
        runtime, caller, run = target.runtime, target.caller, target.run
        flows = {}
        for name in stub.MODELS:
            data_of = openai_flow(f"{asked.url}/v1", name)
            patch = ChatflowPatch(name=name, flow_data=with_reply(data_of) if name == stub.FEW else data_of)
            flows[name] = run(runtime.chatflows.create(caller, patch)).chatflow.id
        key = NewKey(name="caller", chatflow_ids=tuple(flows.values()))
        return flows, run(runtime.keyring.create(caller, key)).token.reveal()


def with_reply(flow_data: str) -> str:
    """Return a flow whose model is followed by a Direct Reply that quotes it."""
    flow = json.loads(flow_data)
    inputs = {"directReplyMessage": "R: {{ llmAgentflow_0 }}"}
    data = {
        "id": "directReplyAgentflow_0",
        "name": "directReplyAgentflow",
        "label": "Reply",
        "inputs": inputs,
    }
    flow["nodes"].append({"id": data["id"], "type": "agentFlow", "position": {"x": 0, "y": 0}, "data": data})
    ends = {"source": "llmAgentflow_0", "target": data["id"]}
    flow["edges"].append({**ends, "sourceHandle": "llmAgentflow_0-output-llmAgentflow", "id": "last"})
    return json.dumps(flow)


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return str(held.getsockname()[1])


def _completion(token: str, name: str, stream: bool) -> str:
    messages = [{"role": "user", "content": QUESTION}]
    return _request("/v1/chat/completions", token, {"model": name, "messages": messages, "stream": stream})


def _request(path: str, token: str, body: Mapping[str, object]) -> str:
    text = json.dumps(body)
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}"
    )
