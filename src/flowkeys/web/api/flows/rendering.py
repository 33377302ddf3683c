"""What chatflows use and share, in the shapes of the API; commands show the same."""

from typing import Any

from flowkeys.domain.chatflows.code import CodePiece


def code_piece(piece: CodePiece) -> dict[str, Any]:
    """Return a piece of code."""
    return {
        "nodeId": piece.node_id,
        "label": piece.label,
        "digest": piece.digest,
        "approved": piece.approved,
        "code": piece.code,
    }
