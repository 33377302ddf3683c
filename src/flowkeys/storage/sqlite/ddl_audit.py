"""The triggers that count the audit log, so that a page of a million entries knows its total."""

from typing import Final

AUDIT_COUNTS: Final = (
    # Of migration 0021. Entries are only ever added; what is deleted by hand is not counted any more either.
    """INSERT INTO audit_count(workspace_id, actor_type, subject, action, total)
        SELECT workspace_id, actor_type, subject, action, count(*) FROM audit GROUP BY 1, 2, 3, 4""",
    """CREATE TRIGGER audit_count_insert AFTER INSERT ON audit BEGIN
        INSERT INTO audit_count(workspace_id, actor_type, subject, action, total)
            VALUES (new.workspace_id, new.actor_type, new.subject, new.action, 1)
            ON CONFLICT (workspace_id, actor_type, subject, action) DO UPDATE SET total = total + 1;
    END""",
    """CREATE TRIGGER audit_count_delete AFTER DELETE ON audit BEGIN
        UPDATE audit_count SET total = total - 1 WHERE workspace_id = old.workspace_id
            AND actor_type = old.actor_type AND subject = old.subject AND action = old.action;
    END""",
)
