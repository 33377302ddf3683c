"""What a verifier asks a server over HTTP, and what it makes of the answers."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

import httpx
import msgspec

from flowkeys.client.connection import Connection
from flowkeys.client.errors import ClientConfigurationError
from flowkeys.client.http.transport import NO_OWN_CLIENT
from flowkeys.domain.customers.customer import KeyCustomer
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.api_key import KeyRecord, Status
from flowkeys.domain.keys.bearer import UNKNOWN
from flowkeys.domain.keys.decision import Denied, Reason
from flowkeys.domain.keys.networks import Networks
from flowkeys.domain.keys.rotation import Replaced
from flowkeys.domain.keys.terms import Terms
from flowkeys.domain.times import from_iso
from flowkeys.verify.remote_lines import Line, Lines

_API: Final = "/api/v1"
_CONNECT_SECONDS: Final = 5.0
_CLOSED_MEANWHILE: Final = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
"""What a kept connection raises when the server has just closed it. Asking twice does no harm."""
_TOLD: Final = frozenset({Reason.EXPIRED_KEY, Reason.QUOTA_EXCEEDED})
_STATUS: Final = {Reason.DISABLED_KEY: Status.DISABLED, Reason.REVOKED_KEY: Status.REVOKED}
_TERMS: Final = 1024
"""Lists of networks, and customers, that records share."""

Event = tuple[str, dict[str, Any]]


class RefusedError(Unavailable):
    """The server refuses this verifier itself."""


class _SaidCustomer(msgspec.Struct, rename="camel", frozen=True, gc=False):
    """Whom a key belongs to."""

    id: str
    name: str
    external_id: str | None = None


class _Said(msgspec.Struct, rename="camel", gc=False):
    """An answer about a token: members that matter here."""

    valid: bool
    code: str
    detail: str | None = None
    id: str = ""
    key_name: str = ""
    workspace_id: str = ""
    permissions: frozenset[str] = frozenset()
    chatflow_ids: frozenset[str] = frozenset()
    expires_at: str | None = None
    token_valid_until: str | None = None
    allowed_ips: tuple[str, ...] = ()
    token_replaced_at: str | None = None
    policy_allowed_ips: tuple[str, ...] = ()
    customer: _SaidCustomer | None = None
    position: int | None = None
    retry_after_seconds: int = 0


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What the server says of a token: its key, or why it is refused; both of a key in the wrong network."""

    record: KeyRecord | None
    denied: Denied | None = None


_decode: Final = msgspec.json.Decoder(_Said).decode
_decode_data: Final = msgspec.json.Decoder(dict[str, Any]).decode


class Server:
    """A flowkeys server, as a key with ``apikeys:view`` sees it. Safe to use from several threads."""

    def __init__(self, url: str | None, api_key: str | None, timeout_seconds: float) -> None:
        """Call `url` with `api_key`, waiting so long for each answer.

        Raises:
            ClientConfigurationError: the address, the key, or a variable of the environment that names a
                proxy or certificates cannot be right.
        """
        connection = Connection(url, api_key, None, 0)
        if not connection.secrets:
            raise ClientConfigurationError(
                "Give a key with the permission apikeys:view, or set FLOWKEYS_API_KEY."
            )
        self._base_url = f"{connection.base_url}{_API}"
        self._headers = {
            "Authorization": f"Bearer {connection.secrets[0]}",
            "User-Agent": "flowkeys-verifier",
        }
        self._transport = connection.transport(otherwise=NO_OWN_CLIENT)  # once: certificates take 20 ms
        self.timeout_seconds = timeout_seconds
        self.begin()

    def begin(self) -> None:
        """Begin with no connection; those of a parent process are left to it."""
        self._lines = Lines(self._client)

    def ask(
        self, token: str, chatflow_id: str | None, address: str | None, until: float, *, count: bool = False
    ) -> Answer:
        """Return what the server says of `token`, for a chatflow and of a client if one is named.

        With `count` it is a call. One that was asked twice, since a kept connection ended, may count twice.

        At `until`, of the monotonic clock, it is given up.

        Raises:
            Unavailable: it cannot be reached, refuses this verifier's own key, or is no flowkeys server.
        """
        wanted = {"token": token, "chatflowId": chatflow_id, "address": address}
        body: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
        if count:
            body["count"] = True
        try:
            with self._lines.line(until) as line:
                try:
                    response = self._post(line, "/apikey/verify", body, until)
                except _CLOSED_MEANWHILE:
                    response = self._post(line, "/apikey/verify", body, until)
        except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: this verifier was closed
            note = self._transport.note(error)
            raise Unavailable(f"The server cannot be asked: {type(error).__name__}.{note}") from error
        self._check(response)
        try:
            return _read(_decode(response.content))
        except (msgspec.DecodeError, ValueError) as error:
            raise Unavailable("The answer is not one of a flowkeys server.") from error

    def late(self) -> Unavailable:
        """Return what a call raises whose time is used up."""
        return Unavailable(f"The server did not answer within {self.timeout_seconds:g} seconds.")

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self._base_url, headers=self._headers, **self._transport.options)

    def _post(self, line: Line, path: str, body: dict[str, Any], until: float) -> httpx.Response:
        """Return the answer, all of it.

        The client's own limits are for each read. A body that drips is given up here, a head by `cut_late`.
        """
        left = until - time.monotonic()
        if left <= 0:
            raise self.late()
        timeout = httpx.Timeout(left, connect=min(left, _CONNECT_SECONDS))
        with line.http.stream(
            "POST", path, json=body, timeout=timeout, extensions=line.extensions
        ) as response:
            content = bytearray()
            for part in response.iter_bytes():
                content += part
                if time.monotonic() >= until:
                    raise self.late()
        return httpx.Response(response.status_code, content=bytes(content))

    @contextmanager
    def follow(self, silence_seconds: float, going_on: Mapping[str, str]) -> Iterator[Iterator[Event]]:
        """Give the events of the change feed, from where it was left; silence for so long is an error.

        Raises:
            RefusedError: this verifier may not follow it.
            Unavailable: there is no such stream, or this verifier's own key is refused.
            httpx.HTTPError: the connection broke.
        """
        timeout = httpx.Timeout(silence_seconds, connect=_CONNECT_SECONDS)
        until = time.monotonic() + _CONNECT_SECONDS + silence_seconds
        with (
            self._lines.line(until) as line,
            line.http.stream(
                "GET", "/changes", params=dict(going_on), timeout=timeout, extensions=line.extensions
            ) as response,
        ):
            self._check(response)
            yield _events(response.iter_lines(), line, silence_seconds)

    def _check(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == HTTPStatus.OK:
            return
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            said = "The server refuses this verifier's own key: it needs apikeys:view."
            raise RefusedError(said + self._transport.note())
        raise Unavailable(f"The server answered {status}." + self._transport.note())

    def cut_late(self, at: float) -> None:
        """End questions whose callers have given up by `at`, and a feed of changes that says nothing."""
        self._lines.cut_late(at)

    def close(self) -> None:
        """Close every connection."""
        self._lines.close()


def _read(said: _Said) -> Answer:
    if not said.valid and said.code != Reason.IP_NOT_ALLOWED:
        reason = Reason(said.code)
        if not said.id:
            return Answer(None, UNKNOWN if reason is Reason.UNKNOWN_KEY else Denied(reason))
        status = _STATUS.get(reason, Status.ACTIVE)
        record = KeyRecord.of(key_id=said.id, workspace_id="", name=said.key_name, status=status)
        # Why a key has expired, or what is used up, is the server's to say.
        detail = said.detail if reason in _TOLD else None
        return Answer(None, Denied(reason, record, detail, wait_seconds=said.retry_after_seconds))
    if not said.id or said.position is None:
        raise ValueError("an answer of an older server")
    record = KeyRecord.of(
        key_id=said.id,
        workspace_id=said.workspace_id,
        name=said.key_name,
        permissions=said.permissions,
        expires_at=_time(said.expires_at),
        replaced=_replaced(said),
        chatflow_ids=said.chatflow_ids,
        position=said.position,
        terms=_terms(said.allowed_ips, said.policy_allowed_ips, said.customer),
    )
    return Answer(record, None if said.valid else Denied(Reason.IP_NOT_ALLOWED, record))


@lru_cache(_TERMS)
def _terms(own: tuple[str, ...], policy: tuple[str, ...], said: _SaidCustomer | None) -> Terms | None:
    if not own and not policy and said is None:
        return None
    customer = None if said is None else KeyCustomer(said.id, said.name, said.external_id)
    own_networks = Networks(own) if own else None
    return Terms(own_networks, customer, policy_networks=Networks(policy) if policy else None)


def _replaced(said: _Said) -> Replaced | None:
    """Return when the token ends, and since when another is there, if it was replaced."""
    until = _time(said.token_valid_until)
    return None if until is None else Replaced(until, _time(said.token_replaced_at))


def _time(text: str | None) -> int | None:
    if text is None:
        return None
    found = from_iso(text)
    if found is None:
        raise ValueError("not a time")  # never taken for a key that does not end
    return found


def _events(lines: Iterator[str], line: Line, silence_seconds: float) -> Iterator[Event]:
    name = ""
    for text in lines:
        field, _, value = text.partition(":")
        if field == "event":
            name = value.strip()
        elif field == "data":
            line.until = time.monotonic() + silence_seconds
            yield name, _decode_data(value)
