"""Pages as somebody reads them who has no scripts: over HTTP, signed in."""

import re
from html import unescape

import httpx

from tests.support.people import SignedIn
from tests.support.waiting import PATIENCE_SECONDS


def browse(who: SignedIn, **headers: str) -> httpx.Client:
    """Return a client with somebody's cookie; `headers` replace what their browser sends."""
    sent = {**who.headers, **headers}
    return httpx.Client(base_url=who.url, headers=sent, timeout=PATIENCE_SECONDS, trust_env=False)


def words(page: httpx.Response) -> str:
    """Return what a page says, without its markup and with single spaces."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text)))


def links(page: httpx.Response) -> set[str]:
    """Return where a page leads: its links' and its forms' addresses."""
    return {unescape(found) for found in re.findall(r'(?:href|action)="(/[^"]*)"', page.text)}
