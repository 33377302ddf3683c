"""The backend over HTTP: the server at ``FLOWKEYS_URL``, with the right of ``FLOWKEYS_API_KEY``."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from operator import length_hint
from pathlib import Path
from typing import Any, Final

import msgspec

from flowkeys.cli.backends import batches as import_report
from flowkeys.cli.backends import used
from flowkeys.cli.backends.audit_remote import RemoteAudit
from flowkeys.cli.backends.backend import Asked, BulkAction, Emit, KeyFilter, Progress, Question, UsageOf
from flowkeys.cli.backends.bodies import key_body, question_body
from flowkeys.cli.backends.customers import RemoteCustomers
from flowkeys.cli.backends.flows.chatflows import RemoteChatflows
from flowkeys.cli.backends.flows.credentials import RemoteCredentials
from flowkeys.cli.backends.flows.variables import RemoteVariables
from flowkeys.cli.backends.part import Json, Listed, Part
from flowkeys.cli.backends.policies_remote import RemotePolicies
from flowkeys.cli.backends.reports import RemoteReports
from flowkeys.cli.backends.webhooks import RemoteWebhooks
from flowkeys.client import events
from flowkeys.client.call import Call, path, query
from flowkeys.client.document_stores import upload
from flowkeys.client.errors import InvalidRequestError
from flowkeys.client.http.environment import variable
from flowkeys.client.predictions import predict
from flowkeys.client.sync import Client
from flowkeys.documents.folder import read_folder
from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.limits.quota_fields import quota_json
from flowkeys.domain.times import to_iso
from flowkeys.service.documents.collections import DocumentLimits
from flowkeys.service.keys.input import KeyPatch, NewKey
from flowkeys.service.keys.rotations import NewRotation


@contextmanager
def open_remote() -> Iterator["RemoteBackend"]:
    """Open the server that the environment names."""
    with Client() as client:
        yield RemoteBackend(client)


class RemoteBackend(RemoteChatflows):
    """Implements `Backend` by calling the API, whose answers it hands on as they are."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def address(self) -> str:
        """Where the server is."""
        return (variable("FLOWKEYS_URL") or "").rstrip("/").removesuffix("/api/v1")

    @property
    def policies(self) -> RemotePolicies:
        """The policy of the workspace."""
        return RemotePolicies(self._client)

    @property
    def audit(self) -> RemoteAudit:
        """The audit log."""
        return RemoteAudit(self._client)

    @property
    def customers(self) -> RemoteCustomers:
        """The customers."""
        return RemoteCustomers(self._call)

    @property
    def webhooks(self) -> RemoteWebhooks:
        """The webhooks."""
        return RemoteWebhooks(self._call)

    @property
    def credentials(self) -> RemoteCredentials:
        """The credentials."""
        return RemoteCredentials(self._call)

    @property
    def variables(self) -> RemoteVariables:
        """The variables."""
        return RemoteVariables(self._call)

    @property
    def reports(self) -> RemoteReports:
        """The reports."""
        return RemoteReports(self._call)

    def create_key(self, new: NewKey) -> Json:
        """Make a key."""
        body = {
            "keyName": new.name,
            "permissions": sorted(new.permissions),
            "chatflowIds": list(new.chatflow_ids),
            "expiresAt": None if new.expires_at is None else to_iso(new.expires_at),
            "note": new.note,
            "allowedIps": list(new.allowed_ips),
            "customerId": new.customer_id,
            "rateLimits": list(new.rate_limits),
            "quotas": [quota_json(quota) for quota in new.quotas],
        }
        return self._json("POST", path("apikey"), body)

    def key(self, key_id: str) -> Json:
        """Return a key."""
        return self._json("GET", path("apikey", key_id))

    def keys(self, wanted: KeyFilter, part: Part) -> Listed:
        """Return keys."""
        params = query(
            search=wanted.search or None,
            status=wanted.status,
            chatflowId=wanted.chatflow_id,
            createdBy=wanted.created_by,
            customerId=wanted.customer_id,
            expiresWithin=wanted.expires_within,
            sort=wanted.sort,
            page=part.page,
            limit=part.limit,
        )
        found: Listed = self._call("GET", path("apikey"), params=params)
        return found

    def update_key(self, key_id: str, patch: KeyPatch) -> Json:
        """Change a key."""
        body = key_body(patch)
        if "permissions" in body:
            body["permissions"] = sorted(body["permissions"])
        if "expires_at" in body:
            expires_at = body.pop("expires_at")
            body["expiresAt"] = None if expires_at is None else to_iso(expires_at)
        return self._json("PUT", path("apikey", key_id), body)

    def rotate_key(self, key_id: str, new: NewRotation) -> Json:
        """Give a key a new token."""
        body = {
            "graceSeconds": new.grace_seconds,
            "finishWhenUnusedSeconds": new.finish_when_unused_seconds,
        }
        return self._json("POST", path("apikey", key_id, "rotate"), body)

    def set_grace(self, key_id: str, grace_seconds: int) -> Json:
        """Let the old token of a key that is being rotated end in so many seconds."""
        return self._json("PUT", path("apikey", key_id, "rotation"), {"graceSeconds": grace_seconds})

    def enable_key(self, key_id: str, *, enabled: bool) -> Json:
        """Enable or disable a key."""
        return self._json("POST", path("apikey", key_id, "enable" if enabled else "disable"))

    def revoke_key(self, key_id: str) -> bool:
        """Revoke a key."""
        affected: int = self._json("DELETE", path("apikey", key_id))["affected"]
        return affected > 0

    def change_keys(self, action: BulkAction, key_ids: list[str]) -> Json:
        """Change keys, all of them or none."""
        return self._json("POST", path("apikey", "bulk", action), {"ids": key_ids})

    def verify(self, asked: Asked) -> Json:
        """Say whether a token is good."""
        return self._json("POST", path("apikey", "verify"), question_body(asked))

    def explain(self, asked: Asked) -> Json:
        """Say step by step why a token is good or refused."""
        return self._json("POST", path("apikey", "explain"), question_body(asked))

    def usage(self, of: UsageOf) -> Listed:
        """Return how much was used."""
        where, params = used.target(of)
        found: Listed = self._call("GET", where, params=params)
        return found

    def chatflows(self, search: str, part: Part) -> Listed:
        """Return chatflows."""
        params = query(search=search or None, page=part.page, limit=part.limit)
        found: Listed = self._call("GET", path("chatflows"), params=params)
        return found

    def bind(self, chatflow_id: str, key_id: str) -> Json:
        """Bind one key more."""
        return self._json("PUT", path("chatflows", chatflow_id, "keys", key_id))

    def unbind(self, chatflow_id: str, key_id: str) -> Json:
        """Unbind one key."""
        return self._json("DELETE", path("chatflows", chatflow_id, "keys", key_id))

    def delete_chatflow(self, chatflow_id: str) -> None:
        """Delete a chatflow."""
        self._json("DELETE", path("chatflows", chatflow_id))

    def collections(self) -> list[Json]:
        """Return every collection."""
        found: list[Json] = self._call("GET", path("document-stores"))
        return found

    def create_collection(self, name: str) -> Json:
        """Make a collection."""
        return self._json("POST", path("document-stores"), {"name": name})

    def delete_collection(self, collection_id: str) -> None:
        """Delete a collection."""
        self._json("DELETE", path("document-stores", collection_id))

    def import_folder(self, collection_id: str, folder: Path, progress: Progress) -> Json:
        """Upload a folder's documents."""
        limits = DocumentLimits(files=100_000)
        files = read_folder(folder, limits, progress.left_out)
        progress.begin(length_hint(files))

        def add(batch: list[tuple[str, bytes]]) -> Json:
            try:
                report: Json = self._client.run(_raw(upload(collection_id, batch)))
            except InvalidRequestError as error:
                if not error.errors:
                    raise
                raise InvalidInput(*error.errors) from error
            for source, _ in batch:
                progress.done(source, "sent")
            return report

        return import_report.in_batches(files, add)

    def predict(self, question: Question) -> Json:
        """Ask and wait for the answer."""
        call = predict(question.chatflow_id, question.text, session_id=question.session_id)
        with self._asking(question.token) as client:
            answer: Json = client.run(_raw(call))
            return answer

    def stream(self, question: Question, emit: Emit) -> None:
        """Ask, and hand on each event."""
        with (
            self._asking(question.token) as client,
            client.stream(question.chatflow_id, question.text, session_id=question.session_id) as stream,
        ):
            for event in stream:
                _hand_on(event, emit)

    def setting(self, name: str) -> Any:
        """Return nothing: a server does not tell its settings."""
        del name

    def _json(self, method: str, where: str, body: Any = msgspec.UNSET) -> Json:
        answer: Json = self._call(method, where, body=body)
        return answer

    def _call(
        self, method: str, where: str, *, body: Any = msgspec.UNSET, params: Mapping[str, str] | None = None
    ) -> Any:
        call = Call(
            method=method,
            path=where,
            params=params or {},
            body=body,
            decode=_decode,
            repeatable=method != "POST",
        )
        return self._client.run(call)

    @contextmanager
    def _asking(self, token: str | None) -> Iterator[Client]:
        """Give the client, or one with another key."""
        if token is None:
            yield self._client
        else:
            with Client(api_key=token) as other:
                yield other


def _decode(response: Any) -> Any:
    return msgspec.json.decode(response.content)


def _raw(call: Call[Any]) -> Call[Any]:
    """Return a call whose answer is kept as it is on the wire."""
    return msgspec.structs.replace(call, decode=_decode)


_READ: Final[dict[type, tuple[str, Callable[[Any], Any]]]] = {
    events.Token: ("token", lambda event: event.text),
    events.SourceDocuments: ("sourceDocuments", lambda event: msgspec.to_builtins(event.documents)),
    events.UsedTools: ("usedTools", lambda event: event.tools),
    events.Metadata: ("metadata", msgspec.to_builtins),
}


def _hand_on(event: events.Event, emit: Emit) -> None:
    if type(event) in _READ:
        name, read = _READ[type(event)]
        emit(name, read(event))
