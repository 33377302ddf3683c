"""The verifier of the library."""

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

from flowkeys.client.http.environment import expanded
from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.bearer import MISSING, parse_authorization, read_credential
from flowkeys.domain.keys.decision import ANYTHING, AccessRequest, Denied
from flowkeys.domain.keys.header import KeyHeader
from flowkeys.domain.keys.networks import KnownClient
from flowkeys.domain.permissions import KNOWN
from flowkeys.domain.times import Clock
from flowkeys.verify.clock import now
from flowkeys.verify.fixed import FixedKey, FixedSource
from flowkeys.verify.result import Refusal, Result, result_of
from flowkeys.verify.source import Source

Permissions = str | Iterable[str]
"""One permission, or several that are all needed."""
UncountedLimits = Literal["refuse", "ignore"]
"""What becomes of keys with limits where calls are not counted."""
RawHeaders = Iterable[tuple[bytes, bytes]]
_NO_PAIRS: Final = "headers are pairs of bytes, such as [(b'authorization', b'Bearer ...')]."


class Verifier:
    """Says whether a key is good for something. Made once, shared between threads and event loops.

    Make it with `local`, `remote` or `fixed`; close it, or use it with ``with``.
    """

    def __init__(self, source: Source, key_header: str | None = None) -> None:
        """Ask `source` about keys that come in `key_header`, or in ``Authorization`` when it is None.

        Raises:
            ConfigurationError: no header may have this name.
        """
        self._source = source
        self._key_header = KeyHeader.named(key_header)

    @property
    def key_header(self) -> str | None:
        """The header that keys come in, instead of ``Authorization``; None: they come in that one."""
        return None if self._key_header is None else self._key_header.name

    @classmethod
    def local(
        cls,
        data_dir: str | Path,
        secret: str | None = None,
        *,
        key_header: str | None = None,
        limits: UncountedLimits = "refuse",
    ) -> Self:
        """Return a verifier over the data directory of a server on this machine, running or not.

        It only reads. A change that anybody commits counts from 20 ms after it. `secret` is the server's,
        written as FLOWKEYS_SECRET is; by default that variable is used, else the file in the directory.
        `key_header`, such as ``X-API-Key``, is the one header that keys come in, as the bare token, when the
        application needs ``Authorization`` for itself.

        It counts no calls. A key with rate limits, or one that calls a chatflow with any, is refused
        (``limits_not_counted``) unless `limits` is ``"ignore"``: then it may call as often as it likes here.

        Raises:
            ConfigurationError: there is no database, it is older than this version, the secret is missing
                or another, or no header may have the name.
        """
        from flowkeys.verify.local import LocalSource

        folder = expanded(data_dir, "Give the whole path.")
        return cls(
            LocalSource(folder, secret or os.environ.get("FLOWKEYS_SECRET"), ignores_limits=_ignores(limits)),
            key_header,
        )

    @classmethod
    def remote(
        cls,
        url: str | None = None,
        api_key: str | None = None,
        *,
        silence_seconds: float = 2.5,
        timeout_seconds: float = 5.0,
        key_header: str | None = None,
        count: bool = False,
    ) -> Self:
        """Return a verifier that asks the server at `url`, and keeps what it says while changes are heard.

        `api_key` needs ``apikeys:view``; only keys of its workspace are known. Left out, both are read from
        FLOWKEYS_URL and FLOWKEYS_API_KEY. The server's feed of changes says something each second; when it
        is silent for `silence_seconds`, or ends, nothing that was kept counts: each call asks the server.
        A call that has to ask takes `timeout_seconds` at most. `key_header` is as for `local`.

        With `count` each call that is let in counts against the key's limits: the server is asked each time,
        and says no when they are used up (``rate_limited``). Without, limits do not matter here.

        Raises:
            ConfigurationError: the address or the key cannot be right. That the server is away is no reason.
        """
        from flowkeys.verify.remote import RemoteSource

        return cls(RemoteSource(url, api_key, silence_seconds, timeout_seconds, count=count), key_header)

    @classmethod
    def fixed(
        cls,
        keys: Iterable[FixedKey],
        *,
        public: Collection[str] = (),
        clock: Clock | None = None,
        key_header: str | None = None,
        limits: UncountedLimits = "refuse",
    ) -> Self:
        """Return a verifier that knows `keys` and nothing else: for tests.

        `public` are ids of chatflows that every good key may call; `clock` returns microseconds, UTC;
        `key_header` and `limits` are as for `local`.

        Raises:
            ConfigurationError: a token is not well formed, or a permission does not exist.
        """
        return cls(FixedSource(keys, public, clock or now, ignores_limits=_ignores(limits)), key_header)

    def verify(
        self,
        authorization: str | bytes | None = None,
        *,
        token: str | None = None,
        headers: RawHeaders | None = None,
        chatflow_id: str | None = None,
        permissions: Permissions = (),
        address: str | None = None,
    ) -> Result:
        """Return the key that was presented, or why it is refused.

        `authorization` is the value of the one ``Authorization`` header, None when there is none. Instead
        `token` may be a bare token, or `headers` all headers as bytes (what sees that there are two).
        A verifier with a `key_header` takes `token` or `headers`.
        Without `chatflow_id` and `permissions` the answer is authentication only.
        `address` is where the call comes from, as proxies that you trust say it. A key that is bound to
        networks is refused (``ip_not_allowed``) when it is not given, is no address, or lies in none of them.

        Raises:
            Unavailable: the keys cannot be read: an outage, not a denial.
            ValueError: a permission does not exist, or more than one credential was given.
            TypeError: a credential is of another type, such as headers as text, or `permissions` is None.
        """
        request = request_for(chatflow_id, permissions)
        credential = _credential(authorization, token, headers, self._key_header)
        if isinstance(credential, Denied):
            return Refusal(credential)
        return result_of(self._source.decide(credential, request, KnownClient(address)))

    async def averify(
        self,
        authorization: str | bytes | None = None,
        *,
        token: str | None = None,
        headers: RawHeaders | None = None,
        chatflow_id: str | None = None,
        permissions: Permissions = (),
        address: str | None = None,
    ) -> Result:
        """Return what `verify` returns, without keeping the event loop waiting; raises what it raises."""
        request = request_for(chatflow_id, permissions)
        credential = _credential(authorization, token, headers, self._key_header)
        if isinstance(credential, Denied):
            return Refusal(credential)
        client = KnownClient(address)
        decision = self._source.at_once(credential, request, client)
        if decision is None:
            decision = await self._source.adecide(credential, request, client)
        return result_of(decision)

    def close(self) -> None:
        """Give back files, connections and threads. A closed verifier verifies no more."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _ignores(limits: UncountedLimits) -> bool:
    if limits not in {"refuse", "ignore"}:
        raise ConfigurationError(f'limits is "refuse" or "ignore", not {limits!r}.')
    return limits == "ignore"


def request_for(chatflow_id: str | None, permissions: Permissions) -> AccessRequest:
    """Return what is asked for.

    Raises:
        ValueError: a permission does not exist, such as an empty one.
        TypeError: the permissions are no text and not several, such as None.
    """
    wanted = _names(permissions)
    for name in wanted:
        if name not in KNOWN:
            raise ValueError(f"There is no permission {name!r}.")
    if chatflow_id is None and not wanted:
        return ANYTHING
    if chatflow_id is not None and not _is_text(chatflow_id):
        chatflow_id = ""  # nobody's, as every id that does not exist
    return AccessRequest(chatflow_id, wanted)


def _is_text(text: str) -> bool:
    """Tell whether a text can be written: half a surrogate pair, which JSON may hold, can not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _names(permissions: Any) -> tuple[str, ...]:
    """Return the names; what is none must not become a weaker check, as a setting that is missing would."""
    if type(permissions) is tuple:
        return permissions
    if isinstance(permissions, str):
        return (permissions,)
    if isinstance(permissions, (bytes, bytearray)) or not isinstance(permissions, Iterable):
        raise TypeError(f"permissions are a str or several, not {type(permissions).__name__}.")
    return tuple(permissions)


def _credential(
    authorization: str | bytes | None,
    token: str | None,
    headers: RawHeaders | None,
    key_header: KeyHeader | None,
) -> bytes | Denied:
    if authorization is not None and key_header is not None:
        raise ValueError(f"This verifier takes keys from {key_header.name}: give token or headers.")
    if token is None and headers is None:
        if key_header is not None:
            return key_header.read(())
        if authorization is None:
            return MISSING
        # Programs get headers as text in which each character is a byte (PEP 3333).
        if isinstance(authorization, str):
            authorization = authorization.encode("latin-1", "replace")
        elif not isinstance(authorization, bytes):
            raise TypeError(f"authorization is a str or bytes, not {type(authorization).__name__}.")
        return parse_authorization(authorization)
    if authorization is not None or (token is not None and headers is not None):
        raise ValueError("Give one of authorization, token and headers.")
    if token is not None:
        if not isinstance(token, str):
            raise TypeError(f"token is a str, not {type(token).__name__}.")
        return token.encode("ascii", "replace") or MISSING
    read = read_credential if key_header is None else key_header.read
    return read(_pairs(() if headers is None else headers))


def _pairs(headers: Iterable[Any]) -> Iterator[tuple[bytes, bytes]]:
    """Give headers with names in lower case; any of another type might be the credential."""
    try:
        for name, value in headers:
            if not isinstance(name, bytes) or not isinstance(value, bytes):
                break
            yield name.lower(), value
        else:
            return
    except (TypeError, ValueError) as error:  # no iterable, or not of pairs
        raise TypeError(_NO_PAIRS) from error
    raise TypeError(_NO_PAIRS)
