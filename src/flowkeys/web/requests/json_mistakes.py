"""What is wrong with a body that is no JSON, so that whoever sent it can mend it. Nothing of it is quoted."""

import re
from typing import Final

_BYTE: Final = re.compile(r"\(byte ([0-9]+)\)")
FORMS: Final = ("multipart/form-data", "application/x-www-form-urlencoded")
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_GZIP: Final = b"\x1f\x8b"
_LITERALS: Final = re.compile(rb"\b(?:None|True|False|NaN|Infinity|undefined)\b")
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_CONTROL: Final = re.compile(rb"[\x00-\x1f]")


def explain(body: bytes, error: Exception, content_type: str) -> str:
    """Return a sentence on why `body` is no JSON, where, and what to do."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in FORMS:
        return (
            f"The body is a form ({kind}), and JSON is wanted here. Send a JSON body with the header "
            "Content-Type: application/json."
        )
    if not body.strip():
        return "The body is empty. Send a JSON object; {} is one that says nothing."
    if body.startswith(_GZIP):
        return "The body is compressed. Send it as it is: this server takes no compressed bodies."
    if body.startswith(_UTF16) or b"\x00" in body[:4]:
        return "The body is not in UTF-8, as JSON has to be (RFC 8259, section 8.1). Convert it."
    if isinstance(error, UnicodeDecodeError):
        return "The body holds bytes that are no UTF-8, as JSON has to be (RFC 8259, section 8.1)."
    if isinstance(error, RecursionError):
        return "The body is not valid JSON: it is nested too deeply."
    said = str(error)
    if "truncated" in said and _HALF.search(body) and body.rstrip().endswith((b"}", b"]", b'"')):
        return "The body is not valid JSON: an escape such as \\ud83d is only half a character."
    if "truncated" in said:
        return "The body is not valid JSON: it ends too early. Was it cut, or is a bracket or quote missing?"
    found = _BYTE.search(said)
    at = int(found[1]) if found else 0
    reason = _BYTE.sub("", said).removeprefix("JSON is malformed:").strip()
    if "trailing characters" in reason:  # the one behind is named
        at -= 1
    line = body.count(b"\n", 0, at) + 1
    column = len(body[body.rfind(b"\n", 0, at) + 1 : at].decode("utf-8", "replace")) + 1
    hint = _hint(body, at, reason)
    return (
        f"The body is not valid JSON: {reason} in line {line}, column {column} (byte {at}). {hint}".rstrip()
    )


def _hint(body: bytes, at: int, reason: str) -> str:
    here = body[at : at + 1]
    if "trailing comma" in reason:
        return "No comma stands behind the last element."
    if here in {b"'", b"`"} or body[at - 1 : at] == b"'":
        return "Names and texts stand in double quotes."
    if "keys must be strings" in reason:
        return "Names of members stand in double quotes."
    if "trailing characters" in reason:
        return "One value is a body; something follows it."
    if "escape" in reason:
        return "A backslash in a text is written twice."
    if here and _CONTROL.fullmatch(here):
        return "In a text, a line break is written \\n and a tab \\t. A JSON library, or jq, does it."
    literal = _LITERALS.search(body, max(0, at - 8), at + 12)
    if literal is not None and literal.start() <= at <= literal.end():
        return "JSON has only null, true and false, in small letters, and no NaN."
    if here in {b"/", b"#"}:
        return "JSON has no comments."
    if here == b"@":
        return "A file is sent with curl's --data-binary @FILE."
    return ""
