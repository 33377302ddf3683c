"""What is open, and the description of everything."""

import json
import uuid

import pytest

from tests.support.flows import make_chatflow
from tests.support.server import Api, Running


def test_ping_version_and_health(server: Running) -> None:
    """What scripts and load balancers ask."""
    anyone = server.api()
    assert (anyone.get("/ping").status_code, anyone.get("/ping").text) == (200, "pong")
    assert anyone.get("/version").json() == {"version": "0.1.0"}
    for path in ("/health/live", "/health/ready"):
        assert anyone.get(path).json() == {"status": "ok"}
    together = {} if server.runtime.valkey is None else {"limits": "shared"}
    assert anyone.get("/health").json() == {"status": "ok", **together}


def test_streaming_is_said_of_any_uuid(server: Running) -> None:
    """So it tells nothing about which chatflows exist."""
    anyone = server.api()
    assert anyone.get(f"/chatflows-streaming/{uuid.uuid4()}").json() == {"isStreaming": True}
    assert anyone.get("/chatflows-streaming/x").status_code == 404


def test_the_widget_sees_display_fields_of_public_chatflows_only(server: Running, owner: Api) -> None:
    """Never the graph, the origins or anything of a closed chatflow."""
    config = json.dumps({"starterPrompts": {"0": {"prompt": "Hi"}}, "secretThing": "x", "title": "Shop"})
    public = make_chatflow(owner, chatbotConfig=config, isPublic=True)
    closed = make_chatflow(owner, chatbotConfig=config)
    anyone = server.api()
    shown = anyone.get(f"/public-chatbotConfig/{public['id']}")
    assert shown.json()["starterPrompts"] == {"0": {"prompt": "Hi"}}
    assert isinstance(shown.json()["flowData"], str)
    assert "secretThing" not in shown.text
    assert "directReply" not in shown.text
    for chatflow_id in (closed["id"], str(uuid.uuid4()), "x"):
        assert anyone.get(f"/public-chatbotConfig/{chatflow_id}").status_code == 404


def test_the_description_names_permissions_and_errors(server: Running) -> None:
    """Every operation says what it needs, what it answers and how it refuses."""
    description = server.api().get("/openapi.json").json()
    operations = [
        (path, method, operation)
        for path, item in description["paths"].items()
        for method, operation in item.items()
    ]
    assert len(operations) > 20
    for path, method, operation in operations:
        assert operation["x-permission"], (path, method)
        problems = {s: r for s, r in operation["responses"].items() if s[0] in "45"}
        assert "503" in problems, (path, method)
        assert all(set(r["content"]) == {"application/problem+json"} for r in problems.values())
        assert ("401" in problems) == (operation["x-permission"] != "open" or "prediction" in path)
    assert description["components"]["securitySchemes"]["bearerKey"]["scheme"] == "bearer"


def test_unknown_paths_and_methods_are_problems_too(server: Running, owner: Api) -> None:
    """404 and 405 in the same form as everything else."""
    missing = owner.get("/nothing/here")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    wrong = owner.patch("/apikey")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert "GET" in wrong.headers["allow"]
    prediction = owner.get(f"/prediction/{uuid.uuid4()}")
    assert (prediction.status_code, prediction.headers["allow"]) == (405, "POST, OPTIONS")


def test_every_answer_carries_its_request_id(server: Running) -> None:
    """A proxy's id is kept; what looks like a token is not."""
    anyone = server.api()
    assert (
        anyone.get("/ping", headers={"x-request-id": "abc-12345678"}).headers["x-request-id"]
        == "abc-12345678"
    )
    for odd in ("fl-" + "a" * 32, "short", "a b c d e f g h", "x" * 65):
        got = anyone.get("/ping", headers={"x-request-id": odd}).headers["x-request-id"]
        assert got != odd
        assert uuid.UUID(got)
    refused = anyone.get("/apikey")
    assert refused.json()["requestId"] == refused.headers["x-request-id"]


@pytest.mark.parametrize("chatflow", [False, True], ids=["any key", "a chatflow"])
def test_forward_auth_is_described_as_it_answers(chatflow: bool, server: Running, owner: Api) -> None:
    """Proxies are configured by the description: parameters, no body when let through, and every header."""
    paths = server.api().get("/openapi.json").json()["paths"]
    name = "/auth/verify/chatflow/{chatflow_id}" if chatflow else "/auth/verify"
    described = paths[f"/api/v1{name}"]["get"]
    assert described["security"] == [{"bearerKey": []}]
    wanted = {"permission": "query", "mode": "query", **({"chatflow_id": "path"} if chatflow else {})}
    assert {item["name"]: item["in"] for item in described["parameters"]} == wanted
    path = name.format(chatflow_id=make_chatflow(owner, isPublic=True)["id"])
    for api, query in (
        (owner, {}),
        (server.api(), {}),
        (owner, {"permission": ["apikeys:view", "no such"]}),
        (server.api("nonsense"), {"mode": "nginx"}),
        (owner, {"permission": "no such", "mode": "nginx"}),
    ):
        answer = api.get(path, params=query)
        response = described["responses"][str(answer.status_code)]
        assert (answer.content == b"") == ("content" not in response) == (answer.status_code == 200)
        sent = {header for header in answer.headers if header.startswith("x-auth-")}
        for_nginx = {"x-auth-status", "x-auth-code", "x-auth-retry-after"}
        always = {header.lower() for header in response["headers"]} - for_nginx
        assert sent - for_nginx == always
        assert sent & for_nginx == (for_nginx - {"x-auth-retry-after"} if "mode" in query else set())
    assert {"200", "400", "401", "403", "429", "503"} <= set(described["responses"])
