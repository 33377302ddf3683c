"""What a chatflow is made of: documents, a model, a Python object, an export."""

import json
import uuid
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.flows.support import chain, node
from tests.support.flows import MODEL_NODES, OTHERS, exported, with_models


def test_a_folder_becomes_a_chatflow_that_answers_from_it(cli: Cli, name: str, docs: Path) -> None:
    """Given a folder of documents, the answer to a question quotes the one that fits and names it."""
    result = cli("flows", "add", name, "--docs", docs, "--public")
    assert result.code == 0, result.err
    assert "2 added" in result.err
    answer = cli("ask", name, "How many tusks has a walrus?", "--json").json
    assert "two long tusks" in answer["text"]
    assert "walrus.md" in answer["sourceDocuments"][0]["metadata"]["source"]


def test_the_same_name_again_is_refused_with_advice(cli: Cli, name: str, docs: Path) -> None:
    """Given a second `flows add` of a folder, the command names the one that imports again."""
    made = cli("flows", "add", name, "--docs", docs, "--json").json
    result = cli("flows", "add", name, "--docs", docs)
    assert result.code == 6
    assert f"flowkeys flows update {made['id']} --docs" in result.err
    assert len(cli("flows", "list", "--search", name, "--json").json) == 1


def test_importing_again_skips_what_has_not_changed(cli: Cli, name: str, docs: Path) -> None:
    """Given one changed and one new file, only they are parsed, and the answer knows them."""
    cli("flows", "add", name, "--docs", docs, "--public")
    (docs / "zebra.md").write_text("# Zebras\n\nA zebra sleeps standing.\n", "utf-8")
    (docs / "yak.md").write_text("# Yaks\n\nA yak gives pink milk.\n", "utf-8")
    result = cli("flows", "update", name, "--docs", docs)
    assert "1 added, 1 replaced, 1 unchanged" in result.err
    assert "pink milk" in cli("ask", name, "What milk gives a yak?", "--json").json["text"]


def test_what_cannot_be_read_is_named(local: Cli, docs: Path) -> None:
    """Given a file of another kind and one that is broken, the others are imported and these are named."""
    (docs / "picture.png").write_bytes(b"\x89PNG")
    (docs / "broken.pdf").write_bytes(b"%PDF-1.4 no")
    result = local("flows", "add", "Docs", "--docs", docs)
    assert result.code == 0
    assert "picture.png" in result.err
    assert "broken.pdf" in result.err
    assert "2 added" in result.err


@pytest.mark.parametrize("folder", ["missing", "empty"])
def test_nothing_is_left_of_an_import_that_failed(cli: Cli, name: str, tmp_path: Path, folder: str) -> None:
    """Given no folder or no document in it, neither a chatflow nor a collection is left behind."""
    (tmp_path / "empty").mkdir()
    assert cli("flows", "add", name, "--docs", tmp_path / folder).code == 6
    assert cli("flows", "list", "--search", name, "--json").json == []
    (tmp_path / "empty" / "a.md").write_text("# A\n\nText.\n", "utf-8")
    assert cli("flows", "add", name, "--docs", tmp_path / "empty").code == 0


def test_a_chatflow_without_documents_cannot_be_given_a_folder(cli: Cli, name: str, docs: Path) -> None:
    """Given a chatflow that searches nothing, the advice is to make one that does."""
    cli("flows", "add", name, "--reply", "hi")
    result = cli("flows", "update", name, "--docs", docs)
    assert result.code == 6
    assert "flows add NAME --docs" in result.err


def test_a_model_answers_from_documents(local: Cli, docs: Path) -> None:
    """Given --docs with --openai, a retriever comes before the model."""
    made = local(
        "flows", "add", "Docs", "--docs", docs, "--openai", "https://example.com/v1", "--model", "m", "--json"
    ).json
    kinds = [node["data"]["name"] for node in json.loads(made["flowData"])["nodes"]]
    assert kinds == ["startAgentflow", "retrieverAgentflow", "llmAgentflow"]


def test_a_private_model_says_how_to_allow_it(local: Cli) -> None:
    """Given a model on this machine that is not listed, the exact lines to list it are printed."""
    result = local("flows", "add", "x", "--openai", "http://127.0.0.1:11434/v1", "--model", "m")
    assert result.code == 0
    assert 'allowed_endpoints = ["http://127.0.0.1:11434/v1"]' in result.err
    assert "FLOWKEYS_ALLOWED_ENDPOINTS=http://127.0.0.1:11434/v1" in result.err


def test_an_unknown_credential_is_refused_with_the_lines_to_add(local: Cli, data_dir: Path) -> None:
    """Given the printed lines in config.toml, the same command works."""
    command = (
        "flows", "add", "x", "--openai", "https://example.com/v1", "--model", "m", "--credential", "shop"
    )  # fmt: skip
    result = local(*command)
    assert result.code == 3
    _follow(result.err, data_dir)
    assert local(*command, OPENAI_API_KEY="sk-1").code == 0


def test_an_unlisted_python_object_is_refused_with_the_line_to_add(local: Cli, data_dir: Path) -> None:
    """Given the printed line in config.toml, or the printed variable, the same command works."""
    result = local("flows", "add", "x", "--python", "my_app:chain")
    assert result.code == 3
    assert local("flows", "list", "--json").json == []
    assert "FLOWKEYS_PYTHON_FLOWS=my_app:chain" in result.err
    assert (
        local("flows", "add", "y", "--python", "my_app:chain", FLOWKEYS_PYTHON_FLOWS="my_app:chain").code == 0
    )
    _follow(result.err, data_dir)
    assert local("flows", "add", "x", "--python", "my_app:chain").code == 0


def test_a_chatflow_object_is_imported_with_its_configuration(local: Cli, tmp_path: Path) -> None:
    """Given what Flowise's API returns for a chatflow, its type, configuration and category come along."""
    export = tmp_path / "chatflow.json"
    config = json.dumps({"welcomeMessage": "Hello"})
    members = {"type": "AGENTFLOW", "chatbotConfig": config, "category": "shop", "deployed": True, "id": "x"}
    export.write_text(json.dumps({"flowData": exported(), "name": "Old", **members}), "utf-8")
    made = local("flows", "add", "New", "--import", export, "--json").json
    assert made["flowData"] == exported()
    assert (made["name"], made["type"], made["category"]) == ("New", "AGENTFLOW", "shop")
    assert (made["chatbotConfig"], made["deployed"]) == (config, True)


def test_a_chatflow_of_a_whole_export_brings_its_tools(cli: Cli, name: str, tmp_path: Path) -> None:
    """Those that it names, once, and their code is approved by nobody."""
    ids = [str(uuid.uuid4()) for _ in range(2)]
    inputs = {
        "toolAgentflowSelectedTool": "customTool",
        "toolAgentflowSelectedToolConfig": {"selectedTool": ids[0]},
    }
    flow = {"name": "Old", "type": "AGENTFLOW", "flowData": chain(node("toolAgentflow_0", inputs, "T"))}
    tools = [
        {"id": one, "name": "adder", "description": "", "schema": "", "func": f"// {one}"} for one in ids
    ]
    export = tmp_path / "ExportData.json"
    export.write_text(json.dumps({"AgentFlowV2": [flow], "Tool": tools, "Variable": []}), "utf-8")
    for count in (1, 2):
        made = cli("flows", "add", f"{name} {count}", "--import", export, "--json").json
        assert "the code of the tool adder is not approved" in " ".join(made["problems"])
    approved = cli("flows", "approve", f"{name} 2", "--yes", "--json")
    assert (f"// {ids[0]}" in approved.err, len(approved.json)) == (True, 1)


@pytest.mark.parametrize("content", [b"not json", b"[]", b"{}", b"\xff\xfe", None])
def test_what_is_no_export_is_refused(local: Cli, tmp_path: Path, content: bytes | None) -> None:
    """Given another file, or none, one sentence says so and nothing is made."""
    export = tmp_path / "export.json"
    if content is not None:
        export.write_bytes(content)
    result = local("flows", "add", "x", "--import", export)
    assert result.code == 6, result.err
    assert local("flows", "list", "--json").json == []


def _follow(advice: str, data_dir: Path) -> None:
    """Do what a message says: put its indented TOML lines into config.toml."""
    block = advice.split("config.toml", 1)[1].split("or set", 1)[0]
    lines = [line.strip() for line in block.splitlines() if line.startswith("  ")]
    path = data_dir / "config.toml"
    path.write_text("\n".join(lines), "utf-8")
    path.chmod(0o600)


def test_an_import_is_given_credentials_of_this_server(
    local: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For all models or one node; a name that is not there is refused with those that are."""
    one, two = MODEL_NODES
    keys = {name: {"base_url": f"https://{name}.example/v1", "api_key": "sk-x"} for name in ("main", "spare")}
    monkeypatch.setenv("FLOWKEYS_CREDENTIALS", json.dumps(keys))
    file = tmp_path / "two.json"
    file.write_text(with_models("Writer", "Critic"), "utf-8")
    told = local("flows", "add", "Plain", "--import", file)
    assert "--credential [NODE=]NAME" in told.err
    reason = f"Writer and Critic: this server has no credential named {OTHERS!r}."
    assert f"It cannot run yet:\n  - {reason}\n" in told.err
    assert reason in " ".join(local("flows", "show", "Plain").out.split())
    options = ("--credential", "main", "--credential", "Critic=spare")
    made = local("flows", "add", "Named", "--import", file, *options, "--json").json
    assert (made["credentials"], made["runnable"]) == ({one: "main", two: "spare"}, True)
    assert local("flows", "export", "Named").out == file.read_text("utf-8")
    assert f"{one} uses main" in local("flows", "show", "Named").out
    changed = local("flows", "update", "Named", "--credential", f"{one}=spare", "--json").json
    assert changed["credentials"] == {one: "spare", two: "spare"}
    cleared = local("flows", "update", "Named", "--credential", "Writer=", "--json").json
    assert (cleared["credentials"], cleared["runnable"]) == ({two: "spare"}, False)
    assert local("flows", "update", "Named", "--credential", "main", "--json").json["runnable"]
    refused = local("flows", "add", "Other", "--import", file, "--credential", "nobody", "--json").failure
    assert "no credential named 'nobody'; it has main, spare." in refused["detail"]
    for wrong in (("--reply", "x", "--credential", "main"), ("--import", file, "--credential", "=main")):
        assert local("flows", "add", "Other", *wrong).code == 2
    assert {found["name"] for found in local("flows", "list", "--json").json} == {"Plain", "Named"}


def test_a_file_in_utf_16_is_imported_and_the_rest_is_told_in_words(
    cli: Cli, name: str, tmp_path: Path
) -> None:
    """As PowerShell's `>` writes it; what is none is told without a word about codecs."""
    file = tmp_path / "flow.json"
    file.write_bytes(
        json.dumps({"name": "x", "flowData": json.loads(with_models("Writer"))}).encode("utf-16")
    )
    made = cli("flows", "add", name, "--import", file, "--json").json
    assert json.loads(made["flowData"]) == json.loads(with_models("Writer"))
    file.write_bytes(b"#Title\n{}")
    failed = cli("flows", "add", name, "--import", file, "--json").failure
    assert "Delete what is before the first {" in failed["detail"]
