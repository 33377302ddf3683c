"""What commands work on: the data directory of this machine, or a server over HTTP. They need not know."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec

from flowkeys.cli.backends.customers import Customers
from flowkeys.cli.backends.flows.credentials import Credentials
from flowkeys.cli.backends.flows.variables import Variables
from flowkeys.cli.backends.part import Json, Listed, Part
from flowkeys.cli.backends.reports import Reports
from flowkeys.cli.backends.webhooks import Webhooks
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.flows.tool_input import ToolPatch
from flowkeys.service.keys.input import KeyPatch, NewKey
from flowkeys.service.keys.rotations import NewRotation

__all__ = (
    "Asked",
    "Backend",
    "BulkAction",
    "Emit",
    "Json",
    "KeyFilter",
    "Listed",
    "Part",
    "Progress",
    "Question",
)

BulkAction = Literal["disable", "enable", "revoke"]

Emit = Callable[[str, Any], None]
"""Takes the events of a stream: the event's name and its data."""


class Progress(Protocol):
    """Is told how far an import is."""

    def begin(self, total: int) -> None:
        """Note that so many files are about to be imported."""
        ...

    def done(self, source: str, outcome: str) -> None:
        """Note what became of a file."""
        ...

    def left_out(self, source: str, why: str) -> None:
        """Note that a file is not imported at all."""
        ...


class KeyFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which keys of a list, and in which order."""

    search: str = ""
    status: str | None = None
    chatflow_id: str | None = None
    sort: str = "-createdAt"
    created_by: str | None = None
    customer_id: str | None = None
    expires_within: str | None = None
    """A duration: only keys that live and end so soon."""


class Asked(msgspec.Struct, frozen=True):
    """What is asked about a token: is it good, for a chatflow, a permission, from an address."""

    token: str
    chatflow_id: str | None = None
    permission: str | None = None
    address: str | None = None


class UsageOf(msgspec.Struct, frozen=True, kw_only=True):
    """Whose usage is asked for, a key's, chatflow's, customer's or the workspace's, and of which period."""

    key_id: str | None = None
    chatflow_id: str | None = None
    customer_id: str | None = None
    first: str | None = None
    end: str | None = None
    step: str | None = None


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question to a chatflow. Without a token it is asked with the backend's own right."""

    chatflow_id: str
    text: str
    session_id: str | None = None
    token: str | None = None


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries, as they were written on the command line."""

    subject: str | None = None
    actor: str | None = None
    action: str | None = None
    since: str | None = None
    until: str | None = None


class AuditBackend(Protocol):
    """What commands ask of the log; things come back in their wire form."""

    def entries(self, wanted: AuditFilter, part: Part) -> Listed:
        """Return the entries that match, newest first: an array, or a page when one is asked for."""
        ...

    def every(self, wanted: AuditFilter) -> Iterator[Json]:
        """Yield all entries that match, newest first, never all of them in memory."""
        ...

    def head(self) -> Json:
        """Return the head of the chain."""
        ...


class PolicyBackend(Protocol):
    """What commands do with the policy of the workspace."""

    def get(self) -> Json:
        """Return the policy."""
        ...

    def update(self, changes: Json) -> Json:
        """Change what is given of it, by the names that it has in Python."""
        ...

    def check(self) -> Json:
        """Name what does not keep to it."""
        ...


class Backend(Protocol):
    """Everything that commands do. Errors are `FlowkeysError`; things come back in their wire form."""

    @property
    def address(self) -> str:
        """Where the server is, or would be."""
        ...

    @property
    def policies(self) -> "PolicyBackend":
        """The policy of the workspace."""
        ...

    @property
    def audit(self) -> AuditBackend:
        """The audit log."""
        ...

    @property
    def customers(self) -> Customers:
        """Customers, whom keys belong to."""
        ...

    @property
    def webhooks(self) -> Webhooks:
        """Webhooks, where events are announced."""
        ...

    @property
    def credentials(self) -> Credentials:
        """What nodes show to models and services."""
        ...

    @property
    def variables(self) -> Variables:
        """What ``{{ $vars.name }}`` stands for."""
        ...

    @property
    def reports(self) -> Reports:
        """The keys that somebody should look at."""
        ...

    def create_key(self, new: NewKey) -> Json:
        """Make a key; the one answer with its token."""
        ...

    def key(self, key_id: str) -> Json:
        """Return a key."""
        ...

    def keys(self, wanted: KeyFilter, part: Part) -> Listed:
        """Return the keys that match: an array, or a page when one is asked for."""
        ...

    def update_key(self, key_id: str, patch: KeyPatch) -> Json:
        """Change what the patch names."""
        ...

    def rotate_key(self, key_id: str, new: NewRotation) -> Json:
        """Give a key a new token; the one answer that shows it."""
        ...

    def set_grace(self, key_id: str, grace_seconds: int) -> Json:
        """Let the old token of a key that is being rotated end in so many seconds."""
        ...

    def enable_key(self, key_id: str, *, enabled: bool) -> Json:
        """Enable or disable a key."""
        ...

    def revoke_key(self, key_id: str) -> bool:
        """End a key for good; tell whether it was still alive."""
        ...

    def change_keys(self, action: BulkAction, key_ids: list[str]) -> Json:
        """Disable, enable or revoke keys, all of them or none; return what became of them."""
        ...

    def verify(self, asked: Asked) -> Json:
        """Say whether a token is good."""
        ...

    def explain(self, asked: Asked) -> Json:
        """Say step by step why a token is good or refused."""
        ...

    def usage(self, of: UsageOf) -> Listed:
        """Return the hours or days of a key or chatflow, or the summary of the workspace."""
        ...

    def create_chatflow(self, patch: ChatflowPatch) -> Json:
        """Store a chatflow."""
        ...

    def import_tools(self, tools: Sequence[ToolPatch]) -> None:
        """Make the custom tools of an export; nobody approves their code by that."""
        ...

    def chatflow(self, chatflow_id: str) -> Json:
        """Return a chatflow."""
        ...

    def chatflows(self, search: str, part: Part) -> Listed:
        """Return the chatflows that match: an array, or a page when one is asked for."""
        ...

    def update_chatflow(self, chatflow_id: str, patch: ChatflowPatch) -> Json:
        """Change what the patch names."""
        ...

    def code(self, chatflow_id: str) -> list[Json]:
        """Return the code that a chatflow would run."""
        ...

    def approve_code(self, chatflow_id: str, digests: Sequence[str], *, withdraw: bool) -> list[Json]:
        """Approve code by its digests, or do so no longer."""
        ...

    def bind(self, chatflow_id: str, key_id: str) -> Json:
        """Let one key more open a chatflow."""
        ...

    def unbind(self, chatflow_id: str, key_id: str) -> Json:
        """Take a chatflow away from one key."""
        ...

    def delete_chatflow(self, chatflow_id: str) -> None:
        """Delete a chatflow with its conversations."""
        ...

    def collections(self) -> list[Json]:
        """Return every collection."""
        ...

    def create_collection(self, name: str) -> Json:
        """Make an empty collection."""
        ...

    def delete_collection(self, collection_id: str) -> None:
        """Delete a collection with all it holds."""
        ...

    def import_folder(self, collection_id: str, folder: Path, progress: Progress) -> Json:
        """Add the documents of a folder of this machine; return what became of them."""
        ...

    def predict(self, question: Question) -> Json:
        """Ask, and return the whole answer."""
        ...

    def stream(self, question: Question, emit: Emit) -> None:
        """Ask, and hand on each event as it comes."""
        ...

    def setting(self, name: str) -> Any:
        """Return a setting of the server, or None where it is not known."""
        ...
