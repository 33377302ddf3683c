"""Tokens: their format, their checksum, and that they hide themselves."""

import re
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkeys.domain.keys.token import ALPHABET, LENGTH, PATTERN, Token, checksum, mask


def test_a_minted_token_has_the_format_of_the_design() -> None:
    """`fl-`, 32 base62 characters, 35 in all, and every mint is another."""
    tokens = {Token.mint().reveal() for _ in range(200)}
    assert len(tokens) == 200
    for text in tokens:
        assert len(text) == LENGTH == 35
        assert re.fullmatch(r"fl-[0-9A-Za-z]{32}", text)
        assert PATTERN.search(f"key={text}.")


def test_the_checksum_is_crc_32_in_base62_most_significant_first_left_padded() -> None:
    """Anyone can compute it: it lets scanners match, and protects nothing."""
    body = "0" * 26
    value = crc32(body.encode())
    digits = checksum(body)
    assert sum(ALPHABET.index(d) * 62 ** (5 - i) for i, d in enumerate(digits)) == value
    assert len(checksum("a" * 26)) == 6


@given(st.integers(3, 34), st.sampled_from(ALPHABET))
def test_one_changed_character_is_refused_without_a_look_up(position: int, character: str) -> None:
    """A typo never parses."""
    text = Token.mint().reveal()
    changed = text[:position] + character + text[position + 1 :]
    assert (Token.parse(changed) is None) == (changed != text)


@pytest.mark.parametrize(
    "text",
    ["", "fl-", "FL-" + "0" * 32, "fl-" + "0" * 31, "fl-" + "é" * 32, "fl-" + "٣" * 32, "fl_" + "0" * 32],
)
def test_other_texts_are_no_tokens(text: str) -> None:
    """Shape decides first: length, prefix and alphabet."""
    assert Token.parse(text) is None


def test_a_token_never_shows_itself() -> None:
    """repr, str and format hide it; only reveal shows it."""
    token = Token.mint()
    secret = token.reveal()
    assert secret not in f"{token!r} {token} {[token]}"
    assert token == Token.parse(secret)
    assert token != Token.mint()


def test_a_mask_shows_the_hint_and_no_more() -> None:
    """People tell keys apart by four characters."""
    token = Token.mint()
    assert mask(token.hint) == "fl-" + "•" * 18 + token.reveal()[-4:]
    assert Token.parse(mask(token.hint)) is None
