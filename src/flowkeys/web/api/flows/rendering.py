"""What chatflows use and share, in the shapes of the API; commands show the same."""

from typing import Any

from flowkeys.domain.chatflows.code import CodePiece, CustomTool
from flowkeys.domain.times import to_iso


def code_piece(piece: CodePiece) -> dict[str, Any]:
    """Return a piece of code."""
    return {
        "nodeId": piece.node_id,
        "label": piece.label,
        "digest": piece.digest,
        "approved": piece.approved,
        "code": piece.code,
    }


def custom_tool(tool: CustomTool) -> dict[str, Any]:
    """Return a custom tool."""
    return {
        "id": tool.id,
        "name": tool.name,
        "description": tool.description,
        "color": tool.color,
        "iconSrc": tool.icon_src,
        "schema": tool.schema,
        "func": tool.func,
        "exportId": tool.export_id,
        "createdDate": to_iso(tool.created_at),
        "updatedDate": to_iso(tool.updated_at),
        "workspaceId": tool.workspace_id,
    }
