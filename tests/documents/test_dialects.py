"""What site generators and MDX add to Markdown."""

import pytest

from tests.documents.support import read

HEADINGS = [
    "# Guide {#guide}",
    "# Guide {#guide .big data-x='y'}",
    "# Guide {: .big #guide }",
    "# Guide { .big }",
    "# Guide {.unnumbered}",
    "# Guide {-}",
    "# Guide {/* #guide */}",
    "# Guide {: toc_label='G' } ##",
    "# Guide <!-- omit in toc -->",
    "# Guide [¶](#guide)",
    "# Guide ¶",
    "# Guide <a name='guide'></a>",
    "# Guide <Badge text='new' />",
    "# :material-key: Guide",
    "# **Guide**",
    "Guide {#guide}\n=====",
    "<h1 align='center'>Guide</h1>",
    "---\ntitle: Guide\n---",
    '---\ntitle: "Guide"\nid: x\n---',
    "---\ntitle: >-\n  Guide\n---",
    '+++\ntitle = "Guide"\n+++',
    "% Guide\n% Ann",
]


@pytest.mark.parametrize("heading", HEADINGS)
@pytest.mark.parametrize("source", ["a.md", "a.mdx"])
def test_a_heading_is_its_words(heading: str, source: str) -> None:
    """Ids, classes, icons, permalinks and tags are left out, wherever the heading is written."""
    assert [(p.heading, p.content) for p in read(source, f"{heading}\n\ntext")] == [("Guide", "text")]


BEHIND = {
    "[Go](x.md){ .md-button }": "[Go](x.md)",
    "![Map](a.png){width=50% loading=lazy} and [b](c){: target='_blank' }": "![Map](a.png) and [b](c)",
    "[Go][ref]{.x} [span]{.mark} **b**{#i}": "[Go][ref] [span] **b**",
    "`[a](b){.c}` stays": "`[a](b){.c}` stays",
    "`x`{.py} and `y`{ #id .sh }, `z`{=html}": "`x` and `y`, `z`",
    "`x` {.py} {.py} and `GET /keys/`{id}": None,
    r"$\sum_{i=1}$ $\sqrt[3]{x=1}$ f(x){a=1} /keys/{id} [a](b) {{ c }}": None,
}


def test_attributes_behind_links_are_no_text() -> None:
    """Of links, pictures and spans; not in pieces of code, and no braces that are words or formulas."""
    found = {text: read("a.md", f"# A\n\n{text}\n")[0].content for text in BEHIND}
    assert found == {text: left or text for text, left in BEHIND.items()}


def test_braces_that_are_words_stay_in_a_heading() -> None:
    """An address with a parameter is no attribute."""
    assert read("a.md", "# GET /keys/{id}\n\ntext")[0].heading == "GET /keys/{id}"
    assert read("a.md", "# The `{#id}` syntax\n\ntext")[0].heading == "The {#id} syntax"


TEXTS = {
    "admonition": (
        '!!! note "Mind this"\n    One.\n\n    Two.\n\nThree.',
        "**Mind this**\n\nOne.\n\nTwo.\n\nThree.",
    ),
    "without a title": ("!!! warning\n    One.\n\nTwo.", "One.\n\nTwo."),
    "folded": ('???+ tip "Mind"\n    One.', "**Mind**\n\nOne."),
    "code in it": ("!!! note\n    ```sh\n    # run\n    x\n    ```", "```sh\n# run\nx\n```"),
    "within each other": (
        '!!! note "A"\n    One.\n\n    !!! tip "B"\n        Two.',
        "**A**\n\nOne.\n\n**B**\n\nTwo.",
    ),
    "tabs": ('=== "Linux"\n\n    apt\n\n=== "macOS"\n\n    brew', "**Linux**\n\napt\n\n**macOS**\n\nbrew"),
    "directive": (":::tip Mind this\n\nOne.\n\n:::\n\nTwo.", "**Mind this**\n\nOne.\n\nTwo."),
    "in brackets": (":::note[Mind this]\nOne.\n:::", "**Mind this**\n\nOne."),
    "of Pandoc": ('::: {.callout-note title="Mind this"}\nOne.\n:::', "**Mind this**\n\nOne."),
    "of MyST": (":::{note} Mind this\nOne.\n:::", "**Mind this**\n\nOne."),
    "of MyST, fenced": ("```{note} Mind this\n:class: x\nOne.\n```", "**Mind this**\n\nOne."),
    "attributes alone": ("One.\n{: .lead }\n\nTwo.\n\n{: #x .y }", "One.\n\nTwo."),
    "markers": ("[TOC]\n\nOne.\n\n--8<-- 'x.md'\n\n\\newpage", "One."),
    "template tags": (
        "{% tab title='Linux' %}\nOne.\n{% endtab %}\n{{< hint >}}\nTwo.\n{{< /hint >}}",
        "**Linux**\n\nOne.\n\nTwo.",
    ),
    "comments": ("One. <!-- x -->\n\n<!--\ny\n-->\n\nTwo.", "One.\n\nTwo."),
    "a comment without end": ("One.\n\n<!-- x <!-- y\nz", "One."),
    "link definitions": ("One.\n\n[x]: http://127.0.0.1\n", "One."),
    "footnote": ("One.[^1]\n\n[^1]: Two.\n", "One.[^1]\n\n[^1] Two."),
    "details": ("<details>\n<summary>Why?</summary>\n\nOne.\n\n</details>", "**Why?**\n\nOne."),
    "table of HTML": ("<table><tr><th>A<th>B<tr><td>1<td>2</table>", "| A | B |\n|---|---|\n| 1 | 2 |"),
    "picture of HTML": ("<p align=center>\n<img src=x.png alt='The plan'>\n</p>", "The plan"),
    "a word in brackets": ("Send:\n\n<TOKEN>\n\nTwo.", "Send:\n\n<TOKEN>\n\nTwo."),
    "all of these in code": (
        "```\n!!! note\n    x\n:::tip\n{: .x }\n[TOC]\n```",
        "```\n!!! note\n    x\n:::tip\n{: .x }\n[TOC]\n```",
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_generators_add_is_plain_markdown(name: str) -> None:
    """Titles stay, text is no code for being indented, marks vanish, and code is left alone."""
    text, expected = TEXTS[name]
    assert [p.content for p in read("a.md", text)] == [expected]


MDX = {
    "programs": (
        (
            "import Tabs from '@theme/Tabs';\nimport {\n  A,\n} from './a';\n\n"
            "export const x = {\n  a: 1,\n\n  b: 2,\n};\n\nOne."
        ),
        "One.",
    ),
    "components": (
        (
            "<Tabs groupId='os'>\n  <TabItem value='npm' label='With npm'>\n\n    Use npm:\n\n"
            "    ```sh\n    npm i\n    ```\n\n  </TabItem>\n</Tabs>"
        ),
        "**With npm**\n\nUse npm:\n\n```sh\nnpm i\n```",
    ),
    "a list in one": (
        "<Steps>\n    - one\n        - two\n    - three\n</Steps>",
        "- one\n    - two\n- three",
    ),
    "titles": (
        "<Accordion title='How do I pay?'>\n  By card.\n</Accordion>",
        "**How do I pay?**\n\nBy card.",
    ),
    "within a line": ("Press <Key>Enter</Key> or <Kbd {...x} label={'Esc'} />.", "Press Enter or Esc ."),
    "expressions": ("One{' '}two {/* three */}four {props.five}.", "One two four {props.five}."),
    "functions": ("<Button onClick={() => go(1 > 0)}>Go</Button> now.", "Go now."),
    "HTML": ("<div style={{color: 'red'}}>\n\nOne.\n\n</div>", "One."),
    "in code": (
        "`<Tabs>` and\n\n```jsx\nimport x from 'y';\n<Tabs a={1}>\n```",
        "`<Tabs>` and\n\n```jsx\nimport x from 'y';\n<Tabs a={1}>\n```",
    ),
    "a tag without end": ("One <Tab title='x' <Key>two</Key>.", "One <Tab title='x' two."),
    "smaller than": ("If a < b and b > c.", "If a < b and b > c."),
}


@pytest.mark.parametrize("name", MDX)
def test_mdx_is_its_text(name: str) -> None:
    """Programs and tags are left out; what components say to readers stays."""
    text, expected = MDX[name]
    assert [p.content for p in read("a.mdx", text)] == [expected]
