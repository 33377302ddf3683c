#!/bin/sh
# markdown-it-py 4.3.0, MarkdownIt("commonmark"): text below the 20th level of quotes or lists is not in the output.
#
# A chat that quotes the message it answers, as mail does, nests one level further with each turn; so do transcripts
# that are given to a model as context. One would guess that a limit on nesting leaves the rest as text, or raises,
# since CommonMark has no such limit. The words are gone: from the HTML, and from the tokens that splitters of
# documents read. The JavaScript preset of the same name has the same limit of 20; its default preset has 100.
#
# Seen: of 25 quoted turns "turn 1" to "turn 25", one level each, turns 1 to 19 are in the HTML, 20 to 25 are not.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check markdown-it-py==4.3.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from markdown_it import MarkdownIt

turns = range(1, 26)
text = "\n".join(f"{'> ' * level}turn {level}." + f"\n{'> ' * level}" for level in turns)
html = MarkdownIt("commonmark").render(text)
kept = [level for level in turns if f"turn {level}." in html]
print("asked for turns 1 to 25; in the HTML:", kept)
sys.exit(0 if kept and kept[-1] < 25 else 1)
PYTHON
