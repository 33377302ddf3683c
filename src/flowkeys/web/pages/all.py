"""Every page. A list in one place, so that a test can walk it."""

from typing import Final

from flowkeys.web.pages import home, static_files

ROUTERS: Final = (
    home.router,
    static_files.router,
)
