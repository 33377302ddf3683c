"""What is read from each kind of file."""

import pytest

from flowkeys.documents.readers import pdf as pdf_parser
from flowkeys.documents.refusals import Refused, TooMuch
from tests.documents.support import pdf, read


def test_markdown_headings_make_a_path() -> None:
    """Each passage carries the headings above it, without their markup."""
    body = "word " * 30
    found = read(
        "a.md", f"# The *big* `one`\n\n{body}\n\n## [Part](x.md) 1 ##\n\n{body}\n\nOther\n=====\n\n{body}"
    )
    assert [p.heading for p in found] == ["The big one", "The big one > Part 1", "Other"]


def test_a_hash_in_code_is_no_heading() -> None:
    """Comments of shell and Python in fenced and indented code stay code."""
    found = read("a.md", "# A\n\n```sh\n# install\npip install x\n```\n\n    # indented\n    y = 1\n")
    assert [p.heading for p in found] == ["A"]
    assert "# install\npip install x" in found[0].content
    assert "    # indented\n    y = 1" in found[0].content


def test_front_matter_is_left_out_but_for_its_title() -> None:
    """Metadata answers no question; a title there stands in for a missing first heading."""
    text = "---\ntitle: 'Keys and flows'\nauthor: Ann\n---\nText of the page."
    assert [(p.heading, p.content) for p in read("a.md", text)] == [("Keys and flows", "Text of the page.")]
    assert read("a.md", f"{text}\n\n# Own title\n\nMore.")[-1].heading == "Own title"


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    """Text between two rules is text."""
    assert "Kept text." in read("a.md", "---\nKept text.\n\n---\nMore.")[0].content


def test_comments_and_embedded_pictures_are_left_out() -> None:
    """What readers do not see is not quoted."""
    found = read("a.md", f"Text ![p](data:image/png;base64,{'A' * 5000}) more.\n\n<!-- a\nsecret -->\n\nEnd.")
    assert [p.content for p in found] == ["Text ![p]() more.\n\nEnd."]


def test_html_is_its_text_with_headings() -> None:
    """Scripts, styles and navigation are left out; headings, code and tables are kept."""
    page = """<html><head><title>Site</title><style>.style-words{}</style></head><body>
    <nav>navigation-words</nav><main><h1>Guide<a class="headerlink" href="#g">&para;</a></h1>
    <p>Use snake_case &amp; <a href="http://127.0.0.1/x">links</a>.</p><h2>Run it</h2>
    <pre><code class="language-sh"># comment
run --now</code></pre><script>script-words</script></main><footer>footer-words</footer></body></html>"""
    found = read("a.html", page)
    text = "\n".join(p.content for p in found)
    assert [p.heading for p in found] == ["Guide > Run it"]
    assert "Use snake_case & links." in text
    assert "```sh\n# comment\nrun --now\n```" in text
    assert not [word for word in ("style", "navigation", "script", "footer") if f"{word}-words" in text]


def test_html_says_its_own_encoding_and_title() -> None:
    """A page without UTF-8 is read as it declares, and its title stands in for a missing heading."""
    page = '<meta charset="windows-1251"><title>Ключи</title><p>Отозвать ключ</p>'.encode("windows-1251")
    assert [(p.heading, p.content) for p in read("a.htm", page)] == [("Ключи", "Отозвать ключ")]


def test_pdf_pages_are_the_headings() -> None:
    """A passage of a PDF says which page it is from."""
    found = read("a.pdf", pdf("Keys are revoked here", "Other matters"))
    assert [(p.heading, p.content) for p in found] == [
        ("Page 1", "Keys are revoked here"),
        ("Page 2", "Other matters"),
    ]


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4\n", b"no pdf at all", pdf("words")[:300], pdf("")])
def test_a_pdf_without_text_or_sense_is_refused(content: bytes) -> None:
    """Damaged files and scanned pages are refused; nothing else is raised."""
    with pytest.raises(Refused):
        read("a.pdf", content)


def test_a_pdf_of_too_many_pages_is_too_much() -> None:
    """The limit on pages is named, and no page is read first."""
    with pytest.raises(TooMuch, match=r"3 pages; 2 are allowed"):
        pdf_parser.sections(pdf("a", "b", "c"), pages=2)


def test_rst_titles_are_headings() -> None:
    """Underlined titles, with or without an overline, are as deep as their style came late."""
    body = "word " * 30
    text = f"=====\nGuide\n=====\n\n{body}\n\nPart\n----\n\n{body}\n\nOther part\n----------\n\n{body}"
    assert [p.heading for p in read("a.rst", text)] == ["Guide", "Guide > Part", "Guide > Other part"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_text_is_read_in_the_encodings_that_occur(encoding: str) -> None:
    """By its mark, as UTF-8, else as Windows-1252."""
    assert [p.content for p in read("a.txt", "Schlüssel für 5 €".encode(encoding))] == ["Schlüssel für 5 €"]


@pytest.mark.parametrize(
    "content", [b"text\0more", bytes(range(1, 32)) * 10, b"\xff\xfe\x00\xd8", b"\xef\xbb\xbf\xff"]
)
def test_binary_is_refused(content: bytes) -> None:
    """What is no text is refused, whatever the name says."""
    with pytest.raises(Refused):
        read("a.md", content)


def test_an_unknown_kind_is_refused_with_those_that_are_known() -> None:
    """The message tells what could be sent instead."""
    with pytest.raises(Refused, match=r"\.md.*\.pdf"):
        read("a.exe", b"text")


@pytest.mark.parametrize("name", ["a.md", "a.html", "a.txt", "a.rst"])
@pytest.mark.parametrize("content", ["", " \n\n\t\n", "\ufeff"])
def test_a_file_without_text_is_refused(name: str, content: str) -> None:
    """An empty document would never be found."""
    with pytest.raises(Refused, match="no text"):
        read(name, content)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Ключ отзывается сразу.", "cp1251"),
        ("Ключ отзывается сразу.", "koi8-r"),
        ("鍵はすぐに取り消されます。", "cp932"),
        ("鍵はすぐに取り消されます。", "euc_jp"),
        ("鍵はすぐに取り消されます。", "iso2022_jp"),
        ("密钥会立即被撤销。", "gb18030"),
        ("金鑰會立即被撤銷。", "big5"),
        ("키는 즉시 취소됩니다.", "cp949"),
        ("κλειδί ανακαλείται αμέσως.", "cp1253"),
        ("המפתח מבוטל מיד.", "cp1255"),
        ("Zażółć gęślą jaźń. Dostawa trwa trzy dni.", "cp1250"),
        ("Größe 42, 5 €", "cp1252"),
        ("Keys\nare revoked", "utf-16-le"),
        ("Keys\nare revoked", "utf-16-be"),
    ],
)
def test_text_that_says_no_encoding_is_read_by_its_bytes(text: str, encoding: str) -> None:
    """As Excel and editors of many countries still write it."""
    assert [p.content for p in read("a.txt", text.encode(encoding))] == [text]


def test_a_few_damaged_characters_do_not_spoil_a_text() -> None:
    """A text that was cut within a character stays UTF-8."""
    text = "Schlüssel für die Straße. " * 20
    assert read("a.txt", text.encode() + "ü".encode()[:1])[0].content.startswith("Schlüssel für die Straße.")
