"""Every page that is photographed, and how to get there: the one list."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page


@dataclass(frozen=True)
class Shown:
    """One page: its path (names in braces are filled in from the data), and what to do there first."""

    name: str
    path: str
    then: Callable[[Page], object] | None = None
    role: str | None = "owner"
    status: int = 200
    on_empty: bool = False
    """On a server that nobody has used yet."""


def open_dialog(link: str) -> Callable[[Page], None]:
    """Return what opens the dialog behind a link or button of this name."""

    def then(page: Page) -> None:
        page.get_by_role("link", name=link).or_(page.get_by_role("button", name=link)).first.click()
        page.get_by_role("dialog").wait_for()

    return then


PAGES = (
    Shown("set-up", "{set_up}", role=None, on_empty=True),
    Shown("sign-in", "/sign-in", role=None),
    Shown("invitation", "{invitation}", role=None),
    Shown("link-gone", "/reset/no-such-link", role=None, status=404),
    Shown("keys", "/keys"),
    Shown("keys-page-2", "/keys?page=2"),
    Shown("keys-filtered", "/keys?search=mobile&status=active"),
    Shown("keys-none-found", "/keys?search=no+such+name"),
    Shown("keys-viewer", "/keys", role="viewer"),
    Shown("key", "/keys/{key}"),
    Shown("key-hostile", "/keys/{key_hostile}"),
    Shown("key-revoked", "/keys/{key_revoked}"),
    Shown("key-new", "/keys", open_dialog("Create key")),
    Shown("key-new-page", "/keys/new"),
    Shown("key-edit", "/keys/{key}/edit"),
    Shown("key-revoke", "/keys/{key}/revoke"),
    Shown("chatflows", "/chatflows"),
    Shown("chatflow", "/chatflows/{chatflow}"),
    Shown("chatflow-broken", "/chatflows/{chatflow_broken}"),
    Shown("chatflow-public", "/chatflows/{chatflow_public}"),
    Shown("chatflow-hostile", "/chatflows/{chatflow_hostile}"),
    Shown("chatflow-new", "/chatflows/new"),
    Shown("chatflow-try", "/chatflows/{chatflow}/try"),
    Shown("chatflow-delete", "/chatflows/{chatflow}/delete"),
    Shown("conversations", "/chatflows/{chatflow}/conversations"),
    Shown("account", "/account"),
    Shown("people", "/people"),
    Shown("not-found", "/no-such-page", status=404),
)
