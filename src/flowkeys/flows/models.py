"""Models behind OpenAI-compatible chat endpoints: which one a flow may use, and the clients for them."""

import asyncio
from collections import OrderedDict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import msgspec

from flowkeys.domain.errors import ConfigurationError
from flowkeys.flows.endpoints import Endpoint, Endpoints, operators_endpoint, read_endpoint
from flowkeys.flows.settings import FlowSettings

if TYPE_CHECKING:
    import httpx
    from openai import AsyncOpenAI

    from flowkeys.flows.outbound import Resolve

INSTALL: Final = "the openai package is not installed: pip install 'flowkeys[openai]'."
_CLIENTS: Final = 256


class Target(msgspec.Struct, frozen=True):
    """Where a node's model is: the base URL, and the name of the credential that goes there, if one does."""

    endpoint: Endpoint
    credential: str | None
    trusted: bool
    """The operator named this address, so that it need not be public."""


class Models:
    """Decides where flows may send prompts, and keeps the clients; closed with the engine."""

    def __init__(self, settings: FlowSettings, *, resolve: "Resolve | None" = None) -> None:
        """Read the operator's credentials and endpoints.

        Raises:
            ConfigurationError: a base URL among them is not one, or two credentials have one name.
        """
        self._settings = settings
        self._resolve = resolve
        self._endpoints = Endpoints(settings.allowed_endpoints)
        self._keys = {credential.name: credential.api_key for credential in settings.credentials}
        self._bases = {
            credential.name: operators_endpoint(credential.base_url, f"The credential {credential.name!r}")
            for credential in settings.credentials
        }
        if len(self._keys) < len(settings.credentials):
            raise ConfigurationError("Two model credentials have the same name.")
        self._clients: OrderedDict[Target, AsyncOpenAI] = OrderedDict()
        self._http: tuple[httpx.AsyncClient, httpx.AsyncClient] | None = None
        self._opening = asyncio.Lock()

    def target(self, base_url: str, credential: str) -> Target | str:
        """Return where a node's model is, or why it may not be used, in words.

        A credential is only ever sent to its own base URL; a flow can neither read nor redirect it.
        """
        endpoint = read_endpoint(base_url) if base_url else None
        if isinstance(endpoint, str):
            return endpoint
        if credential:
            own = self._bases.get(credential)
            if own is None:
                return f"this server has no credential named {credential!r}."
            if endpoint not in {None, own}:
                return f"the credential {credential!r} is for another base URL, and is sent to no other."
            return Target(own, credential, trusted=True)
        if endpoint is None:
            return "it names neither a base URL nor a credential of this server."
        refusal = self._endpoints.refusal(endpoint)
        if refusal is not None:
            return refusal
        return Target(endpoint, None, trusted=self._endpoints.lists(endpoint))

    def unavailable(self) -> str | None:
        """Return why no model can be called at all, or None."""
        return None if find_spec("openai") is not None else INSTALL

    async def client(self, target: Target) -> "AsyncOpenAI":
        """Return the client for a target; all of them share connections."""
        client = self._clients.get(target)
        if client is not None:
            self._clients.move_to_end(target)
            return client
        async with self._opening:
            if self._http is None:
                self._http = await asyncio.to_thread(self._open)
        client = await asyncio.to_thread(self._make, target)
        self._clients[target] = client
        if len(self._clients) > _CLIENTS:
            self._clients.popitem(last=False)
        return client

    async def aclose(self) -> None:
        """Close all connections."""
        opened, self._http = self._http, None
        self._clients.clear()
        for client in opened or ():
            await client.aclose()

    def _open(self) -> "tuple[httpx.AsyncClient, httpx.AsyncClient]":
        """Return the clients for addresses that have to be public, and for those that need not be."""
        import httpx

        from flowkeys.flows import outbound

        context = httpx.create_ssl_context()
        connect, read = self._settings.connect_timeout_seconds, self._settings.model_timeout_seconds
        checks = (self._resolve or outbound.resolve, None)
        public, trusted = (
            outbound.make_client(context, check=check, connect_seconds=connect, read_seconds=read)
            for check in checks
        )
        return public, trusted

    def _make(self, target: Target) -> "AsyncOpenAI":
        from openai import AsyncOpenAI, Omit

        assert self._http is not None
        headers: dict[str, Any] = {} if target.credential else {"Authorization": Omit()}
        return AsyncOpenAI(
            api_key=self._keys[target.credential] if target.credential else "none",
            base_url=target.endpoint.url,
            http_client=self._http[1 if target.trusted else 0],  # type: ignore[arg-type]  # httpx2 or httpx
            default_headers=headers,
            organization="",
            project="",
            max_retries=0,
        )
