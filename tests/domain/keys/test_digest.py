"""Digests: keyed, tagged, and several secrets at once."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.digest import TokenHasher, secret_id, secret_id_of
from flowkeys.domain.keys.token import Token

OLD, NEW = "o" * 32, "n" * 40


def _hkdf(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 as its text has it, for any length."""
    key = hmac.new(salt, secret, hashlib.sha256).digest()
    block, out = b"", b""
    for counter in range(1, 3):
        block = hmac.new(key, block + info + bytes([counter]), hashlib.sha256).digest()
        out += block
    return out[:length]


def test_the_stored_form_names_its_algorithm_and_its_secret() -> None:
    """`hmac-sha256$<secret id>$<hex>`, under a key derived with HKDF."""
    token = Token.mint()
    digest = TokenHasher([NEW]).digest(token).newest
    key = _hkdf(NEW.encode(), b"flowkeys", b"flowkeys token digest v1", 32)
    expected = hmac.new(key, token.reveal().encode(), hashlib.sha256).hexdigest()
    assert digest == f"hmac-sha256${secret_id(NEW)}${expected}"
    assert secret_id_of(digest) == secret_id(NEW)


def test_the_newest_secret_signs_and_all_verify() -> None:
    """With two secrets a token has two digests, the newest first, and the old one is as before."""
    token = Token.mint()
    both = TokenHasher([NEW, OLD]).digest(token)
    assert both.all == (TokenHasher([NEW]).digest(token).newest, TokenHasher([OLD]).digest(token).newest)
    assert both.newest == both.all[0]


def test_a_secrets_id_tells_nothing_of_it() -> None:
    """Eight hex characters, another derivation than the key's."""
    assert len(secret_id(NEW)) == 8
    assert secret_id(NEW) != secret_id(OLD)
    assert secret_id(NEW) not in TokenHasher([NEW]).digest(Token.mint()).newest.split("$")[2][:8]


@pytest.mark.parametrize("secrets", [[], ["short"], [NEW, "short"]])
def test_there_is_no_default_and_no_weak_secret(secrets: list[str]) -> None:
    """Without a secret of 32 characters there is no hasher; the message says what to do."""
    with pytest.raises(ConfigurationError, match=r"FLOWKEYS_SECRET|32 characters"):
        TokenHasher(secrets)


@given(secret=st.text(st.characters(codec="utf-8"), min_size=32, max_size=80), text=st.binary(max_size=200))
def test_it_is_the_hmac_of_the_standard(secret: str, text: bytes) -> None:
    """RFC 2104 and RFC 5869, as the standard library computes them."""
    pseudorandom_key = hmac.digest(b"flowkeys", secret.encode(), "sha256")
    key = hmac.digest(pseudorandom_key, b"flowkeys token digest v1\x01", "sha256")
    assert TokenHasher([secret]).newest(text) == hmac.digest(key, text, "sha256")
