"""What the other tests of pages rely on: axe-core runs, under a strict policy, and finds things."""

import pytest

from tests.pages.axe import assert_accessible
from tests.pages.conftest import Visit
from tests.pages.site import html, site

PALE = '<link rel="stylesheet" href="/pale.css">'


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        pytest.param("<input>", "label", id="a field without a label"),
        pytest.param('<p class="pale">Hardly seen</p>', "color-contrast", id="pale text"),
        pytest.param("<button class=small>1</button>" * 2, "target-size", id="small targets"),
    ],
)
def test_what_is_not_accessible_is_named_with_its_place(watch: Visit, body: str, rule: str) -> None:
    """The failure says which rule, which element and what to do."""
    css = ".pale { color: #bbb; background: #fff } .small { font-size: 6px; padding: 0; border: 0 }"
    with site({"/": html(body, PALE), "/pale.css": css}) as url:
        page = watch(url).go("/").page
        with pytest.raises(AssertionError, match=f"{rule}: .+\n  at .+\n  Fix"):
            assert_accessible(page)


def test_a_page_that_is_accessible_passes(watch: Visit) -> None:
    """And axe-core itself breaks no policy and asks nobody for anything."""
    with site({"/": html("<p>Plain.</p>")}) as url:
        assert_accessible(watch(url).go("/").page)
