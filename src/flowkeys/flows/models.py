"""Models behind OpenAI-compatible chat endpoints: which one a flow may use, and the clients for them."""

import asyncio
from collections import OrderedDict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import msgspec

from flowkeys.domain.errors import ConfigurationError
from flowkeys.flows.endpoints import Endpoint, Endpoints, operators_endpoint, read_endpoint
from flowkeys.flows.settings import FlowSettings

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from flowkeys.flows.outbound import GuardedTransport, Resolve

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
        self._transports: tuple[GuardedTransport, GuardedTransport] | None = None
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

    @property
    def credentials(self) -> tuple[str, ...]:
        """The names of the operator's credentials, sorted."""
        return tuple(sorted(self._keys))

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
            client = self._clients.get(target)
            if client is None:
                client = await asyncio.to_thread(self._make, target)  # imports a large package at first
                self._clients[target] = client
        if len(self._clients) > _CLIENTS:
            self._clients.popitem(last=False)
        return client

    async def aclose(self) -> None:
        """Close all connections."""
        opened, self._transports = self._transports, None
        self._clients.clear()
        for transport in opened or ():
            await transport.aclose()

    def _make(self, target: Target) -> "AsyncOpenAI":
        from openai import AsyncOpenAI

        from flowkeys.flows.outbound import make_client

        if self._transports is None:
            self._transports = self._open()
        public, trusted = self._transports
        http = make_client(
            trusted if target.trusted else public,
            key=None if target.credential is None else self._keys[target.credential],
            connect_seconds=self._settings.connect_timeout_seconds,
            read_seconds=self._settings.model_timeout_seconds,
        )
        return AsyncOpenAI(
            api_key="set by the client below",  # so that it looks for none in the environment
            base_url=target.endpoint.url,
            http_client=http,  # type: ignore[arg-type]  # it takes clients of httpx and of httpx2
            organization="",
            project="",
            max_retries=0,
        )

    def _open(self) -> "tuple[GuardedTransport, GuardedTransport]":
        """Return the ways to addresses that have to be public, and to those that need not be."""
        import httpx

        from flowkeys.flows.outbound import GuardedTransport, resolve

        context = httpx.create_ssl_context()
        check = self._resolve or resolve
        limit = self._settings.answer_bytes
        return (
            GuardedTransport(context, check=check, body_bytes=limit),
            GuardedTransport(context, check=None, body_bytes=limit),
        )
