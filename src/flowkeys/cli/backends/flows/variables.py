"""Variables of a workspace, as both backends have them."""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from flowkeys.cli.backends.part import Json, given
from flowkeys.service.flows.variables import VariablePatch


class Variables(Protocol):
    """What commands do with variables; they come back in their wire form."""

    def create(self, new: VariablePatch) -> Json:
        """Make a variable."""
        ...

    def all(self) -> list[Json]:
        """Return every variable, by name."""
        ...

    def update(self, variable_id: str, patch: VariablePatch) -> Json:
        """Change what the patch names."""
        ...

    def delete(self, variable_id: str) -> None:
        """Delete a variable."""
        ...


class LocalVariables:
    """Implements `Variables` by calling the services."""

    def __init__(self, run: Callable[[Any], Any], service: Any, caller: Any) -> None:
        """Run coroutines of `service`, a `VariableService`, with `run`, as `caller`."""
        self._run = run
        self._service = service
        self._caller = caller

    def create(self, new: VariablePatch) -> Json:
        """Make a variable."""
        return _shown(self._run(self._service.create(self._caller, new)))

    def all(self) -> list[Json]:
        """Return every variable."""
        return [_shown(item) for item in self._run(self._service.all(self._caller))]

    def update(self, variable_id: str, patch: VariablePatch) -> Json:
        """Change a variable."""
        return _shown(self._run(self._service.update(self._caller, variable_id, patch)))

    def delete(self, variable_id: str) -> None:
        """Delete a variable."""
        self._run(self._service.delete(self._caller, variable_id))


class RemoteVariables:
    """Implements `Variables` by calling the API."""

    def __init__(self, call: Callable[..., Any]) -> None:
        """Call the API with `call`."""
        self._call = call

    def create(self, new: VariablePatch) -> Json:
        """Make a variable."""
        return self._json("POST", body=given(new, {}))

    def all(self) -> list[Json]:
        """Return every variable."""
        from flowkeys.client.call import path

        found: list[Json] = self._call("GET", path("variables"))
        return found

    def update(self, variable_id: str, patch: VariablePatch) -> Json:
        """Change a variable."""
        return self._json("PUT", variable_id, body=given(patch, {}))

    def delete(self, variable_id: str) -> None:
        """Delete a variable."""
        self._json("DELETE", variable_id)

    def _json(self, method: str, *where: str, body: Any = msgspec.UNSET) -> Json:
        from flowkeys.client.call import path

        answer: Json = self._call(method, path("variables", *where), body=body)
        return answer


def _shown(item: Any) -> Json:
    from flowkeys.web.api.flows.variable_schemas import variable

    return variable(item)
