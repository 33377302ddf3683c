"""Every page. A list in one place, so that a test can walk it."""

from typing import Final

from flowkeys.web.pages import (
    account,
    chatflow_end,
    chatflow_export,
    chatflow_import,
    chatflow_keys,
    chatflow_new,
    chatflow_settings,
    chatflow_try,
    chatflow_view,
    chatflows,
    conversations,
    home,
    jobs,
    key_bulk,
    key_create,
    key_edit,
    key_end,
    key_view,
    keys,
    links,
    sign_in,
    static_files,
)

ROUTERS: Final = (
    home.router,
    sign_in.router,
    links.router,
    account.router,
    chatflow_new.router,  # before what takes /chatflows/{id}
    jobs.router,
    chatflow_export.router,
    chatflow_import.router,
    chatflows.router,
    chatflow_keys.router,
    chatflow_settings.router,
    chatflow_end.router,
    chatflow_try.router,
    conversations.router,
    chatflow_view.router,
    keys.router,
    key_bulk.router,
    key_create.router,
    key_edit.router,
    key_end.router,
    key_view.router,
    static_files.router,
)
