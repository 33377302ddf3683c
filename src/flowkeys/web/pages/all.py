"""Every page. A list in one place, so that a test can walk it."""

from typing import Final

from flowkeys.web.pages.audit import list as audit
from flowkeys.web.pages.chatflows import bindings as chatflow_keys
from flowkeys.web.pages.chatflows import credentials as chatflow_credentials
from flowkeys.web.pages.chatflows import end as chatflow_end
from flowkeys.web.pages.chatflows import export as chatflow_export
from flowkeys.web.pages.chatflows import importing as chatflow_import
from flowkeys.web.pages.chatflows import jobs
from flowkeys.web.pages.chatflows import limits as chatflow_limits
from flowkeys.web.pages.chatflows import list as chatflows
from flowkeys.web.pages.chatflows import new as chatflow_new
from flowkeys.web.pages.chatflows import seen as executed_data
from flowkeys.web.pages.chatflows import settings as chatflow_settings
from flowkeys.web.pages.chatflows import view as chatflow_view
from flowkeys.web.pages.customers import edit as customer_edit
from flowkeys.web.pages.customers import end as customer_end
from flowkeys.web.pages.customers import list as customers
from flowkeys.web.pages.customers import view as customer_view
from flowkeys.web.pages.flows import code as chatflow_code
from flowkeys.web.pages.flows import credentials, variables
from flowkeys.web.pages.keys import bulk as key_bulk
from flowkeys.web.pages.keys import create as key_create
from flowkeys.web.pages.keys import edit as key_edit
from flowkeys.web.pages.keys import end as key_end
from flowkeys.web.pages.keys import limits as key_limits
from flowkeys.web.pages.keys import list as keys
from flowkeys.web.pages.keys import policy, reports
from flowkeys.web.pages.keys import rotate as key_rotate
from flowkeys.web.pages.keys import view as key_view
from flowkeys.web.pages.people import account, links, sign_in
from flowkeys.web.pages.people import changes as person_changes
from flowkeys.web.pages.people import list as people
from flowkeys.web.pages.predictions import conversations, execution, executions
from flowkeys.web.pages.predictions import trying as chatflow_try
from flowkeys.web.pages.start import home, static_files
from flowkeys.web.pages.usage import show as usage
from flowkeys.web.pages.webhooks import edit as webhook_edit
from flowkeys.web.pages.webhooks import end as webhook_end
from flowkeys.web.pages.webhooks import view as webhook_view

ROUTERS: Final = (
    home.router,
    sign_in.router,
    links.router,
    account.router,
    people.router,
    person_changes.router,
    chatflow_new.router,  # before what takes /chatflows/{id}
    jobs.router,
    chatflow_export.router,
    chatflow_import.router,
    chatflows.router,
    chatflow_keys.router,
    chatflow_settings.router,
    chatflow_credentials.router,
    chatflow_limits.router,
    executed_data.router,
    chatflow_code.router,
    chatflow_end.router,
    chatflow_try.router,
    conversations.router,
    usage.router,
    chatflow_view.router,
    executions.router,
    execution.router,
    customers.router,
    customer_edit.router,  # before what takes /customers/{id}
    customer_end.router,
    customer_view.router,
    keys.router,
    key_bulk.router,
    key_create.router,
    key_edit.router,
    key_end.router,
    key_limits.router,
    key_rotate.router,
    key_view.router,
    policy.router,
    reports.router,
    credentials.router,
    variables.router,
    webhook_edit.router,  # before what takes /webhooks/{id}
    webhook_end.router,
    webhook_view.router,
    audit.router,
    static_files.router,
)
