"""Keys as people paste them."""

import pytest

from flowkeys.domain.keys.bearer import parse_authorization
from flowkeys.domain.keys.decision import Denied, Reason
from flowkeys.domain.keys.header import KeyHeader
from flowkeys.domain.keys.pasted import cleaned, mistake
from flowkeys.domain.keys.token import Token

KEY = Token.mint().reveal()
OTHER = Token.mint().reveal()

SURROUNDED = [
    KEY, f" {KEY} ", f"{KEY}\r\n", f"\n\r\n  {KEY}\n", f"\ufeff{KEY}", f"\u200b{KEY}\u200d\u2060",
    f"\xa0{KEY}\xa0", f'"{KEY}"', f"'{KEY}'", f"\u201c{KEY}\u201d", f"`{KEY}`", f'"{KEY}",', f"{KEY};",
    f'"{KEY}', f'\ufeff"{KEY}"\r\n', f"Bearer {KEY}", f"bearer  {KEY}", f"Bearer Bearer {KEY}",
    f"Authorization: Bearer {KEY}", f"authorization:Bearer {KEY}", f'"Authorization": "Bearer {KEY}"',
    f"X-API-Key: {KEY}", f'"apiKey": "{KEY}",', f"FLOWKEYS_API_KEY={KEY}", f'export FLOWKEYS_API_KEY="{KEY}"',
    f"{KEY[:20]}\n{KEY[20:]}\n",
    f"<{KEY}>", f"Bearer <{KEY}>", f'["{KEY}"]', f"{{{{ {KEY} }}}}", f"KEY=({KEY})",
]  # fmt: skip

NONE = [
    ("", "empty"),
    ("$FLOWKEYS_API_KEY", "variable"),
    ("${FLOWKEYS_API_KEY}", "variable"),
    ("${KEY:-}", "variable"),
    ("$(cat key)", "variable"),
    ("%FLOWKEYS_API_KEY%", "variable"),
    ("{{token}}", "variable"),
    ("{{ secrets.KEY }}", "variable"),
    ("${{ secrets.KEY }}", "variable"),
    ("<token>", "variable"),
    ("<your api key>", "variable"),
    ("YOUR_API_KEY", "variable"),
    ("undefined", "variable"),
    ("None", "variable"),
    (f"<{KEY}>", "brackets"),
    (f"[{KEY}]", "brackets"),
    ("process.env.KEY", "variable"),
    ("fl-••••••••••••••••••a1B2", "masked"),
    ("fl-******************a1B2", "masked"),
    ("fl-…a1B2", "masked"),
    ("fl-...a1B2", "masked"),
    ("fl-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "masked"),
    (KEY + OTHER, "two keys"),
    (f"{KEY} {OTHER}", "two keys"),
    (f"{KEY},{OTHER}", "two keys"),
    (f'"{KEY}"', "quotes"),
    (f"\u201c{KEY}\u201d", "quotes"),
    (f"{KEY[:9]}\u200b{KEY[9:]}", "invisible"),
    (f"\ufeff{KEY}", "invisible"),
    (f"{KEY[:9]} {KEY[9:]}", "blank"),
    (f"fl-\u0430{KEY[4:]}", "only look like"),  # a Cyrillic letter
    (KEY[:-1], "cut short"),
    ("fl-", "cut short"),
    (KEY + "A", "too long"),
    (KEY[:-1] + ("A" if KEY[-1] != "A" else "B"), "checksum"),
    (KEY.replace("fl-", "FL-"), "small letters"),
    (KEY[3:], "are missing"),
    ("sk-" + "a1" * 20, "another service"),
    ("eyJhbGciOiJIUzI1NiJ9.e30.x", "another service"),
    ("nonsense", "not the form"),
]


def test_what_surrounds_a_key_is_taken_off() -> None:
    """Editors, terminals, documents and other programs put it there; it is none of the key."""
    assert [text for text in SURROUNDED if cleaned(text) != KEY] == []
    assert cleaned(" \n\ufeff\n") == ""
    assert mistake(cleaned(f"{KEY}\r\nX-Other: 1")) is not None  # more than a key is not guessed at
    assert cleaned("dGVzdA==") == "dGVzdA=="  # what is no key of ours, but may be one that was imported


def test_what_is_no_key_is_named() -> None:
    """Whoever sees it knows what to do; nothing of the text is repeated."""
    assert mistake(KEY) is None
    for text, said in NONE:
        found = mistake(text)
        assert found is not None
        assert said in found, (text, found)
        assert KEY[3:20] not in found


@pytest.mark.parametrize("place", [parse_authorization, KeyHeader.named("X-API-Key")._parse])
def test_a_header_is_refused_as_ever_and_says_why(place) -> None:
    """RFC 6750: one token, or 400, whatever is pasted around it. Only the words are for people."""
    prefix = b"Bearer " if place is parse_authorization else b""
    for text, said in (
        (f'"{KEY}"', "quotes"),
        (f"{KEY} {OTHER}", "two keys"),
        (f"{KEY},{OTHER}", "two keys"),
        ("fl-••••••••••••••••••a1B2", "masked"),
        ("fl-******************a1B2", "masked"),
        ("$FLOWKEYS_API_KEY", "variable"),
        ("{{token}}", "variable"),
        ("<token>", "variable"),
        (f"\ufeff{KEY}", "invisible"),
        (f"{KEY[:9]} {KEY[9:]}", "blank"),
        (f"{KEY};", "semicolon"),
        ("\xfc" * 10_000, ""),
    ):
        found = place(prefix + text.encode())
        assert isinstance(found, Denied)
        assert found.reason is Reason.INVALID_REQUEST
        assert said in (found.detail or ""), (text, found.detail)
        assert KEY[3:20] not in (found.detail or "")
    assert place(prefix + KEY.encode()) == KEY.encode()
