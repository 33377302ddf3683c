"""The flows that are made in one line are real exports: they run, and open in an editor."""

import msgspec
import pytest

from flowkeys.flows.drafts.templates import (
    ModelSettings,
    documents_flow,
    openai_flow,
    python_flow,
    reply_flow,
)
from flowkeys.flows.settings import FlowSettings, ModelCredential
from tests.flows.support import DATA, call, problems, run

SETTINGS = FlowSettings(
    credentials=(ModelCredential("main", "https://models.example/v1", "k"),), python_targets=("a.b:c",)
)
MODEL = ModelSettings("https://models.example/v1", "m", "main")
FLOWS = {
    "reply": reply_flow("hi"),
    "documents": documents_flow("store"),
    "documents with a model": documents_flow("store", model=MODEL),
    "openai": openai_flow("https://models.example/v1", "m", "main", "Be {{ brief }}."),
    "openai without a credential": openai_flow("https://models.example/v1", "m"),
    "python": python_flow("a.b:c"),
}


@pytest.mark.parametrize("data", FLOWS.values(), ids=FLOWS)
def test_each_template_can_run(data):
    """Nothing is missing, and nothing is wrong."""
    assert problems(data, SETTINGS) == ""


@pytest.mark.parametrize("data", FLOWS.values(), ids=FLOWS)
def test_each_template_has_the_members_of_an_export(data):
    """Every member that a node and an edge of a real Flowise export have, with a parameter for each input."""
    export = msgspec.json.decode((DATA / "echo.json").read_bytes())
    made = msgspec.json.decode(data)
    assert made.keys() == export.keys()
    for node in made["nodes"]:
        assert export["nodes"][0].keys() <= node.keys()
        assert export["nodes"][0]["data"].keys() - {"selected"} <= node["data"].keys()
        shown = {parameter["name"] for parameter in node["data"]["inputParams"]}
        assert node["data"]["inputs"].keys() - shown <= {"llmModelConfig"}
        assert all(p["id"].startswith(f"{node['id']}-input-") for p in node["data"]["inputParams"])
    anchors = {anchor["id"] for node in made["nodes"] for anchor in node["data"]["outputAnchors"]}
    ids = {node["id"] for node in made["nodes"]}
    for edge in made["edges"]:
        assert export["edges"][0].keys() <= edge.keys()
        assert edge["sourceHandle"] in anchors
        assert {edge["source"], edge["target"], edge["targetHandle"]} <= ids


async def test_a_reply_says_its_text():
    """The text may hold variables."""
    assert (await run(reply_flow("Hi, {{ question }}"), call("Ada"))).result.text == "Hi, Ada"


def test_no_template_holds_a_key():
    """A template names a credential; a key has no place in it."""
    assert '"credential":"main"' in openai_flow("https://models.example/v1", "m", "main")
    with pytest.raises(TypeError):
        openai_flow("https://models.example/v1", "m", api_key="k")
