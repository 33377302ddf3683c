"""The trigger of workspaces: what is left of one that was deleted by hand opens nothing."""

from typing import Final

from flowkeys.storage.sqlite.ddl import _NOW

WORKSPACE_GONE: Final = (
    # Of migration 0022. A shell does not look after foreign keys unless it is told to: what is left of a
    # workspace that was deleted there must not go on opening anything.
    f"""CREATE TRIGGER workspace_gone AFTER DELETE ON workspace BEGIN
        UPDATE api_key SET status = 'revoked', revoked_at = {_NOW}, version = version + 1
            WHERE workspace_id = old.id AND status <> 'revoked';
        UPDATE chatflow SET is_public = 0, version = version + 1
            WHERE workspace_id = old.id AND is_public <> 0;
    END""",  # noqa: S608 - of constants
)
