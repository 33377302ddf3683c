"""What commands do with chatflows and the code in them: on this machine, and over HTTP."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from flowkeys.cli.backends.part import Json, given
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.flows.tool_input import ToolPatch

if TYPE_CHECKING:
    from flowkeys.bootstrap import Runtime
    from flowkeys.domain.principal import Caller

_TOOL_MEMBERS: Final = {"icon_src": "iconSrc", "export_id": "exportId"}
_NAMES: Final = {
    "flow_data": "flowData",
    "is_public": "isPublic",
    "chatbot_config": "chatbotConfig",
    "api_config": "apiConfig",
    "key_id": "apikeyid",
    "key_ids": "apiKeyIds",
    "rate_limits": "rateLimits",
}


class LocalChatflows:
    """A part of `LocalBackend`: it calls the service."""

    runtime: "Runtime"
    caller: "Caller"

    def create_chatflow(self, patch: ChatflowPatch) -> Json:
        """Store a chatflow; the code in it is not approved by that."""
        from flowkeys.web import render

        return render.chatflow(self._do(self.runtime.chatflows.create(self.caller, patch)))

    def import_tools(self, tools: Sequence[ToolPatch]) -> None:
        """Make the custom tools of an export."""
        self._do(self.runtime.tools.bring(self.caller, tools))

    def chatflow(self, chatflow_id: str) -> Json:
        """Return a chatflow."""
        from flowkeys.web import render

        return render.chatflow(self._do(self.runtime.chatflows.get(self.caller, chatflow_id)))

    def update_chatflow(self, chatflow_id: str, patch: ChatflowPatch) -> Json:
        """Change a chatflow; the code in it is not approved by that."""
        from flowkeys.web import render

        return render.chatflow(self._do(self.runtime.chatflows.update(self.caller, chatflow_id, patch)))

    def code(self, chatflow_id: str) -> list[Json]:
        """Return the code that a chatflow would run."""
        return self._code(self._do(self.runtime.chatflows.get(self.caller, chatflow_id)))

    def approve_code(self, chatflow_id: str, digests: Sequence[str], *, withdraw: bool) -> list[Json]:
        """Approve code, or do so no longer."""
        of = self.runtime.chatflows
        change = of.withdraw if withdraw else of.approve
        return self._code(self._do(change(self.caller, chatflow_id, digests)))

    def _do(self, work: Any) -> Any:
        return cast("Any", self).run(work)

    def _code(self, checked: Any) -> list[Json]:
        from flowkeys.web.api.flows.rendering import code_piece

        return [code_piece(piece) for piece in checked.check.codes]


class RemoteChatflows:
    """A part of `RemoteBackend`: it calls the API."""

    def create_chatflow(self, patch: ChatflowPatch) -> Json:
        """Store a chatflow; the code in it is not approved by that."""
        found: Json = self._ask("POST", "?approve=false", _body(patch))
        return found

    def import_tools(self, tools: Sequence[ToolPatch]) -> None:
        """Make the custom tools of an export."""
        of, body = cast("Any", self), {"tools": [given(one, _TOOL_MEMBERS) for one in tools]}
        of._json("POST", "/tools/import", body)  # noqa: SLF001

    def chatflow(self, chatflow_id: str) -> Json:
        """Return a chatflow."""
        found: Json = self._ask("GET", "", None, chatflow_id)
        return found

    def update_chatflow(self, chatflow_id: str, patch: ChatflowPatch) -> Json:
        """Change a chatflow; the code in it is not approved by that."""
        found: Json = self._ask("PUT", "?approve=false", _body(patch), chatflow_id)
        return found

    def code(self, chatflow_id: str) -> list[Json]:
        """Return the code that a chatflow would run."""
        found: list[Json] = self._ask("GET", "", None, chatflow_id, "code")
        return found

    def approve_code(self, chatflow_id: str, digests: Sequence[str], *, withdraw: bool) -> list[Json]:
        """Approve code, or do so no longer."""
        do = "withdraw" if withdraw else "approve"
        found: list[Json] = self._ask("POST", "", {"digests": list(digests)}, chatflow_id, "code", do)
        return found

    def _ask(self, method: str, query: str, body: Any, *where: str) -> Any:
        from flowkeys.client.call import path

        of = cast("Any", self)
        address = f"{path('chatflows', *where)}{query}"
        return of._json(method, address) if body is None else of._json(method, address, body)  # noqa: SLF001


def _body(patch: ChatflowPatch) -> Json:
    body = given(patch, _NAMES)
    return {**body.pop("extras"), **body}
