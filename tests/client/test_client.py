"""Making a client: its settings, its secrets and its end."""

import inspect
import logging
import pickle
import traceback
from typing import Any

import httpx
import msgspec
import pytest

import flowkeys
from flowkeys.client.models import NewKey
from tests.client.conftest import TOKEN, Sdk
from tests.client.scripted import Scripted
from tests.client.test_keys import KEY
from tests.support.waiting import PATIENCE_SECONDS

IMPORTED = "Zm9yZWlnbi1rZXktb2YtYW5vdGhlci1zaGFwZS0wMDA"


@pytest.mark.parametrize("part", ["keys", "chatflows", "collections"])
async def test_both_clients_can_do_the_same(part: str) -> None:
    """Each verb of one is a verb of the other, with the same arguments."""
    with flowkeys.Client("http://x") as blocking:
        async with flowkeys.AsyncClient("http://x") as awaiting:
            one, other = (
                {name: inspect.signature(verb) for name, verb in vars(getattr(client, part)).items()}
                for client in (blocking, awaiting)
            )
    assert one == other


class TestSettings:
    async def test_come_from_the_environment(
        self, sdk: Sdk, server: Scripted, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A program needs no code for them; a line end that came along with the key does no harm."""
        monkeypatch.setenv("FLOWKEYS_URL", f"{server.url}/api/v1/")
        monkeypatch.setenv("FLOWKEYS_API_KEY", f"{TOKEN}\n")
        server.answers(KEY)
        await sdk(lambda c: c.keys.get("k1"), base_url=None, api_key=None)
        assert server.requests[0].path == "/api/v1/apikey/k1"
        assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"

    async def test_given_ones_win(self, sdk: Sdk, server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
        """And an empty key means none."""
        monkeypatch.setenv("FLOWKEYS_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("FLOWKEYS_API_KEY", TOKEN)
        server.answers(KEY)
        await sdk(lambda c: c.keys.get("k1"), api_key="")
        assert "authorization" not in server.requests[0].headers

    async def test_a_server_may_live_below_a_path(self, sdk: Sdk, server: Scripted) -> None:
        """A reverse proxy can put it anywhere."""
        server.answers(KEY)
        await sdk(lambda c: c.keys.get("k1"), base_url=f"{server.url}/keys/")
        assert server.requests[0].path == "/keys/api/v1/apikey/k1"

    @pytest.mark.parametrize(
        "options",
        [
            {"base_url": None},
            {"base_url": "keys.example.com"},
            {"base_url": "ftp://keys.example.com"},
            {"base_url": "https://user:secret@keys.example.com"},
            {"base_url": "https://keys.example.com?x=1"},
            {"api_key": f"{TOKEN} {TOKEN}"},
            {"api_key": f"“{TOKEN[:9]}”{TOKEN[9:]}"},
            {"api_key": f"{TOKEN}\r\nX-Evil: 1"},
            {"max_retries": -1},
        ],
    )
    def test_impossible_ones_are_refused_at_once(self, sdk: Sdk, options: dict[str, Any]) -> None:
        """With a message that says what is wrong, and shows no secret."""
        with pytest.raises(flowkeys.ConfigurationError) as caught:
            sdk.client(**options)
        assert "secret" not in str(caught.value)
        assert TOKEN not in str(caught.value)

    async def test_a_pasted_key_is_what_was_meant(self, sdk: Sdk, server: Scripted) -> None:
        """Quotes, Bearer, a mark and a line end come by copying; what no key can be is named."""
        for pasted in (f'"{TOKEN}"\r\n', f"Bearer {TOKEN}", f"\ufeff\n{TOKEN}\u200b"):
            server.answers("pong")
            await sdk(lambda c: c.ping(), api_key=pasted)
            assert server.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"
        for pasted, said in (
            ("$FLOWKEYS_API_KEY", "variable"),
            ("fl-•••a1B2", "masked"),
            ("{{key}}", "variable"),
        ):
            with pytest.raises(flowkeys.ConfigurationError, match=said):
                sdk.client(api_key=pasted)


class TestTransport:
    async def test_a_given_http_client_is_used_and_stays_open(self, sdk: Sdk, server: Scripted) -> None:
        """Proxies, certificates and pools are the caller's to choose, and to close."""
        server.answers(KEY)
        if sdk.kind == "sync":
            with httpx.Client(headers={"x-mine": "1"}, timeout=PATIENCE_SECONDS) as http:
                with flowkeys.Client(server.url, TOKEN, http_client=http) as client:
                    client.keys.get("k1")
                assert not http.is_closed
        else:
            async with httpx.AsyncClient(headers={"x-mine": "1"}, timeout=PATIENCE_SECONDS) as http:
                async with flowkeys.AsyncClient(server.url, TOKEN, http_client=http) as client:
                    await client.keys.get("k1")
                assert not http.is_closed
        assert server.requests[0].headers["x-mine"] == "1"

    async def test_the_connections_are_closed_with_the_client(self, sdk: Sdk, server: Scripted) -> None:
        """After its block a client sends nothing more."""
        client = sdk.client()
        if sdk.kind == "sync":
            with client:
                pass
            with pytest.raises(RuntimeError, match="closed"):
                client.ping()
        else:
            async with client:
                pass
            with pytest.raises(RuntimeError, match="closed"):
                await client.ping()
        assert server.requests == []

    async def test_one_connection_serves_many_calls(self, sdk: Sdk, server: Scripted) -> None:
        """A client reuses its connection, which is most of what makes a second call quick."""
        for _ in range(2):
            server.answers(KEY)
        client = sdk.client()
        for _ in range(2):
            await sdk(lambda _: client.keys.get("k1"))
        assert server.requests[0].peer == server.requests[1].peer


class TestSecrets:
    async def test_the_key_is_in_no_repr(self, sdk: Sdk) -> None:
        """Of the client, of what it holds, and of what is logged of it."""
        client = sdk.client()
        assert repr(client) in {f"Client('{sdk.url}')", f"AsyncClient('{sdk.url}')"}
        assert TOKEN not in repr([client, vars(client), client.stream("c1", "Hi")])

    @pytest.mark.parametrize("key", [TOKEN, IMPORTED])
    async def test_the_key_is_in_no_error(self, sdk: Sdk, server: Scripted, key: str) -> None:
        """Even if the server repeats it in every text of its answer."""
        echo = f"You sent {key}."
        server.answers({"detail": echo, "errors": [{"field": "f", "message": echo}]}, status=422)
        with pytest.raises(flowkeys.InvalidRequestError) as caught:
            await sdk(lambda c: c.keys.create("x"), api_key=key)
        shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
        assert key not in shown
        assert "You sent" in shown

    async def test_the_key_is_in_no_error_of_the_transport(
        self, sdk: Sdk, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Nor in the log of any library that had a part in it."""
        caplog.set_level(logging.DEBUG)
        with pytest.raises(flowkeys.ConnectionFailed) as caught:
            await sdk(lambda c: c.ping(), base_url="http://127.0.0.1:9")
        assert TOKEN not in "".join(traceback.format_exception(caught.value)) + caplog.text

    @pytest.mark.parametrize(
        "use",
        [
            lambda c: c.keys.get(TOKEN),
            lambda c: c.keys.page(search=f"x{TOKEN}"),
            lambda c: c.chatflows.messages("c1", session_id=TOKEN),
            lambda c: c.keys.get(IMPORTED),
        ],
    )
    async def test_a_token_never_gets_into_an_address(self, sdk: Sdk, server: Scripted, use) -> None:
        """Where an id was meant, a token would end up in logs along the way."""
        with pytest.raises(ValueError, match="by its id") as caught:
            await sdk(use, api_key=IMPORTED)
        assert TOKEN not in str(caught.value)
        assert server.requests == []

    def test_a_new_key_hides_its_token_until_it_is_asked_for(self) -> None:
        """`repr` of it, or of anything that holds it, shows neither the token nor the digest."""
        body = KEY | {"apiKey": TOKEN, "apiSecret": "hmac-sha256$1$abc"}
        created = msgspec.convert(body, NewKey)
        assert created.token == TOKEN
        shown = f"{created} {created!r} {[created]}"
        assert TOKEN not in shown
        assert "hmac-sha256" not in shown
        assert pickle.loads(pickle.dumps(created.token)) == TOKEN  # noqa: S301
        assert msgspec.json.encode({"token": created.token}) == f'{{"token":"{TOKEN}"}}'.encode()
