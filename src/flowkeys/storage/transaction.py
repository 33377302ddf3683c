"""One transaction over every table."""

from functools import cached_property
from typing import TYPE_CHECKING

from flowkeys.domain.audit.chain import ChainKey
from flowkeys.storage.statement import Connection

if TYPE_CHECKING:
    from flowkeys.storage.audit.chain import AuditChainTable
    from flowkeys.storage.audit.entries import AuditTable
    from flowkeys.storage.audit.told import JournalTable, WorkspaceTable
    from flowkeys.storage.chatflows.chatflows import BindingTable, ChatflowTable
    from flowkeys.storage.chatflows.imports import ImportJobTable
    from flowkeys.storage.customers.customers import CustomerTable
    from flowkeys.storage.documents.collections import CollectionTable
    from flowkeys.storage.flows.code import CodeTable, ToolTable
    from flowkeys.storage.flows.credentials import CredentialTable
    from flowkeys.storage.flows.variables import VariableTable
    from flowkeys.storage.keys.keys import KeyTable
    from flowkeys.storage.keys.policies import PolicyTable
    from flowkeys.storage.keys.reports import KeyReportTable
    from flowkeys.storage.keys.rotations import TokenTable
    from flowkeys.storage.people.links import LinkTable
    from flowkeys.storage.people.people import PersonTable
    from flowkeys.storage.people.sent_forms import SentFormTable
    from flowkeys.storage.people.sign_ins import SignInTable
    from flowkeys.storage.predictions.conversations import ConversationTable
    from flowkeys.storage.predictions.executions import ExecutionTable
    from flowkeys.storage.predictions.messages import MessageTable
    from flowkeys.storage.usage.processes import ProcessTable
    from flowkeys.storage.usage.quotas import QuotaTable
    from flowkeys.storage.usage.usage import UsageTable
    from flowkeys.storage.webhooks.deliveries import DeliveryTable
    from flowkeys.storage.webhooks.expiries import ExpiryTable
    from flowkeys.storage.webhooks.webhooks import WebhookTable


class Tables:
    """Implements the port `Transaction`; each table is made, and loaded, when it is first asked for."""

    def __init__(self, connection: Connection, audit_key: ChainKey | None = None) -> None:
        """Write the audit log with `audit_key`; see `JournalTable`."""
        self._connection = connection
        self._audit_key = audit_key

    @cached_property
    def keys(self) -> "KeyTable":
        """The keys."""
        from flowkeys.storage.keys.keys import KeyTable

        return KeyTable(self._connection)

    @cached_property
    def tokens(self) -> "TokenTable":
        """The keys' tokens, beside the first."""
        from flowkeys.storage.keys.rotations import TokenTable

        return TokenTable(self._connection)

    @cached_property
    def policies(self) -> "PolicyTable":
        """The policies."""
        from flowkeys.storage.keys.policies import PolicyTable

        return PolicyTable(self._connection)

    @cached_property
    def customers(self) -> "CustomerTable":
        """The customers."""
        from flowkeys.storage.customers.customers import CustomerTable

        return CustomerTable(self._connection)

    @cached_property
    def chatflows(self) -> "ChatflowTable":
        """The chatflows."""
        from flowkeys.storage.chatflows.chatflows import ChatflowTable

        return ChatflowTable(self._connection)

    @cached_property
    def code(self) -> "CodeTable":
        """What is approved of code."""
        from flowkeys.storage.flows.code import CodeTable

        return CodeTable(self._connection)

    @cached_property
    def tools(self) -> "ToolTable":
        """The custom tools."""
        from flowkeys.storage.flows.code import ToolTable

        return ToolTable(self._connection)

    @cached_property
    def bindings(self) -> "BindingTable":
        """The bindings."""
        from flowkeys.storage.chatflows.chatflows import BindingTable

        return BindingTable(self._connection)

    @cached_property
    def messages(self) -> "MessageTable":
        """The messages."""
        from flowkeys.storage.predictions.messages import MessageTable

        return MessageTable(self._connection)

    @cached_property
    def conversations(self) -> "ConversationTable":
        """The conversations, kept in step with the messages."""
        from flowkeys.storage.predictions.conversations import ConversationTable

        return ConversationTable(self._connection)

    @cached_property
    def executions(self) -> "ExecutionTable":
        """The runs that wait for a person, or did, or failed; and all others, read from messages."""
        from flowkeys.storage.predictions.executions import ExecutionTable

        return ExecutionTable(self._connection)

    @cached_property
    def collections(self) -> "CollectionTable":
        """The document collections."""
        from flowkeys.storage.documents.collections import CollectionTable

        return CollectionTable(self._connection)

    @cached_property
    def imports(self) -> "ImportJobTable":
        """The imports that run, and those that have ended lately."""
        from flowkeys.storage.chatflows.imports import ImportJobTable

        return ImportJobTable(self._connection)

    @cached_property
    def variables(self) -> "VariableTable":
        """The variables."""
        from flowkeys.storage.flows.variables import VariableTable

        return VariableTable(self._connection)

    @cached_property
    def credentials(self) -> "CredentialTable":
        """The credentials."""
        from flowkeys.storage.flows.credentials import CredentialTable

        return CredentialTable(self._connection)

    @cached_property
    def workspaces(self) -> "WorkspaceTable":
        """The workspaces."""
        from flowkeys.storage.audit.told import WorkspaceTable

        return WorkspaceTable(self._connection)

    @cached_property
    def people(self) -> "PersonTable":
        """The people."""
        from flowkeys.storage.people.people import PersonTable

        return PersonTable(self._connection)

    @cached_property
    def sign_ins(self) -> "SignInTable":
        """The sign-ins."""
        from flowkeys.storage.people.sign_ins import SignInTable

        return SignInTable(self._connection)

    @cached_property
    def links(self) -> "LinkTable":
        """The one-time links."""
        from flowkeys.storage.people.links import LinkTable

        return LinkTable(self._connection)

    @cached_property
    def journal(self) -> "JournalTable":
        """The change feed and the audit log."""
        from flowkeys.storage.audit.told import JournalTable

        return JournalTable(self._connection, self._audit_key)

    @cached_property
    def key_reports(self) -> "KeyReportTable":
        """The keys that somebody should look at."""
        from flowkeys.storage.keys.reports import KeyReportTable

        return KeyReportTable(self._connection)

    @cached_property
    def audit_chain(self) -> "AuditChainTable":
        """The chain of the audit log."""
        from flowkeys.storage.audit.chain import AuditChainTable

        return AuditChainTable(self._connection)

    @cached_property
    def audit_log(self) -> "AuditTable":
        """The audit log, to be read."""
        from flowkeys.storage.audit.entries import AuditTable

        return AuditTable(self._connection)

    @cached_property
    def webhooks(self) -> "WebhookTable":
        """The webhooks with their secrets."""
        from flowkeys.storage.webhooks.webhooks import WebhookTable

        return WebhookTable(self._connection)

    @cached_property
    def deliveries(self) -> "DeliveryTable":
        """What is announced to them."""
        from flowkeys.storage.webhooks.deliveries import DeliveryTable

        return DeliveryTable(self._connection)

    @cached_property
    def expiries(self) -> "ExpiryTable":
        """Which keys expire when, and up to when that was announced."""
        from flowkeys.storage.webhooks.expiries import ExpiryTable

        return ExpiryTable(self._connection)

    @cached_property
    def sent_forms(self) -> "SentFormTable":
        """The forms that were sent."""
        from flowkeys.storage.people.sent_forms import SentFormTable

        return SentFormTable(self._connection)

    @cached_property
    def processes(self) -> "ProcessTable":
        """The processes that serve the database."""
        from flowkeys.storage.usage.processes import ProcessTable

        return ProcessTable(self._connection)

    @cached_property
    def quotas(self) -> "QuotaTable":
        """What was used of quotas."""
        from flowkeys.storage.usage.quotas import QuotaTable

        return QuotaTable(self._connection)

    @cached_property
    def usage(self) -> "UsageTable":
        """What was counted of calls."""
        from flowkeys.storage.usage.usage import UsageTable

        return UsageTable(self._connection)
