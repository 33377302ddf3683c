"""Texts under authenticated encryption: AES-256-GCM (NIST SP 800-38D), a key for each server secret.

``aes-256-gcm$`` and the base64 of a random nonce of 96 bits and of what was encrypted. What a text is about
is authenticated with it. The library is loaded when there is something to keep: most servers have nothing.
"""

import secrets
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Final

from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.domain.webhooks.webhook import Sealed
from flowkeys.service.ports.webhooks import CannotOpen

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_TAG: Final = "aes-256-gcm$"
_NONCE_BYTES: Final = 12
_PURPOSE: Final = b"flowkeys sealed text v1"


class AesSeal:
    """Implements the port `Seal`."""

    def __init__(self, written: ServerSecrets) -> None:
        """Keep under the newest of the operator's secrets; what is no secret seals and opens nothing."""
        self._secrets = written

    @property
    def newest(self) -> str:
        """The id of the secret under which is sealed."""
        return self._secrets.ids[0]

    def seal(self, text: str, about: str) -> Sealed:
        """Encrypt a text."""
        newest = self.newest
        cipher = self._cipher(newest)
        assert cipher is not None
        nonce = secrets.token_bytes(_NONCE_BYTES)
        data = nonce + cipher.encrypt(nonce, text.encode(), about.encode())
        return Sealed(_TAG + b64encode(data).decode(), newest)

    def open(self, sealed: Sealed, about: str) -> str:
        """Decrypt a text.

        Raises:
            CannotOpen: the secret is not here, or the text is not as it was sealed.
        """
        from cryptography.exceptions import InvalidTag

        cipher = self._cipher(sealed.made_under)
        if cipher is None or not sealed.text.startswith(_TAG):
            raise CannotOpen
        try:
            data = b64decode(sealed.text.removeprefix(_TAG), validate=True)
            return cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], about.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise CannotOpen from error

    def _cipher(self, secret_id: str) -> "AESGCM | None":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._secrets.derive(secret_id, _PURPOSE)
        return None if key is None else AESGCM(key)
