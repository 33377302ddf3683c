"""Every page. A list in one place, so that a test can walk it."""

from typing import Final

from flowkeys.web.pages import (
    chatflow_export,
    chatflow_import,
    chatflow_new,
    home,
    jobs,
    key_bulk,
    key_create,
    key_edit,
    key_end,
    key_view,
    keys,
    static_files,
)

ROUTERS: Final = (
    home.router,
    chatflow_new.router,  # before what takes /chatflows/{id}
    jobs.router,
    chatflow_export.router,
    chatflow_import.router,
    keys.router,
    key_bulk.router,
    key_create.router,
    key_edit.router,
    key_end.router,
    key_view.router,
    static_files.router,
)
