"""What an `llmAgentflow` may not ask for: other people's keys and addresses, and what we cannot do."""

import pytest

from flowkeys.flows.settings import FlowSettings, ModelCredential
from tests.flows.support import chain, node, problems

OWN = "https://models.example/v1"
SETTINGS = FlowSettings(credentials=(ModelCredential("main", OWN, "sk-very-secret"),))


def llm(config=None, **inputs):
    """A flow with a model that would be fine but for what is given."""
    chosen = {"modelName": "m", "basepath": OWN, **(config or {})}
    return chain(
        node("llmAgentflow_0", {"llmModel": "chatOpenAI", "llmModelConfig": chosen, **inputs}, "LLM 0")
    )


@pytest.mark.parametrize("url", [OWN, f"{OWN}/", "https://MODELS.example:443/v1", ""])
def test_a_credential_with_its_own_base_url_is_fine(url):
    """However the URL is spelt, or when it is left out."""
    assert problems(llm({"credential": "main", "basepath": url}), SETTINGS) == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://attacker.example/v1", "http://models.example/v1", "https://models.example:444/v1",
        "https://models.example/v1/more", "https://models.example", "https://models.example.attacker.example/v1",
    ],
)  # fmt: skip
def test_a_credential_cannot_be_sent_elsewhere(url):
    """A flow names a credential; it cannot redirect it, not even to a path beside its own."""
    said = problems(llm({"credential": "main", "basepath": url}), SETTINGS)
    assert said.startswith("LLM 0: the credential 'main' is for another base URL, and is sent to no other. ")


def test_a_credential_that_the_server_does_not_have_is_named():
    """A Flowise export names a credential of Flowise's: the operator can give one of ours that name."""
    said = problems(llm({"FLOWISE_CREDENTIAL_ID": "8a2f"}), SETTINGS)
    assert said == "LLM 0: this server has no credential named '8a2f'."


@pytest.mark.parametrize(
    "name", ["openAIApiKey", "apiKey", "api_key", "openAIApikey", "clientSecret", "password"]
)
@pytest.mark.parametrize("where", ["config", "inputs", "deep"])
def test_a_key_in_flow_data_is_refused_and_not_repeated(name, where):
    """FlowData is in exports, lists and backups: it is no place for a key, wherever in it."""
    made = {
        "config": llm({name: "sk-in-the-flow"}),
        "inputs": llm(**{name: "sk-in-the-flow"}),
        "deep": llm({"baseOptions": {"headers": [{name: "sk-in-the-flow"}]}}),
    }[where]
    said = problems(made, SETTINGS)
    assert f"{name} holds a secret" in said
    assert "sk-in-the-flow" not in said


def test_an_empty_key_is_none():
    """Exports hold the empty fields of the editor."""
    assert problems(llm({"openAIApiKey": ""}), SETTINGS) == ""


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (llm(llmModel="chatNosuch"), "there is no model 'chatNosuch' here"),
        (llm(llmModel=""), "no model is chosen"),
        (llm(llmModelConfig="x"), "llmModelConfig is not an object"),
        (llm({"modelName": ""}), "the model has no name"),
        (llm({"basepath": ""}), "chatOpenAI needs a credential of this server"),
        (llm({"basepath": ""}, llmModel="chatLocalAI"), "it names neither a base URL nor a credential"),
        (llm({"baseOptions": {"x": 1}}), "base options for the model is not supported"),
        (llm({"proxyUrl": "http://x"}), "a proxy for the model is not supported"),
        (llm({"temperature": "warm"}), "temperature is not a number"),
        (llm({"temperature": True}), "temperature is not a number"),
        (llm({"maxTokens": "inf"}), "maxTokens is not a number"),
        (llm({"reasoningEffort": "enormous"}), "reasoningEffort is not one of"),
        (llm(llmStructuredOutput=[{"key": "a", "type": "date"}]), "there is no type 'date' (at 'a')"),
        (llm(llmTools=[{"tool": "calculator"}]), "tools is not supported"),
        (llm(llmEnableMemory=True, llmMemoryType="tape"), "there is no memory type 'tape'"),
        (llm(llmMemoryType="windowSize", llmMemoryWindowSize="many"), "the window size has to be a number"),
        (llm(llmMessages=[{"role": "tool", "content": "x"}]), "a message has the role 'tool'"),
        (llm(llmMessages=[{"role": "user", "content": ["x"]}]), "or is not a text"),
        (llm(llmUserMessage={"a": 1}), "llmUserMessage is not a text"),
    ],
)
def test_what_would_mean_something_else_here_is_a_problem(made, expected):
    """An option that is not supported is said, not ignored."""
    assert expected in problems(made, SETTINGS)


def test_the_key_of_a_credential_is_in_no_representation_of_it():
    """Logs and tracebacks show the name and where the key goes."""
    shown = repr(SETTINGS) + str(SETTINGS.credentials[0].__rich_repr__())
    assert "sk-very-secret" not in shown
    assert "main" in shown
