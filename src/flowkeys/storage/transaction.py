"""One transaction over every table."""

from functools import cached_property

from flowkeys.domain.audit.chain import ChainKey
from flowkeys.storage.audit.chain import AuditChainTable
from flowkeys.storage.audit.entries import AuditTable
from flowkeys.storage.chatflows.chatflows import BindingTable, ChatflowTable
from flowkeys.storage.customers.customers import CustomerTable
from flowkeys.storage.documents.collections import CollectionTable
from flowkeys.storage.journal import JournalTable, WorkspaceTable
from flowkeys.storage.keys.keys import KeyTable
from flowkeys.storage.keys.policies import PolicyTable
from flowkeys.storage.keys.reports import KeyReportTable
from flowkeys.storage.keys.rotations import TokenTable
from flowkeys.storage.people.links import LinkTable
from flowkeys.storage.people.people import PersonTable
from flowkeys.storage.people.sign_ins import SignInTable
from flowkeys.storage.predictions.conversations import ConversationTable
from flowkeys.storage.predictions.messages import MessageTable
from flowkeys.storage.sent_forms import SentFormTable
from flowkeys.storage.statement import Connection
from flowkeys.storage.usage.quotas import QuotaTable
from flowkeys.storage.usage.usage import UsageTable
from flowkeys.storage.webhooks.deliveries import DeliveryTable
from flowkeys.storage.webhooks.expiries import ExpiryTable
from flowkeys.storage.webhooks.webhooks import WebhookTable


class Tables:
    """Implements the port `Transaction`; each table is made when it is first asked for."""

    def __init__(self, connection: Connection, audit_key: ChainKey | None = None) -> None:
        """Write the audit log with `audit_key`; see `JournalTable`."""
        self._connection = connection
        self._audit_key = audit_key

    @cached_property
    def keys(self) -> KeyTable:
        """The keys."""
        return KeyTable(self._connection)

    @cached_property
    def tokens(self) -> TokenTable:
        """The keys' tokens, beside the first."""
        return TokenTable(self._connection)

    @cached_property
    def policies(self) -> PolicyTable:
        """The policies."""
        return PolicyTable(self._connection)

    @cached_property
    def customers(self) -> CustomerTable:
        """The customers."""
        return CustomerTable(self._connection)

    @cached_property
    def chatflows(self) -> ChatflowTable:
        """The chatflows."""
        return ChatflowTable(self._connection)

    @cached_property
    def bindings(self) -> BindingTable:
        """The bindings."""
        return BindingTable(self._connection)

    @cached_property
    def messages(self) -> MessageTable:
        """The messages."""
        return MessageTable(self._connection)

    @cached_property
    def conversations(self) -> ConversationTable:
        """The conversations, kept in step with the messages."""
        return ConversationTable(self._connection)

    @cached_property
    def collections(self) -> CollectionTable:
        """The document collections."""
        return CollectionTable(self._connection)

    @cached_property
    def workspaces(self) -> WorkspaceTable:
        """The workspaces."""
        return WorkspaceTable(self._connection)

    @cached_property
    def people(self) -> PersonTable:
        """The people."""
        return PersonTable(self._connection)

    @cached_property
    def sign_ins(self) -> SignInTable:
        """The sign-ins."""
        return SignInTable(self._connection)

    @cached_property
    def links(self) -> LinkTable:
        """The one-time links."""
        return LinkTable(self._connection)

    @cached_property
    def journal(self) -> JournalTable:
        """The change feed and the audit log."""
        return JournalTable(self._connection, self._audit_key)

    @cached_property
    def key_reports(self) -> KeyReportTable:
        """The keys that somebody should look at."""
        return KeyReportTable(self._connection)

    @cached_property
    def audit_chain(self) -> AuditChainTable:
        """The chain of the audit log."""
        return AuditChainTable(self._connection)

    @cached_property
    def audit_log(self) -> AuditTable:
        """The audit log, to be read."""
        return AuditTable(self._connection)

    @cached_property
    def webhooks(self) -> WebhookTable:
        """The webhooks with their secrets."""
        return WebhookTable(self._connection)

    @cached_property
    def deliveries(self) -> DeliveryTable:
        """What is announced to them."""
        return DeliveryTable(self._connection)

    @cached_property
    def expiries(self) -> ExpiryTable:
        """Which keys expire when, and up to when that was announced."""
        return ExpiryTable(self._connection)

    @cached_property
    def sent_forms(self) -> SentFormTable:
        """The forms that were sent."""
        return SentFormTable(self._connection)

    @cached_property
    def quotas(self) -> QuotaTable:
        """What was used of quotas."""
        return QuotaTable(self._connection)

    @cached_property
    def usage(self) -> UsageTable:
        """What was counted of calls."""
        return UsageTable(self._connection)
