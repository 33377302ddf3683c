"""Messages for tests that are about where they are stored, and not about what they say."""

from flowkeys.domain.predictions.conversation import Message, Role


def message(message_id: str, chatflow_id: str) -> Message:
    """Return one that has nothing of its own but its id and its chatflow."""
    return Message(
        id=message_id,
        workspace_id="w",
        chatflow_id=chatflow_id,
        key_id=None,
        session_id="s",
        chat_id="s",
        role=Role.USER,
        content="x",
        created_at=0,
    )
