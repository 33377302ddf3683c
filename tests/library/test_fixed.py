"""Verifying against a fixed list: the header table, permissions, chatflows and time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flowkeys.verify import ConfigurationError, FixedKey, Verifier, mint
from tests.library.conftest import code
from tests.library.table import (
    ADDRESS,
    CASES,
    CHATFLOW,
    FAR,
    GOOD,
    KEYS,
    NAMES,
    OTHER,
    PUBLIC,
    STRANGER,
    VIEWER,
    Case,
)


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    """A verifier of the table's keys."""
    return Verifier.fixed(KEYS, public=[PUBLIC])


def said(result) -> tuple[int, str]:
    """Return a result's status and code."""
    return (200, "valid") if result.allowed else (result.status, result.code)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_raw_headers_are_read_as_by_the_server(verifier: Verifier, case: Case) -> None:
    """The table holds, waiting or not."""
    assert said(verifier.verify(headers=case.headers, address=ADDRESS)) == (case.status, case.code)
    assert said(await verifier.averify(headers=case.headers, address=ADDRESS)) == (case.status, case.code)


@pytest.mark.parametrize(
    "case", [case for case in CASES if len(case.headers) < 2], ids=lambda case: case.what
)
def test_the_value_of_one_header_is_read_the_same(verifier: Verifier, case: Case) -> None:
    """Programs that have headers as text (WSGI) get the same answers."""
    value = dict(case.headers).get(b"authorization")
    text = None if value is None else value.decode("latin-1")
    assert said(verifier.verify(text, address=ADDRESS)) == (case.status, case.code)


def test_a_refusal_carries_what_its_answer_needs(verifier: Verifier) -> None:
    """Status, challenge and body are those of the server, and the refusal is false."""
    refused = verifier.verify(f"Bearer {STRANGER}")
    assert not refused
    assert refused.www_authenticate.startswith('Bearer realm="flowkeys", error="invalid_token"')
    assert b'"code":"unknown_key"' in refused.body("r1")
    assert b'"requestId":"r1"' in refused.body("r1")
    assert STRANGER.encode() not in refused.body()


def test_the_key_says_who_it_is(verifier: Verifier) -> None:
    """Everything that a service needs to know of a caller, and the token is not in it."""
    key = verifier.verify(token=GOOD)
    assert key
    assert (key.id, key.name, key.workspace_id, key.expires_at) == ("good", "Good", "workspace", None)
    assert key.chatflow_ids == {CHATFLOW}
    assert not key.grants("logs:view")
    assert GOOD not in repr(key) + repr(KEYS)


@pytest.mark.parametrize(
    ("token", "wanted", "code"),
    [
        (GOOD, {"chatflow_id": CHATFLOW}, "valid"),
        (GOOD, {"chatflow_id": PUBLIC}, "valid"),
        (GOOD, {"chatflow_id": OTHER}, "chatflow_not_allowed"),
        (GOOD, {"chatflow_id": ""}, "chatflow_not_allowed"),
        (VIEWER, {"permissions": "logs:view"}, "valid"),
        (VIEWER, {"permissions": ["logs:view", "apikeys:view"]}, "permission_missing"),
        (GOOD, {"permissions": "logs:view"}, "permission_missing"),
        (VIEWER, {"chatflow_id": PUBLIC, "permissions": "logs:view"}, "valid"),
        (GOOD, {"chatflow_id": PUBLIC, "permissions": "logs:view"}, "permission_missing"),
        ("", {}, "missing_credentials"),
        ("é", {}, "unknown_key"),
    ],
)
def test_a_key_is_good_for_what_it_holds(verifier: Verifier, token: str, wanted: dict, code: str) -> None:
    """A chatflow and permissions are asked for together, and all are needed."""
    assert said(verifier.verify(token=token, **wanted))[1] == code


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("192.0.2.7", "valid"),
        ("::ffff:192.0.2.7", "valid"),
        ("192.0.3.7", "ip_not_allowed"),
        ("2001:db8::1", "ip_not_allowed"),
        ("testclient", "ip_not_allowed"),
        ("", "ip_not_allowed"),
        (None, "ip_not_allowed"),
    ],
)
async def test_a_key_is_used_from_its_networks(verifier: Verifier, address: str | None, code: str) -> None:
    """What is no address, or not known, is in no network; another key is asked for none."""
    assert said(verifier.verify(token=FAR, address=address))[1] == code
    assert said(await verifier.averify(token=FAR, address=address, chatflow_id=PUBLIC))[1] == code
    assert verifier.verify(token=GOOD, address=address)
    refused = verifier.verify(token=FAR, chatflow_id=OTHER)
    assert (refused.status, refused.key_id) == (403, "far")
    assert verifier.verify(token=FAR, address="192.0.2.7").allowed_ips == ("192.0.2.0/24",)
    assert verifier.verify(token=GOOD).allowed_ips == ()


def test_a_network_that_is_none_is_a_mistake() -> None:
    """It is said when the verifier is made, with what is meant."""
    with pytest.raises(ConfigurationError, match=r"The network is 10\.0\.0\.0/8"):
        Verifier.fixed([FixedKey(token=mint(), allowed_ips=["10.1.2.3/8"])])


def test_a_permission_that_does_not_exist_is_a_mistake(verifier: Verifier) -> None:
    """A typing mistake is not a refusal that looks right until somebody holds everything."""
    with pytest.raises(ValueError, match="apikey:view"):
        verifier.verify(token=GOOD, permissions=["apikey:view"])


@pytest.mark.parametrize(
    ("wrong", "error"),
    [("", ValueError), ([""], ValueError), ([None], ValueError)]
    + [(each, TypeError) for each in (None, b"", b"logs:view", 0, False)],
)
async def test_a_setting_that_is_missing_is_no_weaker_check(
    verifier: Verifier, wrong: Any, error: type[Exception]
) -> None:
    """With and without a chatflow, and for a credential that is refused in any case."""
    for wanted in ({"token": GOOD}, {"token": GOOD, "chatflow_id": CHATFLOW}, {}):
        with pytest.raises(error, match="permission"):
            verifier.verify(**wanted, permissions=wrong)
        with pytest.raises(error, match="permission"):
            await verifier.averify(**wanted, permissions=wrong)


@pytest.mark.parametrize("none", [(), [], frozenset(), iter(())])
def test_no_permission_is_authentication_only(verifier: Verifier, none: Any) -> None:
    """A list that is empty says so."""
    assert said(verifier.verify(token=GOOD, permissions=none)) == (200, "valid")


def test_two_credentials_are_a_mistake(verifier: Verifier) -> None:
    """Which of them counted would be anybody's guess."""
    with pytest.raises(ValueError, match="one of"):
        verifier.verify(f"Bearer {GOOD}", token=VIEWER)


def test_a_key_ends_at_its_time() -> None:
    """Expiry is compared at each call."""
    now = [0]
    token = mint()
    end = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=10)
    verifier = Verifier.fixed([FixedKey(token=token, expires_at=end)], clock=lambda: now[0])
    assert verifier.verify(token=token).expires_at == end
    now[0] = 9_999_999
    assert verifier.verify(token=token)
    now[0] = 10_000_000
    assert said(verifier.verify(token=token)) == (401, "expired_key")


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": "fl-x"},
        {"token": mint(), "permissions": ["x:y"]},
        {"token": mint(), "expires_at": datetime(2030, 1, 1, tzinfo=UTC).replace(tzinfo=None)},
    ],
)
def test_a_list_that_cannot_be_right_is_refused(wrong: dict) -> None:
    """A test with a wrong key would test nothing."""
    with pytest.raises(ConfigurationError):
        Verifier.fixed([FixedKey(**wrong)])


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"headers": [("Authorization", f"Bearer {GOOD}")]}, "pairs of bytes"),
        ({"headers": [(b"Authorization", f"Bearer {GOOD}")]}, "pairs of bytes"),
        ({"headers": {"Authorization": f"Bearer {GOOD}"}}, "pairs of bytes"),
        ({"headers": {b"te": b"trailers"}}, "pairs of bytes"),
        ({"headers": 5}, "pairs of bytes"),
        ({"token": 5}, "token is a str, not int"),
        ({"authorization": 5}, "authorization is a str or bytes, not int"),
    ],
)
async def test_a_credential_of_another_type_is_a_mistake(verifier: Verifier, wrong: dict, told: str) -> None:
    """It is the program's, which a refusal would hide."""
    with pytest.raises(TypeError, match=told):
        verifier.verify(**wrong)
    with pytest.raises(TypeError, match=told):
        await verifier.averify(**wrong)


def test_half_a_character_is_no_chatflow() -> None:
    """JSON may hold one, and what a client sent may be passed on as it came: it is refused as any other."""
    token = mint()
    with Verifier.fixed([FixedKey(token=token, chatflow_ids=["a"])]) as verifier:
        assert code(verifier.verify(token=token, chatflow_id="\ud800")) == "chatflow_not_allowed"


def test_what_is_missing_is_told_from_what_is_bad() -> None:
    """Whoever lets calls in without a key, and none with a bad one, asks the refusal."""
    for case in CASES:
        result = Verifier.fixed(KEYS).verify(headers=case.headers)
        missing = not result.allowed and result.is_missing
        assert missing == (case.code == "missing_credentials"), case
