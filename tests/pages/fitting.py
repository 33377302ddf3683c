"""Whether a page fits its window."""

from playwright.sync_api import Page


def fits(page: Page) -> bool:
    """Tell whether nothing has to be scrolled sideways, on the page and in its dialog."""
    is_so: bool = page.evaluate(
        """() => [document.documentElement, document.getElementById("dialog")]
            .every((place) => place.scrollWidth <= place.clientWidth)"""
    )
    return is_so
