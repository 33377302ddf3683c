"""`llmAgentflow` against a real server on a socket, through the real client."""

import asyncio

import pytest

from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.drafts.templates import ModelSettings, documents_flow, openai_flow
from flowkeys.flows.settings import FlowSettings, ModelCredential
from tests.flows.support import TALK, Memory, call, chain, chatflow, engine, hit, node, pieces, run
from tests.support.waiting import patience

KEY = "sk-very-secret"


def llm(model, name="echo", number=0, config=None, **inputs):
    """An LLM node for the server of the test."""
    settings = {"modelName": name, "basepath": model.url, **(config or {})}
    return node(
        f"llmAgentflow_{number}",
        {"llmModel": "chatOpenAI", "llmModelConfig": settings, "llmEnableMemory": False, **inputs},
        f"LLM {number}",
    )


def listed(model, **more):
    """Settings that allow the server of the test, which is on no public address."""
    return FlowSettings(allowed_endpoints=(model.url,), **more)


async def test_the_answer_is_streamed_as_it_comes(model):
    """Each piece of the model's answer is a token, and the whole is the text."""
    ran = await run(chain(llm(model)), call("one two three"), settings=listed(model))
    assert ran.tokens == ["one", " two", " three"]
    entry = ran.result.executed[-1]["data"]
    times = entry["output"].pop("timeMetadata")
    assert times["delta"] == times["end"] - times["start"] >= 0
    assert entry["output"] == {
        "content": "one two three", "calledTools": [],
        "responseMetadata": {"prompt": 0, "completion": 0, "model_provider": "openai", "model_name": "m"},
    }  # fmt: skip
    assert entry["input"] == {
        "messages": [{"role": "user", "content": "one two three"}],
        "llmModel": "chatOpenAI", "llmEnableMemory": False,
        "llmModelConfig": {"modelName": "echo", "basepath": model.url},
    }  # fmt: skip
    assert entry["chatHistory"] == [
        {"role": "user", "content": "one two three"},
        {"role": "user", "content": "one two three", "name": "llm_0"},
    ]
    assert model.received[0].path == "/v1/chat/completions"
    assert model.received[0].body == {
        "model": "echo", "messages": [{"role": "user", "content": "one two three"}],
        "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip


async def test_without_streaming_the_answer_is_one_token(model):
    """`streaming` off asks the endpoint for one answer."""
    ran = await run(chain(llm(model, config={"streaming": False})), call("a b"), settings=listed(model))
    assert ran.tokens == ["a b"]
    assert not model.received[0].body["stream"]


async def test_what_a_model_says_that_it_used_is_in_the_result(model):
    """Of a stream whose server says nothing there is an estimate, and it says so."""
    ran = await run(chain(llm(model, config={"streaming": False})), call("a b c"), settings=listed(model))
    assert ran.result.model_tokens == (7, 3, 0)
    streamed = await run(chain(llm(model)), call("a b c"), settings=listed(model))
    assert streamed.result.model_tokens == (6, 2, 8)


async def test_messages_memory_and_last_word_are_in_flowises_order(model):
    """System first, the node's own messages, the conversation with the question, then the input message."""
    messages = [
        {"role": "user", "content": "<p>About <strong>{{ question }}</strong></p>"},
        {"role": "system", "content": "Be brief."},
        {"role": "", "content": "left out"},
    ]
    asked = llm(model, llmMessages=messages, llmEnableMemory=True, llmUserMessage="Now: {{ question }}")
    ran = await run(chain(asked), call("cats", history=TALK), settings=listed(model))
    assert [(m["role"], m["content"]) for m in model.received[0].body["messages"]] == [
        ("system", "Be brief."),
        ("user", "About **cats**"),
        ("user", "I am Ada."),
        ("assistant", "Hello Ada."),
        ("user", "cats"),
        ("user", "Now: cats"),
    ]
    shown = ran.result.executed[-1]["data"]["input"]
    assert shown["messages"] == model.received[0].body["messages"]
    assert shown["llmUserMessage"] == "Now: cats"
    assert "llmMessages" not in shown


async def test_memory_can_be_a_window(model):
    """Only the last messages are sent: two for each turn of the window."""
    asked = llm(model, llmEnableMemory=True, llmMemoryType="windowSize", llmMemoryWindowSize="1")
    await run(chain(asked), call("q", history=TALK), settings=listed(model))
    assert [m["content"] for m in model.received[0].body["messages"]] == ["Hello Ada.", "q"]


async def test_the_conversation_is_bounded(model):
    """However long a session is, a model is given the last messages up to the operator's limit."""
    asked = llm(model, llmEnableMemory=True)
    await run(chain(asked), call("q", history=TALK * 50), settings=listed(model, history_messages=3))
    assert len(model.received[0].body["messages"]) == 4


async def test_without_memory_the_conversation_is_not_even_loaded(model):
    """A question of the node's own replaces the caller's; `call` fails when the history is asked for."""
    asked = llm(model, llmMessages=[{"role": "user", "content": "fixed"}])
    ran = await run(chain(asked), call("q"), settings=listed(model))
    assert ran.result.text == "fixed"


async def test_a_second_model_remembers_the_first(model):
    """Within one run a model with memory is given what was asked and what the model before it said."""
    second = llm(model, number=1, llmEnableMemory=True, llmUserMessage="Shorter!")
    first = llm(
        model, llmReturnResponseAs="assistantMessage", llmUpdateState=[{"key": "a", "value": "{{ output }}"}]
    )
    ran = await run(chain(first, second), call("hello there", history=[]), settings=listed(model))
    assert [(m["role"], m["content"]) for m in model.received[1].body["messages"]] == [
        ("user", "hello there"), ("assistant", "hello there"), ("user", "Shorter!"),
    ]  # fmt: skip
    assert ran.tokens == ["Shorter!"], "only the last model is heard"
    assert ran.result.executed[-1]["data"]["state"] == {"a": "hello there"}


async def test_settings_of_the_model_are_sent_as_openai_names_them(model):
    """Numbers may be texts, as the editor writes them; empty ones are left to the endpoint."""
    config = {
        "temperature": "0.5",
        "maxTokens": "10",
        "topP": 0.9,
        "frequencyPenalty": "",
        "presencePenalty": 1,
    }
    config |= {"stopSequence": "END, STOP", "timeout": "5000"}
    await run(chain(llm(model, config=config)), settings=listed(model))
    sent = model.received[0].body
    assert {name: sent[name] for name in sent.keys() - {"model", "messages", "stream", "stream_options"}} == {
        "temperature": 0.5, "max_tokens": 10, "top_p": 0.9, "presence_penalty": 1.0,
        "stop": ["END", "STOP"],
    }  # fmt: skip


async def test_a_credential_is_sent_to_its_own_base_url_and_named_nowhere(model):
    """The flow names the credential; the server adds the key, and no event or entry holds it."""
    settings = FlowSettings(credentials=(ModelCredential("main", model.url, KEY),))
    ran = await run(openai_flow(model.url, "echo", "main"), call("hi", history=[]), settings=settings)
    assert ran.result.text == "hi"
    assert model.received[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in str(ran)


async def test_a_credential_that_is_named_beside_the_flow_takes_its_model_elsewhere(model):
    """Exports name addresses of the server that they come from: the credential's own takes their place."""
    settings = FlowSettings(credentials=(ModelCredential("main", model.url, KEY),))
    flow = chain(llm(model, config={"basepath": "http://elsewhere.example/v1", "credential": "theirs"}))
    ran = await run(
        chatflow(flow, credentials={"llmAgentflow_0": "main"}), call("hi", history=[]), settings=settings
    )
    assert ran.result.text == "hi"
    assert model.received[0].headers["authorization"] == f"Bearer {KEY}"


async def test_the_base_url_of_a_credential_need_not_be_repeated(model):
    """A flow that names the credential alone goes where the credential goes."""
    settings = FlowSettings(credentials=(ModelCredential("main", model.url, KEY),))
    config = {"basepath": "", "FLOWISE_CREDENTIAL_ID": "main"}
    ran = await run(chain(llm(model, config=config)), call("hi"), settings=settings)
    assert ran.result.text == "hi"


async def test_nothing_of_the_environment_leaves(model, monkeypatch):
    """Without a credential no key is sent, whatever the server's environment holds for other purposes."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Custom: {KEY}\nAuthorization: Bearer {KEY}")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    await run(chain(llm(model)), settings=listed(model))
    headers = model.received[0].headers
    assert "authorization" not in headers
    assert "secret" not in str(headers)
    assert set(headers) <= {
        "host",
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "user-agent",
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("strict", "LLM 0: the model's endpoint answered 401. It did not accept the credential."),
        ("busy", "LLM 0: the model's endpoint answered 429. It limits calls at present."),
        ("redirect", "LLM 0: the model's endpoint answered 307. Redirects are not followed."),
        ("page", "LLM 0: the model's endpoint answered nothing that is a chat completion."),
        ("garbage", "LLM 0: the model's endpoint answered something that is not JSON."),
        ("broken", "LLM 0: the model's endpoint reported an error inside its answer."),
        ("huge", "LLM 0: the model's answer is longer than 1,000,000 bytes."),
    ],
)
async def test_an_endpoint_that_fails_is_an_upstream_failure_that_names_the_node(model, name, message):
    """What the endpoint says is not passed on: some repeat the key that they were sent."""
    main = ModelCredential("main", model.url, KEY)
    settings = FlowSettings(credentials=(main,), answer_bytes=1_000_000)
    with pytest.raises(UpstreamFailed) as caught:
        await run(chain(llm(model, name, config={"credential": "main", "maxRetries": 0})), settings=settings)
    assert str(caught.value) == message
    assert [received.path for received in model.received] == ["/v1/chat/completions"]


async def test_an_endpoint_that_is_not_there_is_an_upstream_failure(model):
    """A refused connection names the node."""
    url = "http://127.0.0.1:9/v1"
    with pytest.raises(UpstreamFailed, match="LLM 0: the model's endpoint could not be reached"):
        await run(
            chain(llm(model, config={"basepath": url, "maxRetries": 0})),
            settings=FlowSettings(allowed_endpoints=(url,)),
        )


@pytest.mark.parametrize(("retries", "asked"), [(None, 3), (1, 2), ("0", 1)])
async def test_a_model_that_is_overloaded_is_asked_again_as_often_as_the_node_says(model, retries, asked):
    """Twice unless it says; what it says in the end is the answer, and nothing was said twice."""
    config = {} if retries is None else {"maxRetries": retries}
    data = chain(llm(model, "flaky", config=config))
    if asked == 3:
        assert (await run(data, call("hi"), settings=listed(model))).tokens == ["hi"]
    else:
        with pytest.raises(UpstreamFailed, match="answered 503"):
            await run(data, call("hi"), settings=listed(model))
    assert len(model.received) == asked


async def test_a_model_that_wants_to_be_asked_much_later_is_not_asked_again(model):
    """The caller is told when, and does not wait for it here."""
    with pytest.raises(UpstreamFailed, match="Try again in 60 seconds") as caught:
        await run(chain(llm(model, "later")), call("hi"), settings=listed(model))
    assert caught.value.retry_after_seconds == 60
    assert len(model.received) == 1


async def test_an_answer_without_end_is_a_failure(model):
    """An endpoint cannot fill the server's memory."""
    with pytest.raises(UpstreamFailed, match="longer than 5 characters"):
        await run(chain(llm(model)), call("far too long"), settings=listed(model, answer_characters=5))


async def test_a_cancelled_run_leaves_the_endpoint(model):
    """When the caller goes away, the model is not left generating for nobody."""
    made = engine(listed(model))
    heard = asyncio.Event()

    async def emit(event):
        if pieces(event):
            heard.set()

    running = asyncio.create_task(made.compile(chatflow(chain(llm(model, "slow")))).run(call(), emit))
    async with patience("the end of a run that was cancelled"):
        await heard.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await model.gone.wait()
    await made.aclose()


async def test_connections_are_shared_between_flows(model):
    """One engine has one client for each target, however many flows use it."""
    made = engine(listed(model))
    target = made.models.target(model.url, "")
    assert await made.models.client(target) is await made.models.client(target)
    await made.aclose()


async def test_a_documents_flow_with_a_model_gives_it_numbered_passages(model):
    """The prompt holds the passages with their sources, and says what to do when they do not answer."""
    memory = Memory({("ws", "kb"): [hit("a.md", "All keys are hashed.", "Storage")]})
    data = documents_flow("kb", model=ModelSettings(model.url, "echo"))
    ran = await run(data, call("how are keys stored", history=TALK), settings=listed(model), retriever=memory)
    system, *talk = model.received[0].body["messages"]
    assert system["role"] == "system"
    assert "**[1] a.md** — Storage\n\n> All keys are hashed." in system["content"]
    assert "do not guess" in system["content"]
    assert [m["content"] for m in talk] == ["I am Ada.", "Hello Ada.", "how are keys stored"]
    assert ran.tokens == ["how", " are", " keys", " stored"]
