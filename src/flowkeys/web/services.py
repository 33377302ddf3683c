"""The services that handlers call, put together by `bootstrap` and carried by the application's state."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request

from flowkeys.domain.keys.header import KeyHeader
from flowkeys.domain.principal import Caller, PermissionUses
from flowkeys.domain.times import Clock
from flowkeys.service.audit.log import AuditService
from flowkeys.service.chatflows.chatflows import ChatflowService
from flowkeys.service.chatflows.jobs import ImportJobs
from flowkeys.service.chatflows.maker import ChatflowMaker
from flowkeys.service.customers.customers import CustomerService
from flowkeys.service.documents.collections import CollectionService
from flowkeys.service.flows.credentials import CredentialService
from flowkeys.service.flows.importing import FlowImports
from flowkeys.service.flows.tools import CustomToolService
from flowkeys.service.flows.variables import VariableService
from flowkeys.service.followers import Followers
from flowkeys.service.keys.explainer import Explainer
from flowkeys.service.keys.keyring import Keyring
from flowkeys.service.keys.policies import Policies
from flowkeys.service.keys.verifier import Verifier
from flowkeys.service.people.links import LinkService
from flowkeys.service.people.people import PeopleService
from flowkeys.service.people.sign_ins import SignInService
from flowkeys.service.ports.usage import CallRecorder
from flowkeys.service.ports.verification import ChatflowDirectory
from flowkeys.service.predictions.executions import Executions
from flowkeys.service.predictions.predictor import Predictor
from flowkeys.service.usage.reports import UsageReports
from flowkeys.service.webhooks.webhooks import WebhookService
from flowkeys.web.refusals import Refusals
from flowkeys.web.requests.address import TrustedProxies
from flowkeys.web.requests.origin import PublicUrls


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that a handler may call."""

    verifier: Verifier
    calls: CallRecorder
    usage: UsageReports
    explainer: Explainer
    uses: PermissionUses
    followers: Followers
    leaving: asyncio.Event
    """Set when the process is about to stop."""
    keyring: Keyring
    policies: Policies
    customers: CustomerService
    chatflows: ChatflowService
    predictor: Predictor
    collections: CollectionService
    maker: ChatflowMaker
    flow_imports: FlowImports
    imports: ImportJobs
    directory: ChatflowDirectory
    check_writes: Callable[[], Awaitable[None]]
    """Raises `Unavailable` when changes cannot be stored."""
    limits: Callable[[], str | None]
    """Tells how limits are counted that several processes share; None: they share none."""
    sign_ins: SignInService
    links: LinkService
    people: PeopleService
    audit: AuditService
    webhooks: WebhookService
    credentials: CredentialService
    variables: VariableService
    executions: Executions
    tools: CustomToolService
    public_urls: PublicUrls
    """Where people reach this server."""
    key_header: KeyHeader | None
    """Where forward-auth looks for keys; None: in ``Authorization``."""
    proxies: TrustedProxies
    refusals: Refusals
    clock: Clock
    max_body_bytes: int
    max_upload_bytes: int
    version: str


class Call(Request):
    """A request as handlers get it: with the services, and the caller that the route has authenticated."""

    @property
    def services(self) -> Services:
        """The application's services."""
        services: Services = self.app.state.services
        return services

    @property
    def caller(self) -> Caller:
        """Who is calling. Open routes have none."""
        caller: Caller = self.state.caller
        return caller
