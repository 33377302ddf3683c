"""What is deleted or spoilt by hand, in SQL, keeps nothing of others from being stored."""

from collections.abc import Callable

from tests.support.flows import make_key
from tests.support.server import Running


def test_what_others_used_is_stored(start: Callable[..., Running]) -> None:
    """Of a workspace that is gone nothing can be; of a key that cannot be read a threshold has no name.

    When others were last used, and which permissions they used, is one transaction with what is gone.
    """
    own = start(usage_flush_seconds=300)
    owners = own.owner(), own.owner(), own.owner("gone")
    kept, spoilt, gone = (make_key(owner, quotas=[{"calls": 10, "period": "month"}]) for owner in owners)
    for key in (gone, spoilt, kept):
        statuses = [own.api(key["apiKey"]).get("/auth/verify").status_code for _ in range(9)]
        assert statuses == [200] * 9
    with own.shell() as raw, raw.without_foreign_keys():
        # Who counts together stores what the one counted before another goes on from there.
        before = dict(
            raw.execute("SELECT subject_id, used FROM quota_use WHERE subject_id = ?", (gone["id"],))
        )
        raw.execute("DELETE FROM workspace WHERE name = 'gone'")
        raw.execute("UPDATE api_key SET permissions = 'x' WHERE id = ?", (spoilt["id"],))
        own.store()
        used = dict(raw.execute("SELECT subject_id, used FROM quota_use"))
        assert used == {kept["id"]: 9, spoilt["id"]: 9, **before}
        counted = raw.execute("SELECT DISTINCT workspace_id FROM usage_hour").fetchall()
        assert counted == [(own.workspace(),)]
        last = raw.execute("SELECT id FROM api_key WHERE last_used_at IS NOT NULL").fetchall()
        assert {kept["id"], spoilt["id"]} <= {key_id for (key_id,) in last}
        noted = raw.execute("SELECT DISTINCT workspace_id FROM permission_use").fetchall()
        assert noted == [(own.workspace(),)]
