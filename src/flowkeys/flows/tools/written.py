"""JSON that people write as a text with variables in it: headers and bodies of calls."""

from collections.abc import Mapping
from typing import Any

from flowkeys.flows.context import Run
from flowkeys.flows.graph.html import is_html, to_markdown
from flowkeys.flows.graph.relaxed import NotRead, read_json
from flowkeys.flows.graph.variables import Template, as_text, text_of
from flowkeys.flows.registry import Build


class Written:
    """Such a text, or the JSON itself, ready for runs.

    What variables stand for stays within the texts that they are written in, quotes and all; only where the
    text is no JSON before they are put in, it is read afterwards.
    """

    def __init__(self, build: Build, value: Any) -> None:
        """Read what can be read."""
        if isinstance(value, str):
            value = to_markdown(value) if is_html(value) else value
            try:
                value = read_json(value)
            except NotRead:
                self._late: Template | None = build.template(value)
                return
        self._late = None
        self._made = _compiled(build, value)

    def value(self, run: Run) -> Any:
        """Return it with its variables put in.

        Raises:
            NotRead: it is no JSON.
        """
        return read_json(self._late.render(run)) if self._late is not None else _value(self._made, run)

    @property
    def problem(self) -> str | None:
        """Why it can never be read, whatever its variables stand for."""
        if self._late is None or self._late.references:
            return None
        return "is no JSON"


def written_in(build: Build, config: Mapping[str, Any], *names: str) -> Written | None:
    """Return the first of these members that is not empty; noted as a problem where it can never be read."""
    name = next((name for name in names if config.get(name)), "")
    if not name:
        return None
    written = Written(build, config[name])
    if written.problem is not None:
        build.problem(f"{name} {written.problem}.")
    return written


def headers_of(written: Written | None, run: Run) -> dict[str, str]:
    """Return headers, their names in small letters.

    Raises:
        NotRead: what is written is no JSON, or no object.
    """
    value = written.value(run) if written is not None else {}
    if not isinstance(value, Mapping):
        raise NotRead("its headers are no object of names and values")
    return {str(name).lower(): text_of(one) for name, one in value.items() if one is not None}


def text_in(config: Mapping[str, Any], *names: str) -> str:
    """Return the first of these members that is a text, or a number, and not empty."""
    return next((text for name in names if (text := as_text(config.get(name)))), "")


def _compiled(build: Build, value: Any) -> Any:
    if isinstance(value, str):
        template = build.template(value)
        return template if template.references else value
    if isinstance(value, Mapping):
        return {name: _compiled(build, item) for name, item in value.items()}
    return [_compiled(build, item) for item in value] if isinstance(value, list) else value


def _value(made: Any, run: Run) -> Any:
    if isinstance(made, Template):
        return made.render(run)
    if isinstance(made, dict):
        return {name: _value(item, run) for name, item in made.items()}
    return [_value(item, run) for item in made] if isinstance(made, list) else made
