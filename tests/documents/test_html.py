"""What is read from pages as people write and save them."""

import pytest

from flowkeys.documents.refusals import Refused
from tests.documents.support import read

IMPLIED = {
    "p": ("<p>Keys are revoked at once." * 500, "<p>Keys are revoked at once.</p>" * 500),
    "li": ("<ul>" + "<li>Red apples" * 500, "<ul>" + "<li>Red apples</li>" * 500 + "</ul>"),
    "td": (
        "<table>" + "<tr><td>Oak<td>12" * 300,
        "<table>" + "<tr><td>Oak</td><td>12</td></tr>" * 300 + "</table>",
    ),
    "dd": ("<dl>" + "<dt>Key<dd>A thing" * 500, "<dl>" + "<dt>Key</dt><dd>A thing</dd>" * 500 + "</dl>"),
    "option": ("<p>a<select>" + "<option>b" * 500, "<p>a</p>"),
    "thead": (
        "<table><thead><tr><th>Name<th>Price<tbody><tr><td>Oak<td>12<tfoot><tr><td>Ash<td>9",
        (
            "<table><thead><tr><th>Name</th><th>Price</th></tr></thead><tbody><tr><td>Oak</td><td>12</td></tr>"
            "</tbody><tfoot><tr><td>Ash</td><td>9</td></tr></tfoot></table>"
        ),
    ),
    "html, head, body": (
        "<title>Keys</title><h1>Guide</h1>text",
        "<html><head><title>Keys</title></head><body><h1>Guide</h1><p>text</p></body></html>",
    ),
}


@pytest.mark.parametrize("name", IMPLIED)
def test_tags_that_may_be_left_out_make_no_difference(name: str) -> None:
    """The page is read as with them."""
    without, with_them = IMPLIED[name]
    assert read("a.html", without) == read("a.html", with_them)


PAGES = {
    "list": ("<ul><li>Red apples<li>Green pears</ul>", "- Red apples\n- Green pears"),
    "list in a list": ("<ul><li>a<ul><li>b<li>c</ul><li>d</ul>", "- a\n  - b\n  - c\n- d"),
    "numbers": ("<ol start=3><li>a<li>b<li value=7>c</ol>", "5. a\n6. b\n7. c"),
    "code in a list": ("<ol><li>Run:<pre>x\n  y</pre></ol>", "1. Run:\n\n   ```\n   x\n     y\n   ```"),
    "tasks": ("<ul><li><input type=checkbox checked>a<li><input type=checkbox>b</ul>", "- [x] a\n- [ ] b"),
    "table": (
        "<table><tr><th>Name<th>Price<tr><td>Oak | Ash<td>12</table>",
        "| Name | Price |\n|---|---|\n| Oak \\| Ash | 12 |",
    ),
    "no header cells": ("<table><tr><td>Name<td>Price<tr><td>Oak<td>12</table>",
        "| Name | Price |\n|---|---|\n| Oak | 12 |"),
    "spans": (
        "<table><tr><th rowspan=2>Name<th colspan=2>Price<tr><th>EUR<th>USD<tr><td>Oak<td>1<td>2</table>",
        "| Name | Price EUR | Price USD |\n|---|---|---|\n| Oak | 1 | 2 |",
    ),
    "pairs": ("<table><tr><th>Name:<td>Oak<tr><th>Price<td>12</table>", "- Name: Oak\n- Price: 12"),
    "list in a cell": ("<table><tr><th>A<th>B<tr><td>x<td><ul><li>y<li>z</ul></table>",
        "| A | B |\n|---|---|\n| x | y; z |"),
    "caption": ("<table><caption>Prices</caption><tr><th>A<th>B<tr><td>1<td>2</table>",
        "Prices\n\n| A | B |\n|---|---|\n| 1 | 2 |"),
    "table for layout": ("<table><tr><td><table><tr><td>a</table><td>b</table>", "a\n\nb"),
    "definitions": ("<dl><dt>Key<dd>A thing.<dt>A<dt>B<dd><p>One.<p>Two.</dl>",
        "**Key**: A thing.\n\n**A, B**: One.\n\nTwo."),
    "term alone": ("<dl><dt>Key</dl>", "**Key**"),
    "quotation": ("<blockquote><p>a<p>b<footer>Ann</footer></blockquote>", "> a\n> \n> b\n> \n> Ann"),
    "lines": ("a<br>b<wbr>c&shy;d&nbsp;e&#8203;f &amp; &lt;g&gt;", "a\nbcd ef & <g>"),
    "emphasis": ("<b> a </b> <i>b</i> <b><code>c</code></b> d<b>e</b>f <b></b>", "**a** *b* **`c`** def"),
    "code": ("<pre>\na\n  b\n</pre>", "```\na\n  b\n```"),
    "fences in code": ("<pre>```\na\n```</pre>", "````\n```\na\n```\n````"),
    "numbered code": ("<div class=highlight-python><pre><span class=linenos>1</span>x = 1\n</pre></div>",
        "```python\nx = 1\n```"),
    "code of lines": ("<pre><code class=lang-sh><div>a</div><div>b</div></code></pre>", "```sh\na\nb\n```"),
    "figure": ("a<figure><img src=x alt=b><figcaption>c</figcaption></figure>d", "a\n\nb\n\nc\n\nd"),
    "details": ("<details><summary>Why?</summary>Because.</details>", "**Why?**\n\nBecause."),
    "hidden": (
        "a<p hidden>b<p hidden=until-found>c<p aria-hidden=true>d<template><p>e</template>", "a\n\nc"),
    "shadow": ("<x-a><template shadowrootmode=open><p>a</template></x-a>", "a"),
    "boilerplate": (
        (
            "<header>h<nav>n</nav></header><aside>a</aside><p>text<div role=navigation>n</div><footer>f"
            "</footer><noscript>s</noscript><script>t</script><style>u</style><svg><title>v</title></svg>"
        ),
        "text",
    ),
    "within the text": (
        "<main><header>By Ann</header><p>text<aside>Note</aside></main>", "By Ann\n\ntext\n\nNote"),
    "several articles": ("<article>a</article><article>b</article>", "a\n\nb"),
    "all in a form": (
        "<form><p>text<input value=x><button>Send</button><select><option>y</select></form>", "text"),
    "nothing else": ("<nav>only this</nav>", "only this"),
    "empty main part": ("<main></main><p>text", "text"),
    "hidden behind a dialog": ("<div aria-hidden=true>text</div>", "text"),
    "picture": ("<p>See <img src=x.png alt='the red button'>.<img src=y.png>", "See the red button ."),
    "ruby": ("<ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>", "漢字(かんじ)"),
    "formula": ("<math><semantics><mi>x</mi><annotation>x^2</annotation></semantics></math>", "x^2"),
    "empty elements of XHTML": (
        (
            "<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><head><script src='a.js'/>"
            "</head><body><p>text<a id='x'/></p></body></html>"
        ),
        "text",
    ),
    "wrong tags": ("<p>a</b></div><td>b<p>c", "ab\n\nc"),
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_read_as_a_browser_shows_it(name: str) -> None:
    """Lists, tables, definitions and code are what they were; what is not the text is left out."""
    page, expected = PAGES[name]
    assert [p.content for p in read("a.html", page)] == [expected]


HEADINGS = {
    "<h1>Guide<a class=headerlink href=#g>¶</a></h1>a": "Guide",
    "<h2 id=g>Guide <a href='#g' aria-label=Permalink>#</a></h2>a": "Guide",
    "<h2>Guide<a class=hash-link href=#g>Direct link</a></h2>a": "Guide",
    "<h2><a href='#g'>Guide</a></h2>a": "Guide",
    "<h2>The <code>--docs</code> <em>option</em></h2>a": "The --docs option",
    "<h2><button aria-expanded=true>How long?</button></h2>a": "How long?",
    "<h2>Guide <button>Copy the path here</button></h2>a": "Guide",
    "<h2>Guide<br>for all</h2>a": "Guide for all",
    "<title>Keys</title>a": "Keys",
    "<title>Keys</title><h1>Guide</h1>a": "Guide",
    "<title>Keys</title><h2>Part</h2>a": "Keys > Part",
    "<header><h1>Shop</h1></header><p>a": "Shop",
    "<table><tr><td><h2>Layout</h2>a</table>": "Layout",
    "<ul><li><h3>Card</h3>a</ul>": "Card",
    "<h1>json</h1><dl><dt class='sig'>json.dumps(<em>obj</em>)<a class=headerlink href=#x>¶</a><dd>a</dl>":
        "json > json.dumps(obj)",
}  # fmt: skip


@pytest.mark.parametrize("page", HEADINGS)
def test_headings_are_their_words(page: str) -> None:
    """Without the signs that link to them, wherever they stand; the title where no heading says it."""
    assert [(p.heading, p.content) for p in read("a.html", page)] == [(HEADINGS[page], "a")]


@pytest.mark.parametrize(
    "tag", ["<div>", "<b>", "<ul><li>", "<blockquote>", "<table><tr><td>", "<dl><dd>", "<x-y>"]
)
def test_depth_is_no_reason_to_refuse_a_page(tag: str) -> None:
    """Given thousands of elements within each other, their text is read."""
    found = read("a.html", tag * 3_000 + "deep text")
    assert [p.content.count("deep text") for p in found] == [1]


def test_spans_that_claim_the_world_are_not_believed() -> None:
    """A table of a few kilobytes does not become millions of cells."""
    row = "<tr>" + "<td colspan=1000 rowspan=65534>x" * 20
    assert sum(len(p.content) for p in read("a.html", f"<table>{row * 20}</table>")) < 1_000_000


def test_a_frame_set_says_what_to_import_instead() -> None:
    """It has no text of its own."""
    with pytest.raises(Refused, match="frame set"):
        read("a.html", "<frameset><frame src=a.html></frameset>")


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("windows-1251", "Ключи"),
        ("shift_jis", "①鍵の失効"),
        ("gb2312", "密钥撤销镕"),
        ("euc-kr", "키 취소 똠"),
        ("iso-8859-1", "5 € “Schlüssel”"),
        ("utf-16", "Schlüssel"),
    ],
)
def test_a_declared_encoding_is_what_browsers_take_it_for(charset: str, text: str) -> None:
    """Names of old encodings stand for their larger successors; UTF-16 cannot be declared."""
    real = {"shift_jis": "cp932", "gb2312": "gb18030", "euc-kr": "cp949", "iso-8859-1": "cp1252"}
    encoding = {**real, "utf-16": "utf-8"}.get(charset, charset)
    page = f"<meta http-equiv='Content-Type' content='text/html; charset={charset}'><p>{text}".encode(
        encoding
    )
    assert [p.content for p in read("a.html", page)] == [text]
