"""The pages around keys and chatflows: customers, limits and webhooks. A part of the list."""

from scripts.demo_runs import RUNS
from scripts.demo_shown import Shown
from scripts.demo_steps import both, choose, open_dialog, send, unfold

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
_LIMITS = (
    Shown("key-limited", "/keys/{key_limited}", "keys/view.html"),
    Shown("key-limited-edit", "/keys/{key_limited}/edit", "keys/edit.html"),
    Shown(
        "key-new-limited",
        "/keys",
        "keys/create.html",
        both(open_dialog("Create key"), unfold, send("One more line", "Create an API key")),
    ),
    Shown(
        "key-limit-refused",
        "/keys/{key_limited}/edit",
        "keys/edit.html",
        send("Save changes", **{"limit-0-calls": "many", "limit-2-calls": "5", "limit-2-name": "no name!"}),
        refused=422,
    ),
    Shown(
        "key-quota-refused",
        "/keys/{key_limited}/edit",
        "keys/edit.html",
        send("Save changes", **{"quota-0-amount": "many"}),
        refused=422,
    ),
    Shown("key-on-chatflow", "/keys/{key_limited}/chatflows/{chatflow}/limits", "limits/binding.html"),
    Shown(
        "chatflow-limits",
        "/chatflows/{chatflow_public}",
        "limits/chatflow.html",
        open_dialog("Change limits"),
    ),
    Shown("chatflow-limits-none", "/chatflows/{chatflow_echo}/limits", "limits/chatflow.html"),
    Shown(
        "chatflow-limits-refused",
        "/chatflows/{chatflow_public}/limits",
        "limits/chatflow.html",
        send("Save limits", addressCalls="many", origins="shop.example"),
        refused=422,
    ),
)

_WEBHOOKS = (
    Shown("credentials", "/credentials", "flows/credentials/list.html"),
    Shown("credentials-empty", "/credentials", "flows/credentials/list.html", role="newcomer"),
    Shown("credential-kind", "/credentials", "flows/credentials/kind.html", open_dialog("Create credential")),
    Shown("credential-new", "/credentials/new?kind=openAIApi", "flows/credentials/form.html"),
    Shown("credential-edit", "/credentials/{credential}/edit", "flows/credentials/form.html"),
    Shown("credential-delete", "/credentials/{credential}/delete", "flows/credentials/delete.html"),
    Shown("variables", "/variables", "flows/variables/list.html"),
    Shown("variables-empty", "/variables", "flows/variables/list.html", role="newcomer"),
    Shown("variable-new", "/variables/new", "flows/variables/form.html"),
    Shown("variable-edit", "/variables/{variable}/edit", "flows/variables/form.html"),
    Shown("variable-delete", "/variables/{variable}/delete", "flows/variables/delete.html"),
    Shown("chatflow-code", "/chatflows/{chatflow_echo}/code", "flows/code.html"),
    Shown("chatflow-seen", "/chatflows/{chatflow_echo}/executed-data", "executions/seen.html"),
    Shown("webhooks", "/webhooks", "webhooks/list.html"),
    Shown("webhooks-empty", "/webhooks", "webhooks/list.html", role="newcomer"),
    Shown("webhook", "/webhooks/{webhook}", "webhooks/view.html"),
    Shown("webhook-disabled", "/webhooks/{webhook_disabled}", "webhooks/view.html"),
    Shown("webhook-failed", "/webhooks/{webhook}?status=failed", "webhooks/view.html"),
    Shown("webhook-new", "/webhooks", "webhooks/form.html", open_dialog("Create webhook")),
    Shown(
        "webhook-new-refused",
        "/webhooks/new",
        "webhooks/form.html",
        send("Create webhook", url="http://127.0.0.1/hook"),
        refused=422,
    ),
    Shown("webhook-edit", "/webhooks/{webhook}/edit", "webhooks/form.html"),
    Shown("webhook-replace", "/webhooks/{webhook}", "webhooks/replace.html", open_dialog("Replace secret…")),
    Shown("webhook-replace-page", "/webhooks/{webhook}/secret", "webhooks/replace.html"),
    Shown("webhook-delete", "/webhooks/{webhook}", "webhooks/delete.html", open_dialog("Delete…")),
    Shown("webhook-delete-page", "/webhooks/{webhook}/delete", "webhooks/delete.html"),
    Shown(
        "webhook-created",
        "/webhooks",
        "webhooks/secret.html",
        both(
            open_dialog("Create webhook"),
            choose("a key was revoked"),
            send("Create webhook", "Webhook created", url="https://hooks.example.com/new"),
        ),
    ),
)

AROUND = _CUSTOMERS + _LIMITS + _WEBHOOKS + RUNS
