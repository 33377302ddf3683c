"""`httpAgentflow`: what is sent, what comes of it, and where credentials go."""

import json

import pytest

from flowkeys.domain.chatflows.credential import OpenCredential
from flowkeys.domain.errors import UpstreamFailed
from flowkeys.flows.nodes.http_body import body_of, rows_of
from flowkeys.flows.settings import FlowSettings
from tests.flows.code.test_outward import reply, upstream
from tests.flows.support import call, chain, chatflow, engine, node, problems

SAID = "{{ httpAgentflow_0.output.http.data.x[0] }}"


class Vault:
    """Keeps one credential."""

    def __init__(self, **members) -> None:
        self.one = OpenCredential(id="c1", name="service", version=1, **members)

    def find(self, workspace_id, ref):
        """Return it, by its id or its name."""
        del workspace_id
        return self.one if ref in {"c1", "service"} else None

    def names(self, workspace_id):
        """Return its name."""
        del workspace_id
        return ("service",)


def _http(**inputs):
    return node("httpAgentflow_0", inputs, "HTTP 0")


async def _run(flow, *bases, vault=None, question="Q&=x y"):
    made = engine(FlowSettings(allowed_endpoints=bases), vault=vault)
    try:

        async def emit(event):
            pass

        return await made.compile(chatflow(flow)).run(call(question), emit)
    finally:
        await made.aclose()


async def test_a_service_is_called_and_what_it_answers_is_data():
    """Names and values that are empty are left out; JSON is read, also of an answer that is an error."""
    async with upstream(reply('{"x": [1]}', "404 Not Found", "X-Up: 1")) as (base, asked):
        flow = chain(
            _http(
                method="POST",
                url=f"{base}/up?in=1",
                queryParams=[{"key": "q", "value": "{{ question }}"}, {"key": "none", "value": ""}],
                headers=[{"key": "X-Test", "value": "a"}, {"key": "", "value": "b"}],
                bodyType="json",
                body="<p>{'q': '{{ question }}',}</p>",
            ),
            node(
                "directReplyAgentflow_0",
                {"directReplyMessage": "{{ httpAgentflow_0.output.http.data.x[0] }}"},
            ),
        )
        result = await _run(flow, base)
    assert result.text == 1
    head, _, body = asked[0].partition("\r\n\r\n")
    assert head.startswith("POST /up?in=1&q=Q%26%3Dx+y HTTP/1.1\r\n")
    assert "x-test: a" in head
    assert json.loads(body) == {"q": "Q&=x y"}
    http = result.executed[1]["data"]["output"]["http"]
    assert (http["status"], http["statusText"], http["headers"]["x-up"]) == (404, "Not Found", "1")


async def test_a_run_that_ends_with_it_says_nothing():
    """There is data, and no content."""
    async with upstream(reply("[1]")) as (base, _):
        assert (await _run(chain(_http(method="GET", url=base)), base)).text == " "


@pytest.mark.parametrize(
    ("kind", "values", "header"),
    [
        ("httpBasicAuth", {"basicAuthUsername": "u", "basicAuthPassword": "p"}, "authorization: Basic dTpw"),
        ("httpBearerToken", {"token": "tok"}, "authorization: Bearer tok"),
        ("httpApiKey", {"key": "X-Api-Key", "value": "val"}, "x-api-key: val"),
    ],
)
async def test_a_credential_goes_to_its_own_address_alone(kind, values, header):
    """Also where that redirects to another one that may be called."""
    async with (
        upstream(reply("ok")) as (there, asked_there),
        upstream(reply("", "302 Found", f"Location: {there}/moved")) as (base, asked),
    ):
        vault = Vault(kind=kind, values=values, base_url=base)
        flow = chain(_http(method="GET", url=f"{base}/up", credential="service"))
        await _run(flow, base, there, vault=vault)
        elsewhere = chain(_http(method="GET", url=f"{there}/up", credential="c1"))
        with pytest.raises(UpstreamFailed, match="its credential is for another address"):
            await _run(elsewhere, base, there, vault=vault)
    assert header in asked[0]
    assert len(asked_there) == 1
    assert header not in asked_there[0]


async def test_a_credential_stays_below_its_own_path():
    """A redirect on the same server to what is above it is followed without; other headers go along."""
    async with upstream(
        reply("", "302 Found", "Location: /v1/next"), reply("", "302 Found", "Location: /other"), reply("ok")
    ) as (base, asked):
        vault = Vault(kind="httpBearerToken", values={"token": "tok"}, base_url=f"{base}/v1")
        headers = [{"key": "x-mine", "value": "kept"}]
        await _run(
            chain(_http(method="GET", url=f"{base}/v1/up", credential="service", headers=headers)),
            base,
            vault=vault,
        )
        for outside in ("/v1/..%2fother", "/v1/%2e%2e%2Fother", "/v1/..%5Cother", "/v1x"):
            flow = chain(_http(method="GET", url=base + outside, credential="service"))
            with pytest.raises(UpstreamFailed, match="its credential is for another address"):
                await _run(flow, base, vault=vault)
    assert ["Bearer tok" in one for one in asked] == [True, True, False]
    assert all("x-mine: kept" in one for one in asked)


async def test_a_credential_that_cannot_be_a_header_is_not_repeated():
    """Its name in the header is what somebody may have taken for the place of the key."""
    async with upstream() as (base, asked):
        vault = Vault(kind="httpApiKey", values={"key": "sk-secret==", "value": "x"}, base_url=base)
        with pytest.raises(UpstreamFailed, match="cannot be sent as a header") as caught:
            await _run(chain(_http(method="GET", url=base, credential="service")), base, vault=vault)
    assert "sk-secret" not in str(caught.value)
    assert asked == []


async def test_characters_for_names_of_hosts_are_none_of_an_answer():
    """A service cannot keep the server from all others' calls with what takes forever to read."""
    answer = reply("a-" + "9" * 2000, "200 OK", "Content-Type: text/plain; charset=punycode")
    async with upstream(answer) as (base, _):
        ran = await _run(chain(_http(method="GET", url=base, responseType="text")), base)
    assert ran.executed[1]["data"]["output"]["http"]["data"] == "a-" + "9" * 2000


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://169.254.169.254/", "http://[::1]/", "file:///x"]
)
async def test_what_is_not_public_is_not_called(url):
    """Unless the operator listed it; where the flow itself names the address it is said beforehand."""
    with pytest.raises(UpstreamFailed, match="HTTP 0: "):
        await _run(chain(_http(method="GET", url="{{ question }}")), question=url)
    assert problems(chain(_http(method="GET", url=f"<p>{url}</p>"))).startswith("HTTP 0: ")


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "it has no URL"),
        ({"url": "https://x.example", "method": "CONNECT"}, "method 'CONNECT' is none"),
        ({"url": "https://x.example", "credential": "nosuch"}, "no credential named 'nosuch'"),
        ({"url": "https://x.example", "bodyType": "xml"}, "bodyType 'xml' is none"),
    ],
)
def test_what_is_wrong_is_named(inputs, said):
    """Before anything runs."""
    assert said in problems(chain(_http(**inputs)))


def test_bodies_are_what_flowise_makes_of_them():
    """Of each kind."""
    rows = [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
    assert body_of("GET", "json", "{}") == (None, None)
    assert body_of("POST", "", "x") == ("application/x-www-form-urlencoded", None)
    assert body_of("DELETE", "", "x") == (None, None)
    assert body_of("PUT", "json", "{a: 1,}") == ("application/json", '{"a":1}')
    assert body_of("POST", "raw", "x y") == ("application/x-www-form-urlencoded", "x y")
    assert body_of("POST", "xWwwFormUrlencoded", rows)[1] == "0=&1="
    assert body_of("POST", "xWwwFormUrlencoded", '{"a": "x y"}')[1] == "a=x+y"
    kind, body = body_of("POST", "formData", rows)
    assert body is not None
    assert kind.startswith("multipart/form-data; boundary=")
    assert body.count('name="a"\r\n\r\n1\r\n') == 1
    assert rows_of('[{"key": "a", "value": 1}]') == {"a": "1"}
    assert rows_of("no rows") == {}
