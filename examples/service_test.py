"""Testing a service that verifies keys: no server, no database. Run: pytest examples/service_test.py."""

from flowkeys.verify import FixedKey, Verifier, mint


def may_read_logs(verifier: Verifier, authorization: str | None) -> bool:
    """Stand for the service that is tested."""
    return verifier.verify(authorization, permissions="logs:view").allowed


def test_only_keys_with_the_permission_may_read_logs() -> None:
    """One key with it, one without."""
    reader, other = mint(), mint()
    keys = [FixedKey(token=reader, permissions=["logs:view"]), FixedKey(token=other, id="2")]
    verifier = Verifier.fixed(keys)
    assert may_read_logs(verifier, f"Bearer {reader}")
    assert not may_read_logs(verifier, f"Bearer {other}")
    assert not may_read_logs(verifier, None)
