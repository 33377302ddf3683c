"""Replays recordings: saves their flows at a server of ours, and asks what was asked of Flowise."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import httpx
import msgspec

from tests.flowise.recordings import FORMS, Exchange, Recording, decoded
from tests.flowise.stub import Stub
from tests.support.flows import events, make_key
from tests.support.server import Api, Running
from tests.support.shared import SHARED

SAMPLE = SHARED / "flowise-sample-full"
_PREDICTION = "/api/v1"
_OF_TOOL = ("name", "description", "color", "iconSrc", "schema", "func")


class Sample:
    """The database that the recordings were made with: what their flows name, by its ids."""

    def __init__(self) -> None:
        self._database = sqlite3.connect(
            f"{(SAMPLE / 'database.sqlite').as_uri()}?mode=ro&immutable=1", uri=True
        )
        self._database.row_factory = sqlite3.Row
        self._expected = json.loads((SAMPLE / "expected.json").read_text("utf-8"))

    @cached_property
    def flows(self) -> Mapping[str, Mapping[str, Any]]:
        """The flows, as the API would give them."""
        return {row["id"]: dict(row) for row in self._database.execute("SELECT * FROM chat_flow")}

    @cached_property
    def variables(self) -> dict[str, str]:
        """The values of its variables, those that it had from the environment among them."""
        found = {row["name"]: row["value"] or "" for row in self._database.execute("SELECT * FROM variable")}
        return {**found, **self._expected["environment"]}

    @cached_property
    def stores(self) -> Mapping[str, Sequence[str]]:
        """The passages of the document stores, by the names of these."""
        rows = self._database.execute(
            "SELECT name, pageContent FROM document_store_file_chunk AS chunk"
            " JOIN document_store AS store ON store.id = chunk.storeId ORDER BY name, chunkNo"
        )
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row["name"], []).append(row["pageContent"])
        return found

    @cached_property
    def tools(self) -> list[dict[str, Any]]:
        """The custom tools, as the API would give them."""
        return [dict(row) for row in self._database.execute("SELECT * FROM tool")]

    @property
    def key(self) -> str:
        """The one key that it has."""
        found: str = self._expected["keys"][0]["apiKey"]
        return found

    def credentials(self, base_url: str) -> dict[str, dict[str, str]]:
        """Return the keys for models by the ids that flows name them by."""
        rows = self._database.execute("SELECT id, name FROM credential WHERE credentialName = 'openAIApi'")
        keys = self._expected["credentials"]
        return {
            row["id"]: {"base_url": base_url, "api_key": keys[row["name"]]["openAIApiKey"]} for row in rows
        }

    def of_services(self, base_url: str, key: str) -> dict[str, dict[str, Any]]:
        """Return the other credentials, as the API takes them, with a key of ours in the place of its own."""
        rows = self._database.execute("SELECT * FROM credential WHERE credentialName != 'openAIApi'")
        held = {**self._expected["credentials"], "rec-chatflowapi": {"chatflowApiKey": key}}
        return {
            row["id"]: {
                "name": row["name"],
                "credentialName": row["credentialName"],
                "plainDataObj": held[row["name"]],
                **({} if row["credentialName"] == "chatflowApi" else {"baseUrl": base_url}),
            }
            for row in rows
        }

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def is_open(flow: Mapping[str, Any]) -> bool:
    """Tell whether a flow is about callers without a key: who they are, or how often they call."""
    return bool(flow.get("chatbotConfig")) or "rateLimit" in str(flow.get("apiConfig"))


class Replay:
    """A server of ours that is asked what Flowise was asked."""

    def __init__(self, server: Running, stub: Stub, sample: Sample) -> None:
        self._owner = server.owner()
        self._caller: Api = server.api()
        self._stub = stub
        self._sample = sample
        self._ids: dict[str, str] = {}
        """Our ids of flows by those that they had."""
        self._keys: dict[str, str] = {}
        for name, passages in sample.stores.items():
            store = self._owner.post("/document-stores", json={"name": name}).json()
            files = [("files", (f"{n}.txt", text.encode())) for n, text in enumerate(passages)]
            self._owner.post(f"/document-stores/{store['id']}/documents", files=files).raise_for_status()

    def save(self, recording: Recording) -> httpx.Response:
        """Store the flow of a recording, and what it names; return the answer to that."""
        flow = recording.flow
        if recording.is_guarded:  # addresses are checked: one that nobody listed, in place of the stub's
            flow = {**flow, "flowData": str(flow["flowData"]).replace("//127.0.0.1:", "//127.0.0.2:")}
        return self._save(flow)

    def put(self, flow_id: str, body: Mapping[str, Any]) -> httpx.Response:
        """Change a flow by the id that it had."""
        return self._owner.put(f"/chatflows/{self._ids[flow_id]}", json=body)

    def exchanges(self, recording: Recording) -> list[tuple[Exchange, Exchange]]:
        """Ask all that was asked, in the same order, and return each recorded exchange with ours."""
        self._stub.received()
        return [(one, self._ask(recording, one)) for form in FORMS for one in recording.exchanges(form)]

    def _save(self, flow: Mapping[str, Any]) -> httpx.Response:
        text = str(flow["flowData"])
        for tool in self._sample.tools:
            if tool["id"] in text and tool["id"] not in self._ids:
                made = self._owner.post("/tools", json={name: tool[name] for name in _OF_TOOL})
                self._ids[tool["id"]] = made.json()["id"]
        key = "none"
        for inner, called in self._sample.flows.items():
            if inner in text and inner != flow.get("id"):
                if inner not in self._ids:
                    self._save(called)
                    if not called["apikeyid"]:  # so it is open to all
                        self.put(inner, {"isPublic": True}).raise_for_status()
                key = self._keys[self._ids[inner]]
        for credential_id, body in self._sample.of_services(f"http://{self._stub.address}", key).items():
            if credential_id in text and credential_id not in self._ids:
                self._ids[credential_id] = self._owner.post("/credentials", json=body).json()["id"]
        body = {
            "name": flow.get("name") or "flow",
            "flowData": self._here(text),
            "type": flow["type"],
            "executedData": "full",
        }
        for name in ("apiConfig", "chatbotConfig"):
            if flow.get(name):
                body[name] = flow[name]
        response = self._owner.post("/chatflows", json=body)
        if response.status_code == 201 and flow.get("id"):
            self._ids[flow["id"]] = made = response.json()["id"]
            key = make_key(self._owner, "replay", chatflowIds=[made], permissions=["executions:view"])
            self._keys[made] = key["apiKey"]
            if is_open(flow):
                assert self.put(flow["id"], {"isPublic": True}).status_code == 200
        return response

    def _ask(self, recording: Recording, recorded: Exchange) -> Exchange:
        asked_id = recorded.path.rsplit("/", 1)[-1]
        if asked_id not in self._ids and asked_id in self._sample.flows:
            self._save(self._sample.flows[asked_id])  # another flow than the recording's own
        flow_id = self._ids.get(asked_id, asked_id)
        path = recorded.path.removeprefix(_PREDICTION).replace(asked_id, flow_id)
        headers = dict(recorded.headers)
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        if bearer == self._sample.key or not (
            bearer or is_open(recording.flow) or recording.flow.get("apikeyid")
        ):
            headers["authorization"] = f"Bearer {self._keys.get(flow_id, 'none')}"
        given = {} if recorded.body is None else {"json": recorded.body}
        response = self._caller.request(recorded.method, path, headers=headers, **given)
        text = self._there(response.text)
        is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
        asked = msgspec.json.decode(self._there(json.dumps(self._stub.received())))
        return msgspec.structs.replace(
            recorded,
            status=response.status_code,
            answer=events(text) if is_stream else decoded(text),
            asked=asked,
        )

    def _here(self, text: str) -> str:
        for there, here in self._ids.items():
            text = text.replace(there, here)
        return self._stub.to_here(text)

    def _there(self, text: str) -> str:
        for there, here in self._ids.items():
            text = text.replace(here, there)
        return self._stub.from_here(text)


def replaying(server_of: Any, stub: Stub, sample: Sample) -> Replay:
    """Return a replay at a server that may call the stub model, and knows what the flows name."""
    base_url = f"http://{stub.address}"
    server = server_of(
        allowed_endpoints=(f"{base_url}/v1", base_url),
        credentials=sample.credentials(f"{base_url}/v1"),
        variables=sample.variables,
        code_nodes=True,
    )
    return Replay(server, stub, sample)
