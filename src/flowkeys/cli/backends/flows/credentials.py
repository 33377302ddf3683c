"""Credentials, as both backends have them. What they hold goes in, and never comes out."""

from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from flowkeys.cli.backends.part import Json, given
from flowkeys.service.flows.credential_input import CredentialPatch

_NAMES: Final = {"base_url": "baseUrl", "values": "plainDataObj"}


class Credentials(Protocol):
    """What commands do with credentials; they come back in their wire form."""

    def create(self, kind: str, new: CredentialPatch) -> Json:
        """Make a credential of a kind, by Flowise's name for it."""
        ...

    def get(self, credential_id: str) -> Json:
        """Return a credential, with the chatflows that name it."""
        ...

    def all(self) -> list[Json]:
        """Return every credential, by name."""
        ...

    def update(self, credential_id: str, patch: CredentialPatch) -> Json:
        """Change what the patch names."""
        ...

    def delete(self, credential_id: str) -> None:
        """Delete a credential."""
        ...


class LocalCredentials:
    """Implements `Credentials` by calling the services."""

    def __init__(self, run: Callable[[Any], Any], service: Any, caller: Any) -> None:
        """Run coroutines of `service`, a `CredentialService`, with `run`, as `caller`."""
        self._run = run
        self._service = service
        self._caller = caller

    def create(self, kind: str, new: CredentialPatch) -> Json:
        """Make a credential."""
        return self._shown("credential", self._service.create(self._caller, kind, new))

    def get(self, credential_id: str) -> Json:
        """Return a credential."""
        return self._shown("used_credential", self._service.get(self._caller, credential_id))

    def all(self) -> list[Json]:
        """Return every credential."""
        return [_wire().credential(item) for item in self._run(self._service.all(self._caller))]

    def update(self, credential_id: str, patch: CredentialPatch) -> Json:
        """Change a credential."""
        return self._shown("credential", self._service.update(self._caller, credential_id, patch))

    def delete(self, credential_id: str) -> None:
        """Delete a credential."""
        self._run(self._service.delete(self._caller, credential_id))

    def _shown(self, what: str, work: Any) -> Json:
        shown: Json = getattr(_wire(), what)(self._run(work))
        return shown


class RemoteCredentials:
    """Implements `Credentials` by calling the API."""

    def __init__(self, call: Callable[..., Any]) -> None:
        """Call the API with `call`."""
        self._call = call

    def create(self, kind: str, new: CredentialPatch) -> Json:
        """Make a credential."""
        return self._json("POST", body={"credentialName": kind, **given(new, _NAMES)})

    def get(self, credential_id: str) -> Json:
        """Return a credential."""
        return self._json("GET", credential_id)

    def all(self) -> list[Json]:
        """Return every credential."""
        from flowkeys.client.call import path

        found: list[Json] = self._call("GET", path("credentials"))
        return found

    def update(self, credential_id: str, patch: CredentialPatch) -> Json:
        """Change a credential."""
        return self._json("PUT", credential_id, body=given(patch, _NAMES))

    def delete(self, credential_id: str) -> None:
        """Delete a credential."""
        self._json("DELETE", credential_id)

    def _json(self, method: str, *where: str, body: Any = msgspec.UNSET) -> Json:
        from flowkeys.client.call import path

        answer: Json = self._call(method, path("credentials", *where), body=body)
        return answer


def _wire() -> Any:
    from flowkeys.web.schemas import credentials

    return credentials
