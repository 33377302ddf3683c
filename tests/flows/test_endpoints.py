"""Where flows may send prompts: to the public internet and the operator's list, however that is written."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkeys.domain.errors import ConfigurationError, UpstreamFailed
from flowkeys.flows.settings import FlowSettings, ModelCredential
from flowkeys.outbound import connecting
from flowkeys.outbound.endpoints import Endpoint, is_public, read_endpoint
from tests.flows.support import Memory, call, chain, chatflow, engine, node, problems

NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104
    "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
    "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1",
    "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1",
    "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::8.8.8.8",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "100::1", "2001::1", "2001:db8::1",
    "2002:7f00:1::", "2002:808:808::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1",
    "ff02::1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "104.18.6.192", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_of_the_public_internet_is_told(address):
    """Loopback, private, link-local, metadata, shared, reserved, and each of them inside IPv6."""
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_told(address):
    """Public addresses, also through an IPv6 network's translation."""
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/v1", "http://localhost:11434/v1", "http://a.localhost/v1", "http://LOCALHOST./v1",
        "http://[::1]/v1", "http://[::ffff:127.0.0.1]/v1", "https://10.1.2.3", "http://169.254.169.254/latest",
    ],
)  # fmt: skip
def test_an_address_that_is_plainly_not_public_is_a_problem_of_the_flow(url):
    """The check of a flow says so, before any call."""
    assert "is not a public address, and the operator has not listed it" in problems(flow(url))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ftp://models.example", "has to begin with http:// or https://"),
        ("file:///etc/passwd", "has to begin with http:// or https://"),
        ("models.example/v1", "has to begin with http:// or https://"),
        ("http://[::1", "is not a URL"),
        ("http://models.example:99999", "is not a URL"),
        ("https://me:hunter2@models.example", "carries a user name or password"),
        ("https://models.example/v1?api-version=1", "carries a query or a fragment"),
        ("https://models.example/v1#x", "carries a query or a fragment"),
        ("https://models.example/a/../b", "has dots for a path"),
        ("https://models.example/a/%2E%2e/b", "has dots for a path"),
        ("https://models.example\\@127.0.0.1/", "characters that do not belong"),
        ("https://models.example/a b", "characters that do not belong"),
        ("https://models.example/a\x00b", "characters that do not belong"),
        ("https://models.example/" + "a" * 2000, "too long"),
        ("http://2130706433/v1", "no address in its usual form"),
        ("http://0x7f.1/v1", "no address in its usual form"),
        ("http://127.1/v1", "no address in its usual form"),
        ("http://0177.0.0.1/v1", "no address in its usual form"),
        ("http://[fe80::1%25eth0]/v1", "no host name"),
        ("http://a..b/v1", "no host name"),
        ("http://./v1", "no host name"),
        ("http://models.exam%70le/v1", "no host name"),
    ],
)
def test_a_base_url_that_is_none_is_a_problem_and_is_not_repeated(url, expected):
    """Odd URLs are where two parsers disagree: they are refused, and a password in one is not echoed."""
    said = problems(flow(url))
    assert expected in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("listed", "url", "allowed"),
    [
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1", True),
        ("http://127.0.0.1:11434/v1/", "HTTP://127.0.0.1:11434/v1", True),
        ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v10", False),
        ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/", False),
        ("http://127.0.0.1:11434", "http://127.0.0.1:11435", False),
        ("http://127.0.0.1:80", "http://127.0.0.1/v1", True),
        ("http://127.0.0.1", "https://127.0.0.1", False),
        ("http://localhost", "http://127.0.0.1", False),
    ],
)
def test_the_operators_list_allows_what_is_on_it_and_below(listed, url, allowed):
    """An entry is scheme, host, port and the beginning of the path; nothing beside it."""
    assert (problems(flow(url), FlowSettings(allowed_endpoints=(listed,))) == "") is allowed


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://x", "http://a/?q"])
def test_a_list_with_no_url_in_it_is_told_at_the_start(url):
    """The operator learns of a mistake when the server starts."""
    with pytest.raises(ConfigurationError, match="An allowed endpoint cannot be used"):
        engine(FlowSettings(allowed_endpoints=(url,)))
    with pytest.raises(ConfigurationError, match="The credential 'main' cannot be used"):
        engine(FlowSettings(credentials=(ModelCredential("main", url, "k"),)))


@given(st.text() | st.text(alphabet="htps:/[]@.%0127x?#\\").map(lambda rest: f"http://{rest}"))
def test_any_text_is_an_endpoint_or_is_told_why_not(text):
    """Reading a base URL never raises, and what is read is read the same again."""
    found = read_endpoint(text)
    if isinstance(found, Endpoint):
        assert read_endpoint(found.url) == found


def flow(url, name="echo"):
    """A flow with a model at this base URL."""
    config = {"modelName": name, "basepath": url}
    inputs = {"llmModel": "chatOpenAI", "llmModelConfig": config, "llmEnableMemory": False}
    return chain(node("llmAgentflow_0", inputs, "LLM 0"))


def resolver(*answers):
    """A resolver that gives one answer after the other, and the hosts that it was asked for."""
    asked = []

    async def resolve(host, port):
        answer = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [ip_address(address) for address in answer]

    return resolve, asked


async def ask(url, resolve=None):
    """Run a flow whose model is at this base URL, on a server that lists nothing."""

    async def emit(event):
        pass

    made = engine(retriever=Memory(), resolve=resolve)
    try:
        return (await made.compile(chatflow(flow(url))).run(call("hi there"), emit)).text
    finally:
        await made.aclose()


@pytest.mark.parametrize(
    "answer",
    [["127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["169.254.169.254"], ["8.8.8.8", "127.0.0.1"], []],
)
async def test_a_name_that_leads_to_a_private_address_is_refused(model, answer):
    """A name is as good as the addresses behind it, and one bad one is enough; nothing is sent."""
    resolve, _ = resolver(answer)
    with pytest.raises(UpstreamFailed, match="LLM 0: the model's endpoint is not at a public address"):
        await ask(f"http://models.example:{model.port}/v1", resolve)
    assert model.received == []


@pytest.mark.parametrize("host", ["localhost.localdomain", "ip6-localhost", "ip6-loopback"])
async def test_other_names_of_this_machine_are_refused(model, host):
    """Whatever the system makes of a host name, it is the address that is judged."""
    with pytest.raises(UpstreamFailed, match="LLM 0: the model's endpoint"):
        await ask(f"http://{host}:{model.port}/v1")
    assert model.received == []


async def test_a_name_is_resolved_once_and_the_connection_goes_where_was_checked(model, monkeypatch):
    """A name cannot answer differently the second time: there is none. The host's name is still sent."""
    resolve, asked = resolver(["127.0.0.1"], ["127.0.0.2"])
    monkeypatch.setattr(connecting, "is_public", lambda address: str(address) == "127.0.0.1")
    assert await ask(f"http://models.example:{model.port}/v1", resolve) == "hi there"
    assert asked == ["models.example"]
    assert model.received[0].headers["host"] == f"models.example:{model.port}"


async def test_the_next_address_is_tried_when_one_does_not_answer(model, monkeypatch):
    """A name with several addresses works while one of them does."""
    resolve, _ = resolver(["127.0.0.2", "127.0.0.1"])
    monkeypatch.setattr(connecting, "is_public", lambda address: True)
    assert await ask(f"http://models.example:{model.port}/v1", resolve) == "hi there"


async def test_a_name_that_does_not_resolve_is_an_upstream_failure():
    """There is no such host."""

    async def resolve(host, port):
        raise OSError

    with pytest.raises(UpstreamFailed, match="could not be reached"):
        await ask("http://models.example/v1", resolve)


async def test_a_redirect_to_this_machine_is_not_followed(model, monkeypatch):
    """A public server that sends the caller on to a private address gets an error for it."""
    resolve, _ = resolver(["127.0.0.1"])
    monkeypatch.setattr(connecting, "is_public", lambda address: True)

    async def emit(event):
        pass

    made = engine(resolve=resolve)
    data = flow(f"http://models.example:{model.port}/v1", "redirect")
    with pytest.raises(UpstreamFailed, match=r"answered 307\. Redirects are not followed\."):
        await made.compile(chatflow(data)).run(call(), emit)
    await made.aclose()
    assert [received.path for received in model.received] == ["/v1/chat/completions"]
