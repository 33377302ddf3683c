"""Which models a flow may use, and the clients for them."""

import asyncio
import ssl
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import msgspec

from flowkeys.domain.chatflows.credential import DEPLOYMENT, OpenCredential
from flowkeys.domain.errors import ConfigurationError
from flowkeys.flows.models.failures import ModelError
from flowkeys.flows.models.network import in_words
from flowkeys.flows.settings import FlowSettings
from flowkeys.outbound import tls
from flowkeys.outbound.endpoints import Endpoint, Endpoints, operators_endpoint, read_endpoint
from flowkeys.service.ports.credentials import CredentialVault

if TYPE_CHECKING:
    from flowkeys.flows.models.client import Client
    from flowkeys.outbound.connecting import Resolve
    from flowkeys.outbound.http.pool import Pool
    from flowkeys.service.tracing import ModelTracing

_CLIENTS: Final = 256


class Target(msgspec.Struct, frozen=True):
    """Where a node's model is: the base URL, and the name of the credential that goes there, if one does."""

    endpoint: Endpoint
    credential: str | None
    """Of the operator, its name; of a workspace, its id."""
    trusted: bool
    """The operator named this address, so that it need not be public."""
    key: str | None = None
    """What a credential of a workspace holds; the operator's are not here."""
    model: str | None = None
    """What a credential says that the model is called there; None: what the node says."""

    def __repr__(self) -> str:
        return f"Target({self.endpoint.url!r}, credential={self.credential!r})"

    def __rich_repr__(self) -> list[tuple[str, str | None]]:
        return [("endpoint", self.endpoint.url), ("credential", self.credential)]


class Models:
    """Decides where flows may send prompts, and keeps the clients; closed with the engine."""

    def __init__(
        self,
        settings: FlowSettings,
        *,
        resolve: "Resolve | None" = None,
        vault: CredentialVault | None = None,
    ) -> None:
        """Read the operator's credentials and endpoints; `vault` has those that workspaces keep.

        Raises:
            ConfigurationError: a base URL among them is not one, or two credentials have one name.
        """
        self._settings = settings
        self._resolve = resolve
        self._vault = vault
        self._endpoints = Endpoints(settings.allowed_endpoints)
        self._keys = {credential.name: credential.api_key for credential in settings.credentials}
        self._bases = {
            credential.name: operators_endpoint(credential.base_url, f"The credential {credential.name!r}")
            for credential in settings.credentials
        }
        if len(self._keys) < len(settings.credentials):
            raise ConfigurationError("Two model credentials have the same name.")
        self._clients: OrderedDict[Target, Client] = OrderedDict()
        self.tracing: ModelTracing | None = None
        """Sees each call; set before the first."""
        self._pools: tuple[Pool, Pool] | None = None
        self._opening = asyncio.Lock()

    def target(self, base_url: str, credential: str, workspace_id: str = "") -> Target | str:
        """Return where a node's model is, or why it may not be used, in words.

        A credential is only ever sent to its own base URL; a flow can neither read nor redirect it.
        """
        endpoint = read_endpoint(base_url) if base_url else None
        if isinstance(endpoint, str):
            return endpoint
        if credential:
            own = self._bases.get(credential)
            if own is None:
                return self._kept(endpoint, credential, workspace_id)
            if endpoint not in {None, own}:
                return _elsewhere(credential)
            return Target(own, credential, trusted=True)
        if endpoint is None:
            return "it names neither a base URL nor a credential of this server."
        refusal = self._endpoints.refusal(endpoint)
        if refusal is not None:
            return refusal
        return Target(endpoint, None, trusted=self._endpoints.lists(endpoint))

    def refusal(self, address: str) -> str | None:
        """Return why a service at an address can never be called, in words, as far as that shows."""
        endpoint = read_endpoint(address.partition("?")[0].partition("#")[0])
        if isinstance(endpoint, str):
            return endpoint.replace("the base URL", "the address")
        return self._endpoints.refusal(endpoint)

    def kept(self, workspace_id: str, ref: str) -> OpenCredential | str:
        """Return a credential that a workspace keeps, or why it cannot be used."""
        kept = self._vault.find(workspace_id, ref) if self._vault is not None else None
        if kept is None and ref in self._keys:
            return f"the credential {ref!r} is for models alone."
        if kept is None:
            return f"this server has no credential named {ref!r}."
        if kept.problem is not None:
            return f"the credential {kept.name!r} cannot be used: {kept.problem}."
        return kept

    def _kept(self, endpoint: Endpoint | None, ref: str, workspace_id: str) -> Target | str:
        """Return where a credential of a workspace is sent, or why it may not be used."""
        kept = self.kept(workspace_id, ref)
        if isinstance(kept, str):
            return kept
        if not kept.key or not kept.base_url:
            return f"the credential {kept.name!r} is not for models."
        own = read_endpoint(kept.base_url)
        if isinstance(own, str):
            return own
        if endpoint not in {None, own}:
            return _elsewhere(kept.name)
        refusal = self._endpoints.refusal(own)
        if refusal is not None:
            return refusal
        model = kept.values.get(DEPLOYMENT)
        return Target(own, kept.id, trusted=self._endpoints.lists(own), key=kept.key, model=model)

    def credentials(self, workspace_id: str) -> tuple[str, ...]:
        """Return the names of the operator's credentials and the workspace's own, sorted."""
        kept = self._vault.names(workspace_id) if self._vault is not None else ()
        return tuple(sorted({*self._keys, *kept}))

    async def client(self, target: Target) -> "Client":
        """Return the client for a target; all of them share connections.

        Raises:
            ModelError: the certificates by which servers are known cannot be read.
        """
        client = self._clients.get(target)
        if client is not None:
            self._clients.move_to_end(target)
            return client
        async with self._opening:
            if self._pools is None:
                self._pools = await self._open()
            client = self._clients.get(target)
            if client is None:
                client = self._clients[target] = self._make(target, *self._pools)
        if len(self._clients) > _CLIENTS:
            self._clients.popitem(last=False)
        return client

    async def aclose(self) -> None:
        """Close all connections."""
        opened, self._pools = self._pools, None
        self._clients.clear()
        for pool in opened or ():
            await pool.aclose()

    def _make(self, target: Target, public: "Pool", trusted: "Pool") -> "Client":
        from flowkeys.flows.models.client import Client, Limits

        settings = self._settings
        limits = Limits(
            connect_seconds=settings.connect_timeout_seconds,
            whole_seconds=settings.whole_answer_timeout_seconds,
            silence_seconds=settings.model_timeout_seconds,
            answer_bytes=settings.answer_bytes,
        )
        pool = trusted if target.trusted else public
        key = target.key
        if key is None and target.credential is not None:
            key = self._keys[target.credential]
        if self.tracing is None:
            return Client(pool, target.endpoint, key, limits)
        from flowkeys.flows.models.traced import TracedClient

        return TracedClient(pool, target.endpoint, key, limits, self.tracing)

    async def _open(self) -> "tuple[Pool, Pool]":
        """Return the ways to addresses that have to be public, and to those that need not be."""
        try:
            context = await asyncio.to_thread(tls.context)
        except (OSError, ssl.SSLError) as error:
            raise ModelError(
                "this server cannot read the certificates by which it knows others (SSL_CERT_FILE).",
                reason=in_words(error),
            ) from error
        from flowkeys.outbound.connecting import resolve
        from flowkeys.outbound.http.pool import Pool

        return Pool(context, self._resolve or resolve), Pool(context, None)


def _elsewhere(name: str) -> str:
    return (
        f"the credential {name!r} is for another base URL, and is sent to no other. Leave the flow's base "
        "URL out, or name the credential beside the flow: the model is asked where that is for."
    )
