"""What a browser calls itself, in words that its owner recognises."""

from typing import Final

# The first that is found counts: most browsers claim to be several others as well.
_BROWSERS: Final = (
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def describe(user_agent: str | None) -> str:
    """Return ``Firefox on Linux``, as far as it can be told."""
    text = user_agent or ""
    browser = next((name for sign, name in _BROWSERS if sign in text), "A browser")
    system = next((name for sign, name in _SYSTEMS if sign in text), None)
    return f"{browser} on {system}" if system else browser
