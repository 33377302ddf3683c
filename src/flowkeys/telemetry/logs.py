"""Logs: one JSON object a line (words on a terminal), with request ids and without secrets.

Nothing that a client wrote is logged on purpose. In case something slips in, an exception's text for
example, every string of a line is searched for tokens before it is written.
"""

import asyncio
import contextlib
import logging
import re
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from types import ModuleType
from typing import Any, Final, Literal, TextIO, cast

import msgspec

from flowkeys.domain.addresses import network_of
from flowkeys.domain.keys.token import PATTERN

_RICH = sys.modules.get("rich")
if _RICH is None:  # structlog loads it for tracebacks of another kind than ours: a twentieth of a start
    sys.modules["rich"] = cast("ModuleType", None)
try:
    import structlog
finally:
    if _RICH is None:
        del sys.modules["rich"]

_CREDENTIAL: Final = re.compile(r"(?i)\b(bearer|basic)\s+[^\s'\",]+")
_FOREIGN: Final = re.compile(r"\bsk-[\w-]{8,}")
"""Keys of models, as most of those who sell them write them."""
_HIDDEN: Final = "fl-…"
_NETWORKS: Final = 1000
"""Of which refusals are counted at a time."""
_BEHIND_SECONDS: Final = 0.01
"""So long after the end of a second is told what is left of it: no timer comes before the second is over."""

Entry = MutableMapping[str, Any]
Form = Literal["auto", "json", "text"]


class _Sink:
    """Standard error, for which a line that cannot be written is lost, and nothing else.

    A full disk must not turn the answer to a request into an error.
    """

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


_SINK: Final = cast("TextIO", _Sink())


def configure(level: str = "info", form: Form = "auto") -> None:
    """Set up logging for this process, the standard library's included, to stderr."""
    as_text = is_text(form)
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
        logger_factory=structlog.WriteLoggerFactory(_SINK),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(_SINK)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, *shared[1:]],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(threshold, logging.WARNING))
    for noisy in ("uvicorn", "uvicorn.error", "uvicorn.access", "httpx", "httpcore", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It warns of every malformed form, which anybody may send; the request's line says so already.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)


def configure_once(level: str, form: Form) -> None:
    """Set up logging unless the program has done so.

    An application inside another program must not log with structlog's default, which prints the variables
    of a failed call, a token among them.
    """
    if not structlog.is_configured():
        configure(level, form)


def announce(event: str, level: str = "info", **facts: Any) -> None:
    """Write a line of JSON that no level leaves out: what a start says, and why there is none."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    entry = {"timestamp": now, "level": level, "event": event, **facts}
    _SINK.write(_clean(_to_json(entry)) + "\n")
    _SINK.flush()


def logger() -> Any:
    """Return what lines of the log are written with."""
    return structlog.get_logger("flowkeys")


def take_over() -> None:
    """Make lines of the log of what Python itself would write to stderr as text."""
    logging.captureWarnings(capture=True)

    def of_thread(failed: threading.ExceptHookArgs) -> None:
        if failed.exc_type is not SystemExit and failed.exc_value is not None:
            log.error("A thread failed.", exc_info=failed.exc_value)

    def unraisable(failed: "sys.UnraisableHookArgs") -> None:
        log.error(failed.err_msg or "An error that nobody could be told of.", exc_info=failed.exc_value)

    log = logging.getLogger("flowkeys")
    threading.excepthook = of_thread
    sys.unraisablehook = unraisable


class _Refused:
    """Refusals of one network."""

    __slots__ = ("last", "second", "untold")

    def __init__(self) -> None:
        self.second = -1
        """In which a line was written."""
        self.untold = 0
        """How many came since."""
        self.last: dict[str, Any] = {}

    def tell(self) -> dict[str, Any]:
        """Return the line of the last, which tells of all that are untold."""
        told, self.last = self.last, {}
        told["refusals"], self.untold = self.untold, 0
        return told


class AccessLog:
    """Writes a line for each request; lines of one turn of the event loop leave in one write.

    Its members are chosen by the gate and hold nothing that a client wrote; tokens are searched for anyway.
    Of what the limit on failures refuses, there is one line a second for each network: with the first
    refusal, then with the last of a second when it is over, and with the count of those since the line
    before. None is left out of the count.
    """

    def __init__(self, *, as_text: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._as_text = as_text
        self._clock = clock
        self._lines: list[dict[str, Any]] = []
        self._refused: OrderedDict[str, _Refused] = OrderedDict()
        """By network; that whose line is the oldest is the first."""
        self._timer: asyncio.TimerHandle | None = None
        """Runs while there are refusals that no line has told of."""

    def __call__(self, facts: dict[str, Any]) -> None:
        """Log one request."""
        if facts.get("code") != "rate_limited" or self._is_told(network_of(facts.get("address")), facts):
            self._add(facts)

    def close(self) -> None:
        """Write all that is not written yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._lines += [known.tell() for known in self._refused.values() if known.untold]
        self._write()

    def _add(self, facts: dict[str, Any]) -> None:
        self._lines.append(facts)
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_soon(self._write)

    def _is_told(self, network: str, facts: dict[str, Any]) -> bool:
        """Count a refusal; tell whether a line is to be written of it now."""
        now = self._clock()
        second = int(now)
        known = self._refused.get(network)
        if known is None:
            known = self._refused[network] = _Refused()
            if len(self._refused) > _NETWORKS:
                _, oldest = self._refused.popitem(last=False)
                if oldest.untold:
                    self._add(oldest.tell())
        known.untold += 1
        known.last = facts
        if known.second == second:
            if self._timer is None:
                self._wait(now)
            return False
        known.second = second
        self._refused.move_to_end(network)
        known.tell()
        return True

    def _wait(self, now: float) -> None:
        rest = int(now) + 1 - now
        self._timer = asyncio.get_running_loop().call_later(rest + _BEHIND_SECONDS, self._tell)

    def _tell(self) -> None:
        """Write what is left of the seconds that are over; wait while there is more."""
        now = self._clock()
        second = int(now)
        self._timer = None
        for network, known in list(self._refused.items()):
            if known.untold and known.second != second:
                known.second = second
                self._refused.move_to_end(network)
                self._add(known.tell())
            elif known.untold and self._timer is None:
                self._wait(now)

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        text = "".join(self._line(now, facts) for facts in lines)
        _SINK.write(_clean(text))
        _SINK.flush()

    def _line(self, now: str, facts: dict[str, Any]) -> str:
        if self._as_text:
            return f"{now} request {' '.join(f'{name}={value}' for name, value in facts.items())}\n"
        return _to_json({"timestamp": now, "level": "info", "event": "request", **facts}) + "\n"


def is_text(form: Form) -> bool:
    """Tell whether a terminal reads the log."""
    return form == "text" or (form == "auto" and sys.stderr.isatty())


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
        if "sk-" in value:
            value = _FOREIGN.sub("sk-…", value)
        return value
    if isinstance(value, dict):
        return {_clean(name): _clean(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


def _to_json(entry: Entry, **_options: object) -> str:
    return msgspec.json.encode(entry, enc_hook=repr).decode()
