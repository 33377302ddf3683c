#!/bin/sh
# rich 15.0.0, rich.markdown.Markdown: what looks like an HTML tag is left out of the output, without a word.
#
# A model that explains code answers "returns List<String>", which is valid Markdown. A terminal that shows it with
# rich says "returns List": a reader takes that for the answer. One would guess that a renderer for terminals, which
# has no HTML to pass through, shows the text of what it cannot use, as GitHub's and most chat windows' do with
# unknown tags' content, or escapes it. rich parses with HTML on and has no element for html_inline tokens.
# Code spans and code blocks are not affected.
#
# Seen: "A map of type Map<String, List<User>> is returned." becomes "A map of type Map<String, List> is returned."
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check rich==15.0.0 markdown-it-py==4.3.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

from rich.console import Console
from rich.markdown import Markdown

answer = "A map of type Map<String, List<User>> is returned."
console = Console(width=80, record=True, file=open("/dev/null", "w"))
console.print(Markdown(answer))
shown = console.export_text().strip()
print("sent: ", answer)
print("shown:", shown)
sys.exit(0 if "<User>" not in shown and "Map<String" in shown else 1)
PYTHON
