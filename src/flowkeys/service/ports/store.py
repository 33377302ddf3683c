"""Units of work over the store: plain functions over a `Transaction` that touch nothing else (threads)."""

from asyncio import Future
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from flowkeys.domain.journal import AuditEntry, Change
from flowkeys.domain.predictions.conversation import Message
from flowkeys.service.ports.audit import AuditChain, AuditLog
from flowkeys.service.ports.chatflows import (
    Bindings,
    Chatflows,
    Code,
    Conversations,
    CustomTools,
    Executions,
    Messages,
)
from flowkeys.service.ports.credentials import Credentials
from flowkeys.service.ports.customers import Customers
from flowkeys.service.ports.documents import Collections, ImportJobRows
from flowkeys.service.ports.keys.keys import Keys
from flowkeys.service.ports.keys.policies import Policies
from flowkeys.service.ports.keys.reports import KeyReports
from flowkeys.service.ports.keys.tokens import Tokens
from flowkeys.service.ports.people import Links, People, SentForms, SignIns
from flowkeys.service.ports.quotas import Processes, QuotaUses
from flowkeys.service.ports.usage import Usage
from flowkeys.service.ports.variables import Variables
from flowkeys.service.ports.webhooks import Deliveries, Expiries, Webhooks
from flowkeys.service.ports.workspaces import Workspaces

T = TypeVar("T")


class Journal(Protocol):
    """What happened: the feed that evicts caches, and the record of who did what."""

    def change(self, change: Change) -> None:
        """Append a row to the change feed."""
        ...

    def audit(self, entry: AuditEntry) -> None:
        """Append a row to the audit log."""
        ...

    def noted(self, action: str, subject_id: str) -> bool:
        """Tell whether the audit log has an action on a subject, in any workspace. It is read whole."""
        ...

    def noted_since(self, workspace_id: str, action: str, subject_id: str, at: int) -> bool:
        """Tell whether it has one of a workspace that was done at a time or later."""
        ...

    def prune(self, before: int, limit: int) -> int:
        """Delete the oldest changes of the feed, of so many those up to the last from before a time.

        The newest stays: by it those who follow know that nothing is new. Returns how many were deleted.
        """
        ...


class Transaction(Protocol):
    """One transaction: all of it is committed, or none."""

    @property
    def keys(self) -> Keys:
        """The keys."""
        ...

    @property
    def tokens(self) -> Tokens:
        """The keys' tokens, beside the first."""
        ...

    @property
    def policies(self) -> Policies:
        """The policies."""
        ...

    @property
    def customers(self) -> Customers:
        """The customers."""
        ...

    @property
    def chatflows(self) -> Chatflows:
        """The chatflows."""
        ...

    @property
    def code(self) -> Code:
        """What is approved of code."""
        ...

    @property
    def tools(self) -> CustomTools:
        """The custom tools."""
        ...

    @property
    def bindings(self) -> Bindings:
        """The bindings."""
        ...

    @property
    def messages(self) -> Messages:
        """The messages."""
        ...

    @property
    def conversations(self) -> Conversations:
        """The conversations, kept in step with the messages."""
        ...

    @property
    def executions(self) -> Executions:
        """The runs."""
        ...

    @property
    def collections(self) -> Collections:
        """The collections."""
        ...

    @property
    def imports(self) -> ImportJobRows:
        """The imports that run, and those that have ended lately."""
        ...

    @property
    def variables(self) -> Variables:
        """The variables."""
        ...

    @property
    def credentials(self) -> Credentials:
        """The credentials."""
        ...

    @property
    def processes(self) -> Processes:
        """The processes that serve the database."""
        ...

    @property
    def workspaces(self) -> Workspaces:
        """The workspaces."""
        ...

    @property
    def people(self) -> People:
        """The people."""
        ...

    @property
    def sign_ins(self) -> SignIns:
        """The sign-ins."""
        ...

    @property
    def links(self) -> Links:
        """The one-time links."""
        ...

    @property
    def journal(self) -> Journal:
        """The journal."""
        ...

    @property
    def key_reports(self) -> KeyReports:
        """The keys that somebody should look at."""
        ...

    @property
    def audit_chain(self) -> AuditChain:
        """The chain of the audit log."""
        ...

    @property
    def audit_log(self) -> AuditLog:
        """The audit log, to be read."""
        ...

    @property
    def webhooks(self) -> Webhooks:
        """The webhooks with their secrets."""
        ...

    @property
    def deliveries(self) -> Deliveries:
        """What is announced to them."""
        ...

    @property
    def expiries(self) -> Expiries:
        """Which keys expire when, and up to when that was announced."""
        ...

    @property
    def sent_forms(self) -> SentForms:
        """The forms that were sent."""
        ...

    @property
    def quotas(self) -> QuotaUses:
        """What was used of quotas."""
        ...

    @property
    def usage(self) -> Usage:
        """What was counted of calls."""
        ...


class Store(Protocol):
    """Runs units of work."""

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on a consistent snapshot. It must not write.

        Raises:
            Unavailable: the store cannot be reached.
        """
        ...

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` and commit. When this returns, the change survives a crash of process and machine.

        An exception of `work` rolls its own changes back, no other's, and is raised here.

        Raises:
            Unavailable: the store cannot be reached, or the commit failed.
        """
        ...

    def add_messages(self, messages: Sequence[Message]) -> Future[None]:
        """`Messages.add` and commit, as `write` does; what many calls say at once is written together."""
        ...

    async def check_writes(self) -> None:
        """Raise `Unavailable` when changes cannot be stored. It writes only where there is doubt."""
        ...
