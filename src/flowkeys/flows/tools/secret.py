"""The credential with which a node or a tool calls a service: it goes to its own address and to no other."""

import base64
from collections.abc import Mapping
from typing import Any, Final

from flowkeys.domain.chatflows.credential import OpenCredential
from flowkeys.flows.graph.naming import credential_named
from flowkeys.flows.registry import Build
from flowkeys.outbound.endpoints import Endpoint, read_endpoint

_KINDS: Final = "http"
"""How the names of all kinds of credentials for services begin."""


class NotItsAddress(Exception):
    """A credential would be sent to an address that it is not for; the message says so in words."""


class Secret:
    """What is sent along to a service."""

    def __init__(self, credential: OpenCredential, own: Endpoint) -> None:
        """`own` is the address that the credential is for."""
        self._credential = credential
        self.own = own

    def __repr__(self) -> str:
        return f"Secret({self._credential.name!r}, {self.own.url!r})"

    def headers(self, url: str) -> dict[str, str]:
        """Return the headers that carry it, their names in small letters.

        Raises:
            NotItsAddress: the URL is neither its own nor below that.
        """
        there = read_endpoint(url.partition("?")[0].partition("#")[0])
        if isinstance(there, str) or not self.own.covers(there):
            raise NotItsAddress("its credential is for another address, and is sent to no other.")
        kind, values = self._credential.kind, self._credential.values
        if kind == "httpBasicAuth":
            pair = f"{values.get('basicAuthUsername', '')}:{values.get('basicAuthPassword', '')}"
            return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        if kind == "httpApiKey":
            return {values.get("key", "").lower(): values.get("value", "")}
        return {"authorization": f"Bearer {self._credential.key}"}


def carried(secret: Secret | None, url: str) -> tuple[Mapping[str, str], Endpoint | None]:
    """Return the headers that carry a secret to a URL, if there is any, and the address that it is for.

    Raises:
        NotItsAddress: the URL is neither that nor below it.
    """
    return ({}, None) if secret is None else (secret.headers(url), secret.own)


def kept_credential(build: Build, config: Mapping[str, Any]) -> OpenCredential | None:
    """Return the credential that a configuration names; None where it names none, or none that can be used.

    The latter is noted as a problem of the node.
    """
    ref = credential_named(config)
    found = build.resources.models.kept(build.workspace_id, ref) if ref else None
    if isinstance(found, str):
        build.problem(found)
        return None
    return found


def read_secret(build: Build, config: Mapping[str, Any]) -> Secret | None:
    """Return what a node's, or a tool's, configuration names; None where it names none, or none for services.

    The latter is noted as a problem of the node.
    """
    found = kept_credential(build, config)
    if found is None:
        return None
    own = read_endpoint(found.base_url)
    if not found.kind.startswith(_KINDS) or isinstance(own, str):
        build.problem(f"the credential {found.name!r} is not for services.")
        return None
    return Secret(found, own)
