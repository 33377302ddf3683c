"""What pages are made of: small, ours or named, and nothing that a strict policy would have to allow."""

import re
from html.parser import HTMLParser

import pytest

from tests.architecture.tree import SOURCE, name_of

STATIC = SOURCE / "web" / "static"
TEMPLATES = sorted((SOURCE / "web" / "templates").rglob("*.html"))
ASSET_LIMIT_BYTES = 300_000

BLOCK_OR_COMMENT = re.compile(r"{%.*?%}|{#.*?#}", re.DOTALL)
EXPRESSION = re.compile(r"{{.*?}}", re.DOTALL)
LOADING = {"src", "srcset", "action", "formaction", "data", "poster", "background", "ping"}
"""Attributes whose address a browser loads by itself, or sends a form to."""
ELSEWHERE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)


class Offences(HTMLParser):
    """Collects what a template holds that no page of ours may."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        names = {name: value or "" for name, value in attributes}
        if tag == "style" or (tag == "script" and "src" not in names):
            self._add(f"an inline {tag}")
        for name, value in names.items():
            if name == "style" or name.startswith(("on", "hx-on")):
                self._add(f"the attribute {name}")
            if value.lstrip().lower().startswith("javascript:"):
                self._add(f"{name} runs a script")
            loads = name in LOADING or name.startswith("hx-") or (name == "href" and tag != "a")
            if loads and ELSEWHERE.match(value):
                self._add(f"{name} leads elsewhere: {value}")

    def _add(self, what: str) -> None:
        self.found.append(f"line {self.getpos()[0]}: {what}")


def offences(text: str) -> list[str]:
    """Return what a template holds that no page of ours may; what it fills in counts as text."""
    without_blocks = BLOCK_OR_COMMENT.sub(lambda hit: "\n" * hit.group().count("\n"), text)
    parser = Offences()
    parser.feed(EXPRESSION.sub(lambda hit: "x" + "\n" * hit.group().count("\n"), without_blocks))
    return parser.found


@pytest.mark.parametrize("path", TEMPLATES, ids=[name_of(path) for path in TEMPLATES])
def test_a_template_needs_nothing_that_a_strict_policy_forbids(path) -> None:
    """No inline script or style, no attribute that is one, and no address of another host that is loaded."""
    assert offences(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "<script>go()</script>",
        "<style>p { color: red }</style>",
        '<p style="color: red">',
        '{% if x %}<p\n  {{ more }} onclick="go()">{% endif %}',
        '<p hx-on:click="go()">',
        '<a href="javascript:go()">',
        '<script src="https://example.com/x.js"></script>',
        '<img src="//example.com/x.png">',
        '<link href="https://example.com/x.css">',
        '<form action="http://example.com">',
        '<div hx-get="https://example.com">',
    ],
)
def test_what_a_template_may_not_hold_is_found(text: str) -> None:
    """The test above can fail."""
    assert len(offences(text)) == 1


def test_a_template_may_hold_what_is_ours() -> None:
    """Scripts of ours, links that people follow, and what is filled in."""
    text = '<script src="{{ static("a.js") }}"></script><a href="https://example.com">{{ "<style>" }}</a>'
    assert offences(text) == []


def test_stylesheets_load_nothing_from_elsewhere() -> None:
    """A stylesheet can name addresses as well."""
    found = [
        f"{path.name}: {hit}"
        for path in STATIC.rglob("*.css")
        for hit in re.findall(r"(?:url\(|@import)\s*[\"']?\s*(?:[a-z]+:)?//\S+", path.read_text("utf-8"))
    ]
    assert found == []


def test_assets_stay_small() -> None:
    """All that a browser could be sent beside the pages, uncompressed, is under 300 kB."""
    sizes = {name_of(path): path.stat().st_size for path in STATIC.rglob("*") if path.is_file()}
    assert 0 < sum(sizes.values()) < ASSET_LIMIT_BYTES, sizes


def test_what_others_wrote_is_named_with_version_and_licence() -> None:
    """Each file has its version in its name, and VENDORED.md has the same one and the licence."""
    table = (STATIC / "VENDORED.md").read_text("utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "`" in line
    ]
    listed = {row[0].strip("`"): (row[2], bool(row[3])) for row in rows}
    files = {
        path.name: (re.sub(r".*-([0-9][0-9.]*)\.min\.js", r"\1", path.name), True)
        for path in STATIC.rglob("*.min.js")
    }
    assert listed == files
