"""What look-ups on PostgreSQL prepare by name."""

import re

from flowkeys.storage.postgres import lookups


def test_a_whole_chatflow_is_asked_for_by_its_id_alone() -> None:
    """A value more in the columns is a parameter that nobody gives: no chatflow could be run."""
    assert set(re.findall(r"\$\d+", lookups._whole_chatflow())) == {"$1"}
