"""Every write of the services is told: to the audit log, and to caches where they keep what changed."""

import json
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec
import pytest

from flowkeys.domain.chatflows.chatflow import ChatflowType
from flowkeys.domain.people.link import Purpose
from flowkeys.domain.people.person import Role
from flowkeys.domain.principal import Caller, operator
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.customers.input import CustomerPatch, NewCustomer
from flowkeys.service.flows.credential_input import CredentialPatch
from flowkeys.service.flows.tool_input import ToolPatch
from flowkeys.service.flows.variables import VariablePatch
from flowkeys.service.keys.input import KeyPatch, NewKey
from flowkeys.service.keys.rotations import NewRotation
from flowkeys.service.people.sign_ins import Started
from flowkeys.service.ports.flows import HumanAnswer
from flowkeys.service.predictions.grants import Grant
from flowkeys.service.predictions.input import read_prediction
from flowkeys.service.webhooks.input import WebhookPatch
from tests.conformance.writes import all_writes
from tests.support.flows import approval, coding, exported
from tests.support.server import NOBODY, Running

pytestmark = pytest.mark.of_one_process("rows of the log are counted, and the other process writes its own")

PERSON: Final = "person"
PASSWORD: Final = "the first password of a test"
OTHER: Final = "the second password of a test"
NOT_TOLD: Final = {
    "Keyring.flush": "last uses and digests under the newest secret: what was there, written later",
    "UsageStore.add": "counted calls, by the server",
    "QuotaStore.add": "counted calls, by the server",
    "UsageStore.tidy": "hours are put together to days, by the server",
    "Pruning.prune": "old rows of the feed itself go",
    "SignInService.find": "when somebody was here last",
    "Run.execute": "messages are the record themselves",
    "Run.execute_at_once": "messages are the record themselves",
    "WaitingRuns.held": "that an answer is still under way",
    "WaitingRuns.give_back": "the same: that it led nowhere",
    "WaitingRuns.store": "messages are the record themselves, and runs are kept like them",
    "WaitingRuns.failed": "the same",
    "WaitingRuns.tidy": "that nobody answered in time",
    "Outbox.claim": "deliveries are a log themselves",
    "Outbox.forget": "old deliveries go",
    "Outbox.settle": "what came of a delivery; that one is given up is told (tests/service/webhooks)",
    "Expiries.announce": "announces what was to happen; expiry is in no column",
    "ImportJobs.start": "how far an import is, which nobody decides by; what it makes is told",
    "ImportJobs.stop": "the same: that it is to stop",
    "open_chain": "begins the log (tests/service/audit)",
    "note_verifies_only": "writes the log (tests/cli/server/test_secret_lines.py)",
    "move_to_newest": "the same secrets under another key",
    "move_credentials": "the same credentials under another key",
    "Import.take": "a part of CollectionService.add_files",
    "WorkspaceService.default": "the first start of a server, told as WorkspaceService.create is",
}
"""Writes without a row, each with the reason."""


class Ledger:
    """Does something, and expects of it the rows that are due, and no other."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.rows = server.shell()
        self.done: set[str] = set()
        self.secrets: list[str] = []

    def does(self, name: str, work: Coroutine[Any, Any, Any], *actions: str, feed: str = "") -> Any:
        """Do it; `feed` is what the feed of changes hears of."""
        audit, change = self._last()
        found = self.server.do(work)
        told = self.rows.execute("SELECT action FROM audit WHERE seq > ? ORDER BY seq", (audit,)).fetchall()
        heard = self.rows.execute("SELECT DISTINCT subject FROM change WHERE seq > ?", (change,)).fetchall()
        assert tuple(action for (action,) in told) == actions, name
        assert {subject for (subject,) in heard} == set(feed.split()), name
        self.done.add(name)
        return found

    def _last(self) -> tuple[int, int]:
        row = self.rows.execute(
            "SELECT (SELECT coalesce(max(seq), 0) FROM audit), (SELECT coalesce(max(seq), 0) FROM change)"
        ).fetchone()
        return row[0], row[1]


def test_every_write_is_in_the_audit_log_and_reaches_caches(own: Running) -> None:
    """Given each write of each service, its rows are there; given a new one, this table has to have it.

    And what was secret in any of it is nowhere in the log.
    """
    ledger = Ledger(own)
    caller = Caller(operator(own.workspace()))
    flow = _chatflows(ledger, caller)
    _keys(ledger, caller, flow)
    _customers(ledger, caller)
    _people(ledger, caller)
    _collections(ledger, caller)
    _webhooks(ledger, caller)
    _credentials(ledger, caller)
    _variables(ledger, caller)
    _tools(ledger, caller)
    _executions(ledger, caller)
    _workspaces(ledger)
    assert all_writes() - NOT_TOLD.keys() == ledger.done
    assert NOT_TOLD.keys() <= all_writes()
    log = json.dumps([list(map(str, row)) for row in ledger.rows.execute("SELECT * FROM audit")])
    digests = [row[0] for row in ledger.rows.execute("SELECT digest FROM token")]
    for secret in (*ledger.secrets, *digests):
        assert secret not in log
    ledger.rows.close()


def _chatflows(ledger: Ledger, caller: Caller) -> str:
    """Chatflows; return one, which no key opens."""
    of = ledger.server.runtime.chatflows
    patch = ChatflowPatch(name="told", flow_data=exported(), type=ChatflowType.AGENTFLOW)
    made = ledger.does("ChatflowService.create", of.create(caller, patch), "chatflow.create", feed="chatflow")
    flow: str = made.chatflow.id
    work = of.update(caller, flow, ChatflowPatch(name="renamed"))
    ledger.does("ChatflowService.update", work, "chatflow.update", feed="chatflow")
    coded = ledger.server.do(
        of.create(caller, msgspec.structs.replace(patch, flow_data=coding("told")))
    ).chatflow
    for name, told in (("approve", "code.approve"), ("withdraw", "code.withdraw")):
        work = getattr(of, name)(caller, coded.id)
        ledger.does(f"CodeApprovals.{name}", work, told, feed="code")
    key = ledger.server.key()
    ledger.secrets.append(key["apiKey"])
    both = "key chatflow"
    ledger.does(
        "ChatflowService.bind", of.bind(caller, flow, key["id"]), "chatflow.bind", "key.bind", feed=both
    )
    work = of.unbind(caller, flow, key["id"])
    ledger.does("ChatflowService.unbind", work, "chatflow.unbind", "key.unbind", feed=both)
    ledger.server.do(of.bind(caller, flow, key["id"]))
    told = ("chatflow.unbind", "key.unbind", "chatflow.delete")
    ledger.does("ChatflowService.delete", of.delete(caller, flow), *told, feed=both)
    other: str = ledger.server.do(of.create(caller, patch)).chatflow.id
    return other


def _keys(ledger: Ledger, caller: Caller, flow: str) -> None:
    keyring, policies = ledger.server.runtime.keyring, ledger.server.runtime.policies

    def made(name: str = "told") -> Any:
        found = ledger.does(
            "Keyring.create", keyring.create(caller, NewKey(name=name)), "key.create", feed="key"
        )
        ledger.secrets.append(found.token.reveal())
        return found.key.id

    key = made()
    work = keyring.update(caller, key, KeyPatch(name="renamed"))
    ledger.does("Keyring.update", work, "key.update", feed="key")
    work = keyring.update(caller, key, KeyPatch(chatflow_ids=(flow,)))
    ledger.does("Keyring.update", work, "chatflow.bind", "key.bind", "key.update", feed="key chatflow")
    ledger.does("Keyring.update", keyring.update(caller, key, KeyPatch(name="renamed")))  # as it was
    ledger.does("Keyring.disable", keyring.disable(caller, key), "key.disable", feed="key")
    ledger.does("Keyring.enable", keyring.enable(caller, key), "key.enable", feed="key")
    for how in ("disable", "enable"):
        work = getattr(keyring, f"{how}_many")(caller, [key])
        ledger.does(f"Keyring.{how}_many", work, f"key.{how}", feed="key")
    begin: Callable[[int], Any] = lambda grace: keyring.rotations.begin(  # noqa: E731
        caller, key, NewRotation(grace_seconds=grace)
    )
    rotated = ledger.does("Rotations.begin", begin(0), "key.rotate", feed="key")
    ledger.secrets.append(rotated.token.reveal())
    ledger.secrets.append(ledger.server.do(begin(60)).token.reveal())
    for grace, told in ((120, "key.rotation_extend"), (0, "key.rotation_end")):
        work = keyring.rotations.set_grace(caller, key, grace)
        ledger.does("Rotations.set_grace", work, told, feed="key")
    new = NewRotation(grace_seconds=3600, finish_when_unused_seconds=60)
    ledger.server.do(keyring.rotations.begin(caller, key, new))
    long_ago = "UPDATE token SET replaced_at = replaced_at - 3600000000 WHERE finish_unused_seconds = 60"
    ledger.rows.execute(long_ago)
    work = keyring.rotations.finish_unused()
    ledger.does("Rotations.finish_unused", work, "key.rotation_finish", feed="key")
    ledger.does("Keyring.revoke", keyring.revoke(caller, key), "key.revoke", feed="key")
    ledger.does("Keyring.revoke_many", keyring.revoke_many(caller, [made()]), "key.revoke", feed="key")
    made()
    ledger.rows.execute(
        "UPDATE token SET digest = replace(digest, ?, 'lost') WHERE seq = (SELECT max(seq) FROM token)",
        (ledger.server.runtime.hasher.secret_ids[0],),
    )
    ledger.does("Keyring.revoke_made_under", keyring.revoke_made_under("lost"), "key.revoke", feed="key")
    for fields, feed in (
        ({"rotate_after_days": 90}, ""),
        ({"allowed_ips": ("10.0.0.0/8",)}, "policy"),
        ({}, "policy"),
    ):
        work = policies.update(caller, lambda before, fields=fields: _policy(before, fields))
        ledger.does("Policies.update", work, "policy.update", feed=feed)


def _policy(before: Any, fields: dict[str, Any]) -> Any:
    return msgspec.structs.replace(before, **{"rotate_after_days": None, "allowed_ips": (), **fields})


def _customers(ledger: Ledger, caller: Caller) -> None:
    of, feed = ledger.server.runtime.customers, "customer"
    made = ledger.does(
        "CustomerService.create", of.create(caller, NewCustomer(name="told")), "customer.create", feed=feed
    )
    key = ledger.server.do(
        ledger.server.runtime.keyring.create(caller, NewKey(name="its", customer_id=made.id))
    )
    ledger.secrets.append(key.token.reveal())
    work = of.update(caller, made.id, CustomerPatch(name="renamed"))
    ledger.does("CustomerService.update", work, "customer.update", feed=feed)
    ledger.does("CustomerService.disable", of.disable(caller, made.id), "customer.disable", feed=feed)
    ledger.does("CustomerService.enable", of.enable(caller, made.id), "customer.enable", feed=feed)
    told = ("customer.revoke", "key.revoke")
    ledger.does("CustomerService.revoke", of.revoke(caller, made.id), *told, feed="customer key")
    ledger.does("CustomerService.delete", of.delete(caller, made.id), "customer.delete", feed="customer key")


def _people(ledger: Ledger, caller: Caller) -> None:
    links, people, sign_ins = (
        getattr(ledger.server.runtime, name) for name in ("links", "people", "sign_ins")
    )

    def secret(found: Any) -> str:
        text: str = getattr(found, "secret", found).reveal()
        ledger.secrets.append(text)
        return text

    ledger.secrets += [PASSWORD, OTHER]
    asked = secret(ledger.does("SetUp.link", links.set_up_link(), "person.set_up_link", feed=PERSON))
    work = links.accept(Purpose.SET_UP, asked, email="ada@example.com", password=PASSWORD)
    owner: Started = ledger.does("LinkService.accept", work, "person.create", "person.sign_in", feed=PERSON)
    secret(owner.secret)
    by = Caller(owner.person.as_principal())
    invited = ledger.does(
        "LinkService.invite", links.invite(by, "bob@example.com", Role.MEMBER), "person.invite", feed=PERSON
    )
    secret(invited)
    ledger.does(
        "LinkService.withdraw", links.withdraw(by, invited.link.id), "person.withdraw_invitation", feed=PERSON
    )
    again = secret(ledger.server.do(links.invite(by, "bob@example.com", Role.MEMBER)))
    bob = ledger.server.do(links.accept(Purpose.INVITATION, again, password=PASSWORD))
    secret(bob.secret)
    ledger.does(
        "PeopleService.change", people.change(by, bob.person.id, Role.OWNER), "person.update", feed=PERSON
    )
    ledger.does("PeopleService.rename", people.rename(by, "Ada"), "person.update", feed=PERSON)
    secret(
        ledger.does(
            "LinkService.reset_link", links.reset_link("bob@example.com"), "person.reset_link", feed=PERSON
        )
    )
    work = sign_ins.sign_in("ada@example.com", PASSWORD)
    secret(ledger.does("SignInService.sign_in", work, "person.sign_in").secret)
    work = sign_ins.sign_in("ada@example.com", OTHER)
    ledger.does("SignInService.sign_in", work, "person.sign_in_failed")
    ledger.does("SignInService.sign_out", sign_ins.sign_out(owner.secret.reveal()), "person.sign_out")
    (left,) = ledger.server.do(sign_ins.mine(by))
    ledger.does("SignInService.end", sign_ins.end(by, left.id), "person.sign_out")
    for how in ("end_others", "end_all"):
        secret(ledger.server.do(sign_ins.sign_in("ada@example.com", PASSWORD)).secret)
        work = sign_ins.end_others(by, "another") if how == "end_others" else sign_ins.end_all(by)
        ledger.does(f"SignInService.{how}", work, "person.sign_out")
    work = sign_ins.change_password(by, PASSWORD, OTHER)
    ledger.does("SignInService.change_password", work, "person.change_password", feed=PERSON)
    ledger.does("PeopleService.remove", people.remove(by, bob.person.id), "person.remove", feed=PERSON)


def _collections(ledger: Ledger, caller: Caller) -> None:
    of = ledger.server.runtime.collections
    made = ledger.does(
        "CollectionService.create", of.create(caller, "told"), "collection.create", feed="collection"
    )
    ledger.server.do(of.add_files(caller, made.id, [("a.md", b"# A\n\nText.\n")]))
    (document,) = ledger.server.do(of.documents(caller, made.id))
    work = of.delete_document(caller, made.id, document.id)
    ledger.does("CollectionService.delete_document", work, "document.delete", feed="collection")
    ledger.does(
        "CollectionService.delete", of.delete(caller, made.id), "collection.delete", feed="collection"
    )
    other = ledger.server.do(of.create(caller, "told again"))
    ledger.does(
        "CollectionService.take_back", of.take_back(caller, other.id), "collection.delete", feed="collection"
    )


def _webhooks(ledger: Ledger, caller: Caller) -> None:
    of = ledger.server.runtime.webhooks
    patch = WebhookPatch(url=NOBODY, events=("key.created",))
    made = ledger.does("WebhookService.create", of.create(caller, patch), "webhook.create")
    ledger.secrets.append(made.secret.reveal() if hasattr(made.secret, "reveal") else str(made.secret))
    hook = made.webhook.id
    work = of.update(caller, hook, WebhookPatch(note="told"))
    ledger.does("WebhookService.update", work, "webhook.update")
    again = ledger.does(
        "WebhookService.replace_secret", of.replace_secret(caller, hook), "webhook.replace_secret"
    )
    ledger.secrets.append(again.secret.reveal() if hasattr(again.secret, "reveal") else str(again.secret))
    sent = ledger.does("DeliveryService.test", of.deliveries.test(caller, hook), "webhook.test")
    ledger.rows.execute("UPDATE webhook_delivery SET outcome = 'failed', next_at = NULL")
    work = of.deliveries.resend(caller, hook, sent.id)
    ledger.does("DeliveryService.resend", work, "webhook.resend")
    ledger.does("WebhookService.delete", of.delete(caller, hook), "webhook.delete")


def _variables(ledger: Ledger, caller: Caller) -> None:
    of, feed = ledger.server.runtime.variables, "variable"
    work = of.create(caller, VariablePatch(name="told", value="x"))
    made = ledger.does("VariableService.create", work, "variable.create", feed=feed)
    work = of.update(caller, made.id, VariablePatch(value="y"))
    ledger.does("VariableService.update", work, "variable.update", feed=feed)
    ledger.does("VariableService.delete", of.delete(caller, made.id), "variable.delete", feed=feed)


def _credentials(ledger: Ledger, caller: Caller) -> None:
    of, feed = ledger.server.runtime.credentials, "credential"
    secrets = ("sk-told-first", "sk-told-second")
    ledger.secrets.extend(secrets)
    patch = CredentialPatch(name="told", values={"openAIApiKey": secrets[0]})
    work = of.create(caller, "openAIApi", patch)
    made = ledger.does("CredentialService.create", work, "credential.create", feed=feed)
    work = of.update(caller, made.id, CredentialPatch(values={"openAIApiKey": secrets[1]}))
    ledger.does("CredentialService.update", work, "credential.update", feed=feed)
    ledger.does("CredentialService.delete", of.delete(caller, made.id), "credential.delete", feed=feed)


def _tools(ledger: Ledger, caller: Caller) -> None:
    of = ledger.server.runtime.tools
    work = of.create(caller, ToolPatch(name="told", func="return 1"))
    made = ledger.does("CustomToolService.create", work, "tool.create", feed="tool")
    work = of.update(caller, made.id, ToolPatch(func="return 'other'"), approves=True)
    ledger.does("CustomToolService.update", work, "tool.update", "code.approve", feed="tool code")
    work = of.bring(caller, [ToolPatch(name="brought", func="return 2")])
    ledger.does("CustomToolService.bring", work, "tool.create", feed="tool")
    ledger.does("CustomToolService.delete", of.delete(caller, made.id), "tool.delete", feed="tool")


def _executions(ledger: Ledger, caller: Caller) -> None:
    server = ledger.server
    of, flows = server.runtime.executions, server.runtime.chatflows
    patch = ChatflowPatch(name="Approvals", flow_data=approval(), type=ChatflowType.AGENTFLOW)
    flow = server.do(flows.create(caller, patch)).chatflow

    async def waits() -> str:
        access = await server.runtime.directory.access(flow.id)
        assert access is not None
        run = await server.runtime.predictor.open(Grant(access, None), read_prediction({"question": "x"}))
        return str((await run.execute()).execution_id)

    run, other = server.do(waits()), server.do(waits())
    work = of.resume(caller, run, HumanAnswer({"type": "reject"}))
    ledger.does("WaitingRuns.take", work, "execution.resume")
    ledger.does("Executions.delete", of.delete(caller, other), "execution.delete")


def _workspaces(ledger: Ledger) -> None:
    work = ledger.server.runtime.workspaces.create("told")
    ledger.does("WorkspaceService.create", work, "workspace.create", feed="workspace")
