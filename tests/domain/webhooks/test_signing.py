"""What is signed, held against the receivers' own library and the example of the specification."""

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from flowkeys.domain.webhooks.signing import SigningSecret, headers

BODY = json.dumps({"type": "key.revoked", "name": "Müller & Töchter 🐘"}, ensure_ascii=False).encode()


def test_receivers_accept_what_is_signed() -> None:
    """Each secret's signature is one that the library accepts, and no other's is."""
    now = int(datetime.now(UTC).timestamp())
    first, second, other = (SigningSecret.mint() for _ in range(3))
    signed = dict(headers([first, second], "an-event", now, BODY))
    for secret in (first, second):
        assert Webhook(secret.reveal()).verify(BODY, signed) == json.loads(BODY)
    for secret, body in ((other, BODY), (first, BODY + b" ")):
        with pytest.raises(Exception, match="No matching signature"):
            Webhook(secret.reveal()).verify(body, signed)


def test_the_signature_is_the_librarys_own() -> None:
    """Given the same secret, id, time and body, both say the same."""
    secret, now = SigningSecret.mint(), datetime.now(UTC).replace(microsecond=0)
    theirs = Webhook(secret.reveal()).sign("an-event", now, BODY.decode())
    assert secret.signature("an-event", int(now.timestamp()), BODY) == theirs


def test_a_secret_is_read_back_and_never_shows_itself() -> None:
    """What `reveal` gives is what `parse` takes; other texts are no secrets."""
    secret = SigningSecret.mint()
    text = secret.reveal()
    read = SigningSecret.parse(text)
    assert read is not None
    assert read.reveal() == text
    assert text.removeprefix("whsec_") not in f"{secret!r} {secret}"
    assert [SigningSecret.parse(bad) for bad in ("", "whsec_", "whsec_%%%", text[6:])] == [None] * 4
