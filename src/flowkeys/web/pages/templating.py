"""The templates, and what they may use."""

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from flowkeys.domain.keys.token import conceal, mask
from flowkeys.domain.predictions.conversation import OTHERWISE_UNFINISHED, UNFINISHED
from flowkeys.web.pages import words
from flowkeys.web.pages.limits import quotas, rates

STATIC: Final = Path(__file__).parents[1] / "static"
_HASH_CHARACTERS: Final = 10


@cache
def environment() -> Environment:
    """Return the one environment: all is escaped unless it is markup already, and a typo is an error."""
    made = Environment(
        loader=PackageLoader("flowkeys.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(
        exact=words.exact,
        day=words.day,
        hour=words.hour,
        relative=words.relative,
        permission_words=words.permissions,
        verb_name=words.verb_name,
        masked=mask,
        limit_words=rates.in_words,
        quota_words=quotas.in_words,
        duration=words.duration,
        concealed=conceal,
    )
    made.globals.update(
        asset=asset,
        icon=icon,
        count=words.count,
        limit_units=tuple(rates.UNITS),
        quota_units=quotas.UNITS,
        group_names=words.GROUP_NAMES,
        unfinished_words={**UNFINISHED, "": OTHERWISE_UNFINISHED},
    )
    return made


_ADDRESS: Final = re.compile(r' (?:href|src|action|formaction|hx-get|hx-post)="(?=/(?!/))')
"""Where an element names a path of ours. No text looks so: the quotation mark in it would be escaped."""


def draw(template: str, *, below: str = "", **context: Any) -> str:
    """Return a filled-in template; the paths that it names are put below the path `below`."""
    text = environment().get_template(template).render(context)
    return _ADDRESS.sub(lambda found: found[0] + below, text) if below else text


@cache
def asset(name: str) -> str:
    """Return the address of a static file. It changes with the content, so that it may be kept for ever."""
    return f"/static/{name}?v={version_of(name)}"


@cache
def version_of(name: str) -> str:
    """Return the beginning of a static file's hash.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:_HASH_CHARACTERS]


@cache
def icon(name: str) -> Markup:
    """Return a drawing of `static/icons.svg` by its name, for use inside of text; it says nothing itself."""
    return Markup('<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>').format(
        asset("icons.svg"), name
    )
