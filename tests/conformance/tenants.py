"""Two workspaces with the same things in them, so that a wall can be seen to stand between them."""

import uuid
from typing import Any

from tests.flows.support import chain, node
from tests.support.flows import bound_key, make_chatflow, make_customer, make_waiting
from tests.support.server import NOBODY, Api, Running

GUIDE = b"# Opening hours\n\nThe zebra house opens at nine in the morning and closes at five.\n"


class Tenant:
    """A workspace: a key for everything, and one of each thing there is."""

    def __init__(self, server: Running, workspace: str) -> None:
        self.server = server
        self.workspace = workspace
        self.workspace_id = server.workspace(workspace)
        self.owner: Api = server.owner(workspace)
        self.chatflow = make_chatflow(self.owner, f"Echo of {workspace}")
        self.key = bound_key(self.owner, self.chatflow, f"caller of {workspace}")
        self.token: str = self.key["apiKey"]
        self.caller = server.api(self.token)
        stored = self.owner.post("/document-stores", json={"name": f"Guide of {workspace}"})
        assert stored.status_code == 201, stored.text
        self.store: dict[str, Any] = stored.json()
        sent = self.owner.post(
            f"/document-stores/{self.store['id']}/documents", files={"files": ("guide.md", GUIDE)}
        )
        assert sent.json()["added"] == 1, sent.text
        documents = self.owner.get(f"/document-stores/{self.store['id']}/documents").json()
        self.document: dict[str, Any] = documents[0]
        self.customer = make_customer(self.owner, f"Customer of {workspace}", externalId=str(uuid.uuid4()))
        sent = self.owner.post("/webhooks", json={"url": f"{NOBODY}/hook", "events": ["key.expiring"]})
        assert sent.status_code == 201, sent.text
        self.webhook: dict[str, Any] = sent.json()
        self.delivery: dict[str, Any] = self.owner.post(f"/webhooks/{self.webhook['id']}/test").json()
        body = {
            "name": f"credential of {workspace} {uuid.uuid4()}",
            "credentialName": "openAIApi",
            "plainDataObj": {"openAIApiKey": f"sk-of-{workspace}"},
        }
        sent = self.owner.post("/credentials", json=body)
        assert sent.status_code == 201, sent.text
        self.credential: dict[str, Any] = sent.json()
        sent = self.owner.post(
            "/variables", json={"name": f"shared_name_{uuid.uuid4().hex[:8]}", "value": f"of {workspace}"}
        )
        assert sent.status_code == 201, sent.text
        self.variable: dict[str, Any] = sent.json()
        sent = self.owner.post(
            "/tools", json={"name": f"tool_of_{workspace}", "func": f"return '{workspace}'"}
        )
        assert sent.status_code == 201, sent.text
        self.tool: dict[str, Any] = sent.json()
        approvals, token = make_waiting(self.owner)
        asked = server.api(token).post(f"/prediction/{approvals['id']}", json={"question": "go on"})
        assert asked.status_code == 200, asked.text
        self.execution: str = asked.json()["executionId"]
        assert self.ask(f"Hello from {workspace}", sessionId=f"session of {workspace}") == 200

    @property
    def ids(self) -> dict[str, str]:
        """What stands in the braces of paths."""
        return {
            "key_id": self.key["id"],
            "chatflow_id": self.chatflow["id"],
            "customer_id": self.customer["id"],
            "store_id": self.store["id"],
            "document_id": self.document["id"],
            "webhook_id": self.webhook["id"],
            "credential_id": self.credential["id"],
            "variable_id": self.variable["id"],
            "delivery_id": self.delivery["id"],
            "execution_id": self.execution,
            "tool_id": self.tool["id"],
        }

    def ask(self, question: str = "Hello", **members: Any) -> int:
        """Call the chatflow with the key that is bound to it, and return the status."""
        path = f"/prediction/{self.chatflow['id']}"
        return self.caller.post(path, json={"question": question, **members}).status_code

    def lesser(self, *permissions: str, name: str = "lesser") -> Api:
        """Return a client whose key holds these permissions and no others."""
        return self.server.api(self.server.key(name, permissions, self.workspace)["apiKey"])

    def snapshot(self) -> dict[str, Any]:
        """Return everything that can be seen of the workspace; times of use move by themselves."""
        seen = {
            path: self.owner.get(path).json()
            for path in (
                "/apikey?status=all",
                "/chatflows",
                f"/chatflows/{self.chatflow['id']}/messages",
                "/customers?status=all",
                "/document-stores",
                f"/document-stores/{self.store['id']}/documents",
                "/webhooks",
                "/credentials",
                "/variables",
                "/executions",
                "/tools",
            )
        }
        sent = self.owner.get(f"/webhooks/{self.webhook['id']}/deliveries").json()
        seen["deliveries"] = [each["id"] for each in sent]  # each is tried again, by itself
        for key in seen["/apikey?status=all"]:
            for name in ("lastUsedAt", "lastAddress", "lastUserAgent"):
                del key[name]
        return seen


def searching(store: str) -> str:
    """FlowData of a chatflow that answers from a document store."""
    row = {"documentStore": store}
    return chain(node("retrieverAgentflow_0", {"retrieverKnowledgeDocumentStores": [row]}))
