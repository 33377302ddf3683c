"""The page that says that there is no such page."""

import pytest

from tests.pages.axe import assert_accessible
from tests.pages.browser import light_and_dark, wide_and_narrow
from tests.pages.conftest import Visit
from tests.support.people import person
from tests.support.server import Running


@pytest.mark.slow
@light_and_dark
@wide_and_narrow
def test_a_page_that_is_not_there_says_so_to_everybody(
    visit: Visit, server: Running, theme: str, width: int
) -> None:
    """Whoever follows an old link is told, and finds the way on."""
    window = visit("/no-such-page", person(server, "viewer"), theme=theme, width=width)
    window.allow("status of 404")
    assert window.page.get_by_role("heading", level=1).inner_text()
    assert_accessible(window.page)
