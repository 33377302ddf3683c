"""Answers as Markdown: formatted, with nothing in them that could act on the page."""

import json

import pytest
from playwright.sync_api import expect

from flowkeys.web.pages.predictions.answers import formatted
from tests.pages.axe import assert_accessible
from tests.pages.conftest import Visit
from tests.pages.reading import browse
from tests.support.flows import echo, make_chatflow
from tests.support.people import person
from tests.support.server import Api, Running

REL = 'target="_blank" rel="noopener noreferrer nofollow"'

PLAIN = [
    "hello",
    "two\nlines",
    "two\n\nparagraphs",
    "List<String> and a < b & c",
    "",
    "   ",
    "[words]: https://example.org",  # nothing but a definition would be shown as nothing
    "<b>bold?</b>",
    ">" * 50 + " deep",
    "- " * 40 + "deep",
    "[" * 2001,
    "http://a" * 21,
    "see http://a.example/?" + "&u=ftp://b" * 21 + " **bold**",
]

FORMATTED = {
    "**bold**": "<p><strong>bold</strong></p>",
    "*a*, ~~b~~ and `c<d`": "<p><em>a</em>, <s>b</s> and <code>c&lt;d</code></p>",
    "one **x**\ntwo": "<p>one <strong>x</strong><br>\ntwo</p>",
    "# A\n\n### B\n\n# C": "<h4>A</h4>\n<h5>B</h5>\n<h4>C</h4>",
    "### A\n\n# B": "<h4>A</h4>\n<h4>B</h4>",
    "3. c\n4. d": '<ol start="3">\n<li>c</li>\n<li>d</li>\n</ol>',
    "```python\na < b\n```": '<pre tabindex="0"><code>a &lt; b\n</code></pre>',
    "```\n<pre>\n```": '<pre tabindex="0"><code>&lt;pre&gt;\n</code></pre>',
    "> said": "<blockquote>\n<p>said</p>\n</blockquote>",
    "a &lt;b&gt; \\*c\\*": "<p>a &lt;b&gt; *c*</p>",
    "see https://a.example/?b=c": (
        f'<p>see <a href="https://a.example/?b=c" {REL}>https://a.example/?b=c</a></p>'
    ),
    "see report.md and example.org": None,
    "[a](https://example.org 'title')": f'<p><a href="https://example.org" {REL}>a</a></p>',
    "[mail](mailto:a@example.org)": f'<p><a href="mailto:a@example.org" {REL}>mail</a></p>',
    # Links to our own pages, or to what is no page, are words.
    "[keys](/keys)": "<p>keys</p>",
    "[keys](keys?revoke=1)": "<p>keys</p>",
    "[keys](//example.org/x)": "<p>keys</p>",
    "[a](http:/keys) <https:keys> ![c](http:\\\\keys) [d](https:///keys)": "<p>a https:keys c d</p>",
    "[a](https://\u202eexample.org)": f"<p><a {REL}>a</a></p>",
    "\ufeff# Title": "<h4>Title</h4>",
    "half \ud800 **a**": "<p>half ? <strong>a</strong></p>",
    "[file](file:///etc/hosts) **x**": "<p>[file](file:///etc/hosts) <strong>x</strong></p>",
    "![chart](https://example.org/c.png)": f'<p><a href="https://example.org/c.png" {REL}>chart</a></p>',
    "![](https://a.example/c)": f'<p><a href="https://a.example/c" {REL}>https://a.example/c</a></p>',
    "![chart](/c.png)": "<p>chart</p>",
    "[![chart](https://a.example/c)](https://a.example)": (
        f'<p><a href="https://a.example" {REL}>chart</a></p>'
    ),
    "**a** <b onclick=x>b</b>": "<p><strong>a</strong> &lt;b onclick=x&gt;b&lt;/b&gt;</p>",
    "<div>\n\n**a**": "<p>&lt;div&gt;</p>\n<p><strong>a</strong></p>",
    "|a|b|\n|-|:-:|\n|1|<i>|": (
        '<div class="table-scroll" role="region" aria-label="Table" tabindex="0"><table>\n<thead>\n'
        "<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n<td>&lt;i&gt;</td>\n</tr>\n</tbody>\n"
        "</table></div>"
    ),
}


@pytest.mark.parametrize("text", PLAIN)
def test_what_has_no_markdown_is_shown_as_it_is(text: str) -> None:
    """Its white space included; so is what nests deeper than anybody means."""
    assert formatted(text) is None


def test_markdown_is_formatted() -> None:
    """Each text, and the HTML that a page shows for it."""
    found = {text: html and html.strip() for text, html in ((text, formatted(text)) for text in FORMATTED)}
    assert found == FORMATTED


def site_of(api: Api, text: str) -> dict:
    """Return a chatflow that answers with a text."""
    return make_chatflow(api, "Formatted", echo(text))


TEXT = (
    "## Plans\n\nThe **best** plan, see [prices](https://example.org/p):\n\n"
    "| Plan | Price |\n|---|---|\n| Free | 0 |\n\n"
    "```sh\ncurl https://example.org\n```\n\n<script>window.hit = 1</script>\n\n1. one\n2. two"
)


def test_an_answer_is_formatted_and_can_be_seen_as_sent(server: Running, owner: Api, visit: Visit) -> None:
    """In the pane when it is complete, on the page of the conversation, and without scripts, alike."""
    chatflow = site_of(owner, TEXT)
    who = person(server, "member", name="Mia")
    pane = visit(f"/chatflows/{chatflow['id']}", who)
    pane.page.get_by_label("Your question").fill("Which plan?")
    pane.page.keyboard.press("Enter")
    expect(pane.page.get_by_text("Answered in")).to_be_visible()

    with browse(who) as browser:
        listed = browser.get(f"/chatflows/{chatflow['id']}/conversations").text
        address = listed.split('class="conversation-first" href="')[1].split('"')[0]
    talk = visit(address, who)
    for window in (pane, talk):
        answer = window.page.locator(".turn-answer")
        expect(answer.get_by_role("heading", name="Plans")).to_be_visible()
        expect(answer.locator("strong")).to_have_text("best")
        expect(answer.get_by_role("cell", name="Free")).to_be_visible()
        link = answer.get_by_role("link", name="prices")
        assert link.get_attribute("rel") == "noopener noreferrer nofollow"
        expect(answer.get_by_text("<script>window.hit = 1</script>").first).to_be_visible()
        assert window.page.evaluate("window.hit === undefined")
        expect(answer.locator("[data-text]")).not_to_be_visible()
        answer.get_by_text("As it was sent").click()
        expect(answer.locator("[data-text]")).to_have_text(TEXT, use_inner_text=True)
        assert_accessible(window.page)


def test_the_stream_of_a_program_has_no_html(owner: Api, server: Running) -> None:
    """What pages are sent beside the answer is not in a prediction's stream."""
    chatflow = site_of(owner, "**bold**")
    who = person(server, "member")
    with browse(who, Accept="text/event-stream") as browser:
        page = browser.post(f"/chatflows/{chatflow['id']}/try", data={"question": "hi"}).text
    assert json.dumps("<p><strong>bold</strong></p>\n") in page
    owner.put(f"/chatflows/{chatflow['id']}", json={"isPublic": True})
    stream = (
        server.api().post(f"/prediction/{chatflow['id']}", json={"question": "hi", "streaming": True}).text
    )
    assert '"event":"end"' in stream.replace(" ", "")
    assert "strong" not in stream
