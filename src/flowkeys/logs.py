"""Logs: one JSON object a line (words on a terminal), with request ids and without secrets.

Nothing that a client wrote is logged on purpose. In case something slips in, an exception's text for
example, every string of a line is searched for tokens before it is written.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final, Literal

import msgspec
import structlog

from flowkeys.domain.token import PATTERN

_CREDENTIAL: Final = re.compile(r"(?i)\b(bearer|basic)\s+[^\s'\",]+")
_HIDDEN: Final = "fl-…"

Entry = MutableMapping[str, Any]


def configure(level: str = "info", form: Literal["auto", "json", "text"] = "auto") -> None:
    """Set up logging for this process, the standard library's included, to stderr."""
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level if not as_text else structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    last: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if as_text
        else structlog.processors.JSONRenderer(serializer=_to_json)
    )
    structlog.configure(
        processors=[structlog.processors.add_log_level, *shared[1:], last],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, *shared[1:]],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(threshold, logging.WARNING))
    for noisy in ("uvicorn", "uvicorn.error", "uvicorn.access", "httpx", "httpcore", "openai", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def redact(_logger: object, _method: str, entry: Entry) -> Entry:
    """Replace every token, and whatever follows ``Bearer``, in an entry (a structlog processor)."""
    for name, value in entry.items():
        entry[name] = _clean(value)
    return entry


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        if "fl-" in value:
            value = PATTERN.sub(_HIDDEN, value)
        if "earer" in value or "asic" in value or "EARER" in value:
            value = _CREDENTIAL.sub(r"\1 …", value)
        return value
    if isinstance(value, dict):
        return {_clean(name): _clean(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


def _to_json(entry: Entry, **_options: object) -> str:
    return msgspec.json.encode(entry, enc_hook=repr).decode()
