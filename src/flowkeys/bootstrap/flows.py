"""The parts that know chatflows, what they use, and documents."""

from typing import TYPE_CHECKING

from flowkeys.bootstrap.clock import clock
from flowkeys.bootstrap.once import once
from flowkeys.config import Settings

if TYPE_CHECKING:
    from flowkeys.bootstrap.engine import ServerStore
    from flowkeys.cache.chatflows import ChatflowCache
    from flowkeys.documents.parser import SubprocessParser
    from flowkeys.flows.engine import Engine
    from flowkeys.service.chatflows.chatflows import ChatflowService
    from flowkeys.service.chatflows.jobs import ImportJobs
    from flowkeys.service.chatflows.maker import ChatflowMaker
    from flowkeys.service.documents.collections import CollectionService
    from flowkeys.service.flows.credentials import CredentialService
    from flowkeys.service.flows.importing import FlowImports
    from flowkeys.service.flows.tools import CustomToolService
    from flowkeys.service.flows.values import Values
    from flowkeys.service.flows.variables import VariableService
    from flowkeys.service.flows.vault import Vault
    from flowkeys.service.keys.verifier import Verifier
    from flowkeys.service.ports.webhooks import Seal
    from flowkeys.service.predictions.executions import Executions
    from flowkeys.service.predictions.predictor import Predictor


class FlowParts:
    """What runs chatflows, what they use, and what manages all of it."""

    settings: Settings
    store: "ServerStore"
    vault: "Vault"
    values: "Values"
    directory: "ChatflowCache"
    verifier: "Verifier"
    predictor: "Predictor"
    _seal: "Seal"

    @once
    def engine(self) -> "Engine":
        """What runs chatflows.

        Raises:
            ConfigurationError: a setting is no use.
        """
        from flowkeys.config.flows import flow_settings
        from flowkeys.flows.engine import Engine
        from flowkeys.service.documents.retrieving import StoreRetriever

        return Engine(
            flow_settings(self.settings), StoreRetriever(self.store), vault=self.vault, values=self.values
        )

    @once
    def credentials(self) -> "CredentialService":
        """What flows may send to models and services."""
        from flowkeys.outbound.endpoints import Endpoints
        from flowkeys.service.flows.credentials import CredentialService

        check = Endpoints(self.settings.allowed_endpoints).check
        return CredentialService(self.store, self._seal, self.vault, check, clock)

    @once
    def variables(self) -> "VariableService":
        """What ``{{ $vars.name }}`` stands for."""
        from flowkeys.service.flows.variables import VariableService

        settings = self.settings
        readable = settings.environment().keys()
        return VariableService(self.store, self.values, settings.variables, readable, clock)

    @once
    def tools(self) -> "CustomToolService":
        """Tools that consist of code."""
        from flowkeys.service.flows.tools import CustomToolService

        return CustomToolService(self.store, clock)

    @once
    def chatflows(self) -> "ChatflowService":
        """The chatflows."""
        from flowkeys.service.chatflows.chatflows import ChatflowService

        return ChatflowService(self.store, self.engine, clock)

    @once
    def executions(self) -> "Executions":
        """The runs of agentflows."""
        from flowkeys.service.predictions.executions import Executions

        return Executions(self.store, self.directory, self.verifier, self.predictor, clock)

    @once
    def parser(self) -> "SubprocessParser":
        """Files to passages."""
        from flowkeys.config.flows import document_limits
        from flowkeys.documents.parser import SubprocessParser

        return SubprocessParser(document_limits(self.settings))

    @once
    def collections(self) -> "CollectionService":
        """The document stores."""
        from flowkeys.config.flows import document_limits
        from flowkeys.service.documents.collections import CollectionService

        return CollectionService(self.store, self.parser, clock, document_limits(self.settings))

    @once
    def maker(self) -> "ChatflowMaker":
        """New chatflows."""
        from flowkeys.documents.kinds import MEDIA_TYPES
        from flowkeys.flows.drafts.drafts import Drafts
        from flowkeys.service.chatflows.maker import ChatflowMaker

        kinds = tuple(sorted(MEDIA_TYPES))
        return ChatflowMaker(self.chatflows, self.collections, Drafts(self.engine.models), kinds)

    @once
    def flow_imports(self) -> "FlowImports":
        """Chatflows of exports, with their tools."""
        from flowkeys.service.flows.importing import FlowImports

        return FlowImports(self.maker, self.tools)

    @once
    def imports(self) -> "ImportJobs":
        """Imports that go on behind a page."""
        from flowkeys.service.chatflows.jobs import ImportJobs

        return ImportJobs(self.maker, self.store, clock)
