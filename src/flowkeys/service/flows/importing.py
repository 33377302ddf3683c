"""Chatflows of exports, with the custom tools that stand beside them."""

import asyncio
from contextlib import suppress

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.principal import Caller
from flowkeys.service.chatflows.export import read_export
from flowkeys.service.chatflows.maker import ChatflowMaker
from flowkeys.service.chatflows.reader import CheckedChatflow
from flowkeys.service.flows.tool_files import tools_beside
from flowkeys.service.flows.tool_input import ToolPatch
from flowkeys.service.flows.tools import CREATE, CustomToolService


class FlowImports:
    """Imports what Flowise exported."""

    def __init__(self, maker: ChatflowMaker, tools: CustomToolService) -> None:
        self._maker = maker
        self._tools = tools

    async def from_export(
        self,
        caller: Caller,
        name: str,
        file: tuple[str, bytes],
        once: str | None = None,
        *,
        credential: str | None = None,
    ) -> CheckedChatflow:
        """Store a chatflow as `ChatflowMaker.from_export` does, and before it the tools that it names.

        Who may not make tools imports the chatflow alone; it says which tools it lacks. An import approves no
        code.

        Raises:
            AlreadySent, Forbidden: as `ChatflowMaker.from_export` says.
            InvalidInput: so, too; or, naming ``file``, a tool cannot be made.
        """
        caller.require("chatflows:create")
        if caller.holds(CREATE):
            beside = await asyncio.to_thread(_beside, file[1])
            if beside:
                await self._tools.bring(caller, beside)
        return await self._maker.from_export(caller, name, file, once, credential=credential)


def _beside(content: bytes) -> list[ToolPatch]:
    with suppress(InvalidInput):  # which is said when the chatflow is made
        patch = read_export(content, field="file", what="This file")
        if isinstance(patch.flow_data, str):
            return tools_beside(content, patch.flow_data)
    return []
