"""Every page that is photographed and swept, and how to get there: the one list."""

from dataclasses import dataclass

from scripts.demo_steps import (
    Step,
    ask,
    begin_import,
    both,
    choose,
    choose_keys,
    export,
    foreign_export,
    give_file,
    import_with_errors,
    lose_keys,
    open_dialog,
    open_menu,
    send,
    send_before,
    unfold,
)


@dataclass(frozen=True)
class Shown:
    """One page: its path (names in braces are filled in from the data), and what to do there first."""

    name: str
    path: str
    template: str
    """What it is made from."""
    then: Step | None = None
    role: str | None = "owner"
    """Who looks: a role, ``newcomer`` for the owner of an empty workspace, or nobody."""
    status: int = 200
    refused: int = 0
    """The status by which what is done there is refused, if it is."""
    on_empty: bool = False
    """On a server that nobody has used yet."""


_OPEN = (
    Shown("set-up", "{set_up}", "sign_in/link.html", role=None, on_empty=True),
    Shown("sign-in-before-set-up", "/sign-in", "sign_in/form.html", role=None, on_empty=True),
    Shown("sign-in", "/sign-in", "sign_in/form.html", unfold, role=None),
    Shown(
        "sign-in-refused",
        "/sign-in",
        "sign_in/form.html",
        send("Sign in", email="nobody@example.com", password="not a password"),  # noqa: S106 - and it is not
        role=None,
        refused=422,
    ),
    Shown("invitation", "{invitation}", "sign_in/link.html", role=None),
    Shown(
        "invitation-refused",
        "{invitation}",
        "sign_in/link.html",
        send("Accept", password="short"),  # noqa: S106 - it is too short
        role=None,
        refused=422,
    ),
    Shown("reset", "{reset}", "sign_in/link.html", role=None),
    Shown("link-gone", "/reset/no-such-link", "sign_in/gone.html", role=None, status=404),
)
_KEYS = (
    Shown("keys", "/keys", "keys/list.html"),
    Shown("keys-page-2", "/keys?page=2", "keys/list.html"),
    Shown("keys-filtered", "/keys?search=mobile&status=active", "keys/list.html"),
    Shown("keys-none-found", "/keys?search=no+such+name", "keys/list.html"),
    Shown("keys-empty", "/keys", "keys/list.html", role="newcomer"),
    Shown("keys-member", "/keys", "keys/list.html", role="member"),
    Shown("keys-viewer", "/keys", "keys/list.html", role="viewer"),
    Shown("keys-menu", "/keys", "keys/list.html", open_menu),
    Shown("keys-ticked", "/keys", "keys/list.html", choose_keys),
    Shown(
        "keys-revoke", "/keys", "keys/bulk_revoke.html", both(choose_keys, send("Revoke…", "Revoke 3 keys?"))
    ),
    Shown(
        "keys-refused",
        "/keys",
        "keys/bulk_refused.html",
        both(choose_keys, lose_keys, send("Disable", "Nothing was changed")),
        refused=422,
    ),
    Shown("keys-chatflow", "/keys", "keys/choose_chatflow.html", open_dialog("Any")),
    Shown("keys-chatflow-page", "/keys/filter/chatflow", "keys/choose_chatflow.html"),
    Shown("key", "/keys/{key}", "keys/view.html"),
    Shown(
        "key-dialog", "/keys?search=production", "keys/view.html", open_dialog("Production Backend Service")
    ),
    Shown("key-hostile", "/keys/{key_hostile}", "keys/view.html"),
    Shown("key-disabled", "/keys/{key_disabled}", "keys/view.html"),
    Shown("key-revoked", "/keys/{key_revoked}", "keys/view.html"),
    Shown("key-viewer", "/keys/{key}", "keys/view.html", role="viewer"),
    Shown("key-edit", "/keys/{key}/edit", "keys/edit.html", unfold),
    Shown(
        "key-edit-dialog",
        "/keys?search=production",
        "keys/edit.html",
        open_dialog("Edit Production Backend Service"),
    ),
    Shown(
        "key-rotate",
        "/keys/{key}/rotate",
        "rotations/begin.html",
        choose("no more: somebody else may have it"),
    ),
    Shown("key-rotating", "/keys/{key_rotating}", "keys/view.html"),
    Shown("key-rotating-viewer", "/keys/{key_rotating}", "keys/view.html", role="viewer"),
    Shown("key-revoke", "/keys/{key}/revoke", "keys/revoke.html"),
    Shown(
        "key-revoke-dialog",
        "/keys?search=production",
        "keys/revoke.html",
        open_dialog("Revoke Production Backend Service"),
    ),
    Shown("key-new", "/keys", "keys/create.html", open_dialog("Create key")),
    Shown("key-new-page", "/keys/new", "keys/create.html", unfold),
    Shown(
        "key-new-refused",
        "/keys",
        "keys/create.html",
        both(open_dialog("Create key"), choose("On a date"), send("Create key", keyName="Website")),
        refused=422,
    ),
)
_CUSTOMERS = (
    Shown("customers", "/customers", "customers/list.html"),
    Shown("customers-none-found", "/customers?search=no+such+name", "customers/list.html"),
    Shown("customers-empty", "/customers", "customers/list.html", role="newcomer"),
    Shown("customers-viewer", "/customers", "customers/list.html", role="viewer"),
    Shown("customer", "/customers/{customer}", "customers/view.html"),
    Shown("customer-disabled", "/customers/{customer_disabled}", "customers/view.html"),
    Shown("customer-new", "/customers", "customers/form.html", open_dialog("Create customer")),
    Shown(
        "customer-new-refused",
        "/customers/new",
        "customers/form.html",
        send("Create customer", name="Acme", meta="no object"),
        refused=422,
    ),
    Shown("customer-edit", "/customers/{customer}/edit", "customers/form.html"),
    Shown("customer-revoke", "/customers/{customer}", "customers/revoke.html", open_dialog("Revoke…")),
    Shown("customer-revoke-page", "/customers/{customer}/revoke", "customers/revoke.html"),
    Shown("customer-delete", "/customers/{customer}/delete", "customers/delete.html"),
    Shown("keys-of-customer", "/keys?customer={customer}", "keys/list.html"),
)
_CHATFLOWS = (
    Shown("chatflows", "/chatflows", "chatflows/list.html"),
    Shown("chatflows-none-found", "/chatflows?search=no+such+name", "chatflows/list.html"),
    Shown("chatflows-empty", "/chatflows", "chatflows/list.html", role="newcomer"),
    Shown("chatflows-viewer", "/chatflows", "chatflows/list.html", role="viewer"),
    Shown("chatflow", "/chatflows/{chatflow}", "chatflows/view.html"),
    Shown("chatflow-member", "/chatflows/{chatflow}", "chatflows/view.html", role="member"),
    Shown("chatflow-viewer", "/chatflows/{chatflow}", "chatflows/view.html", role="viewer"),
    Shown("chatflow-broken", "/chatflows/{chatflow_broken}", "chatflows/view.html", unfold),
    Shown("chatflow-public", "/chatflows/{chatflow_public}", "chatflows/view.html"),
    Shown("chatflow-hostile", "/chatflows/{chatflow_hostile}", "chatflows/view.html"),
    Shown("chatflow-rename", "/chatflows/{chatflow}", "chatflows/rename.html", open_dialog("Rename")),
    Shown("chatflow-rename-page", "/chatflows/{chatflow}/rename", "chatflows/rename.html"),
    Shown("chatflow-credentials", "/chatflows/{chatflow}/credentials", "chatflows/credentials.html"),
    Shown("chatflow-open", "/chatflows/{chatflow}", "chatflows/public.html", open_dialog("Make it public")),
    Shown("chatflow-open-page", "/chatflows/{chatflow}/public", "chatflows/public.html"),
    Shown("chatflow-delete", "/chatflows/{chatflow}", "chatflows/delete.html", open_dialog("Delete")),
    Shown("chatflow-delete-page", "/chatflows/{chatflow}/delete", "chatflows/delete.html"),
    Shown("chatflow-bind", "/chatflows/{chatflow}", "chatflows/bind.html", open_dialog("Bind a key")),
    Shown("chatflow-bind-page", "/chatflows/{chatflow_public}/keys/bind", "chatflows/bind.html"),
    Shown("chatflow-bind-none", "/chatflows/{chatflow}/keys/bind?search=no+such+name", "chatflows/bind.html"),
    Shown("chatflow-unbind", "/chatflows/{chatflow}", "chatflows/unbind.html", open_dialog("Unbind")),
    Shown("chatflow-unbind-page", "/chatflows/{chatflow}/keys/{key}/unbind", "chatflows/unbind.html"),
    Shown("chatflow-import", "/chatflows/{chatflow_echo}/import", "chatflows/import.html"),
    Shown(
        "chatflow-import-refused",
        "/chatflows/{chatflow_echo}/import",
        "chatflows/import.html",
        send("Compare", text="This is no export."),
        refused=422,
    ),
    Shown(
        "chatflow-compare",
        "/chatflows/{chatflow_echo}/import",
        "chatflows/import_compare.html",
        both(give_file("file", "export.json", foreign_export()), send("Compare", "What changes in")),
    ),
    Shown(
        "chatflow-compare-same",
        "/chatflows/{chatflow_echo}/import",
        "chatflows/import_compare.html",
        send("Compare", "What changes in", text=export("You said: {{ question }}")),
    ),
    Shown("chatflow-new", "/chatflows/new", "chatflows/new_documents.html", unfold),
    Shown("chatflow-new-model", "/chatflows/new?way=model", "chatflows/new_model.html"),
    Shown("chatflow-new-export", "/chatflows/new?way=export", "chatflows/new_export.html"),
    Shown(
        "chatflow-new-refused",
        "/chatflows/new?way=model",
        "chatflows/new_model.html",
        send("Make the chatflow", name="A model", model="small", baseUrl="no address"),
        refused=422,
    ),
    Shown("job-unknown", "/chatflows/new/jobs/no-such-job", "jobs/unknown.html", status=404),
    Shown("chatflow-try", "/chatflows/{chatflow}/try", "chatflows/try.html"),
    Shown("chatflow-try-broken", "/chatflows/{chatflow_broken}/try", "chatflows/try.html"),
    Shown("conversations", "/chatflows/{chatflow}/conversations", "chatflows/conversations.html"),
    Shown("conversations-none", "/chatflows/{chatflow_broken}/conversations", "chatflows/conversations.html"),
    Shown(
        "conversation",
        "/chatflows/{chatflow}/conversations/{conversation}",
        "chatflows/conversation.html",
        unfold,
    ),
)
_PEOPLE = (
    Shown("account", "/account", "account/account.html"),
    Shown("account-viewer", "/account", "account/account.html", role="viewer"),
    Shown(
        "account-refused",
        "/account",
        "account/account.html",
        send("Change the password", oldPassword="wrong", newPassword="short"),
        refused=422,
    ),
    Shown("people", "/people", "people/list.html"),
    Shown("people-empty", "/people", "people/list.html", role="newcomer"),
    Shown("people-invite", "/people", "people/invite.html", open_dialog("Invite")),
    Shown("people-invite-page", "/people/invite", "people/invite.html", unfold),
    Shown("person", "/people/{person}", "people/change.html", unfold),
    Shown("person-dialog", "/people", "people/change.html", open_dialog("Change Grace Hopper")),
    Shown("person-remove", "/people", "people/remove.html", open_dialog("Remove Grace Hopper")),
    Shown("person-remove-page", "/people/{person}/remove", "people/remove.html"),
    Shown("policy", "/policy", "policies/policy.html"),
    Shown("reports", "/reports", "reports/list.html"),
    Shown("report", "/reports/never-used", "reports/view.html"),
    Shown("report-none", "/reports/never-used?page=99", "reports/view.html"),
    Shown("report-viewer", "/reports/never-expiring", "reports/view.html", role="viewer"),
    Shown("usage", "/usage", "usage/show.html", unfold),
    Shown("usage-month", "/usage?period=30d", "usage/show.html"),
    Shown("usage-empty", "/usage", "usage/show.html", role="newcomer"),
    Shown("usage-key", "/keys/{key}/usage", "usage/show.html"),
    Shown("usage-chatflow", "/chatflows/{chatflow}/usage", "usage/show.html"),
    Shown("audit", "/audit", "audit/list.html"),
    Shown("audit-of-key", "/audit?subject=key&action=key.create", "audit/list.html"),
    Shown("audit-none", "/audit?actor=nobody&from=2020-01-01", "audit/list.html"),
    Shown("audit-refused", "/audit?from=yesterday", "audit/list.html", status=422),
    Shown("forbidden", "/people", "error.html", role="viewer", status=403),
    Shown("not-found", "/no-such-page", "error.html", status=404),
)
_CHANGING = (
    Shown(
        "chatflow-try-answer",
        "/chatflows/{chatflow}/try",
        "chatflows/try.html",
        ask("How do I revoke a key?"),
    ),
    Shown(
        "people-invited",
        "/people",
        "people/invited.html",
        both(
            open_dialog("Invite"), choose("Viewer"), send("Make the link", "Send", email="mary@example.com")
        ),
    ),
    Shown(
        "key-created",
        "/keys",
        "keys/created.html",
        both(open_dialog("Create key"), send("Create key", "Key created", keyName="Website, new")),
    ),
    Shown(
        "key-created-page",
        "/keys/new?chatflow={chatflow}",
        "keys/created.html",
        send("Create key", "Key created", keyName="Website, newer"),
    ),
    Shown(
        "key-sent",
        "/keys/new",
        "keys/sent.html",
        both(send_before, send("Create key", "This form was sent before")),
        refused=409,
    ),
    Shown("job-ended", "/chatflows/new", "jobs/ended.html", import_with_errors),
    Shown("job-running", "/chatflows/new", "jobs/running.html", begin_import),
)
"""Those on which something is made, at the end: the others show the data as it was."""

PAGES = _OPEN + _KEYS + _CUSTOMERS + _CHATFLOWS + _PEOPLE + _CHANGING
