"""The process that parses files: ``python -I -m flowkeys.documents.worker <memory bytes>``.

It gives up what parsing does not need before it reads the first file: more memory than its share, new files,
other processes and the network. What is left to a file that exploits a parser is a wrong answer.
"""

import os
import resource
import signal
import sys
from typing import Any, BinaryIO, Final

from flowkeys.documents import kinds, wire
from flowkeys.documents.refusals import Refused, TooMuch

_FORBIDDEN: Final = ("socket.", "subprocess.", "ctypes.", "os.", "shutil.", "pty.", "webbrowser.", "urllib.")
_HARMLESS: Final = frozenset({"os.listdir", "os.scandir", "os.putenv", "os.unsetenv"})
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def main() -> None:
    """Parse files from standard input until it ends, and write the answers to standard output."""
    jobs = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    _confine(memory_bytes=int(sys.argv[1]))
    while (body := _read(jobs)) is not None:
        job = wire.job_decoder.decode(body)
        _allow_processor_time(job.seconds)
        answer = _answer(job)
        answers.write(wire.frame(answer))
        answers.flush()
        if isinstance(answer, wire.Failed) and answer.last:
            return


def _answer(job: wire.Job) -> wire.Answer:
    try:
        return wire.Parsed(tuple(kinds.passages(job.source, job.content, job.limits)))
    except TooMuch as refused:
        return wire.Failed(str(refused), too_much=True)
    except Refused as refused:
        return wire.Failed(str(refused))
    except MemoryError:
        return wire.Failed("It needs more memory than parsing may use.", too_much=True, last=True)
    except RecursionError:
        return wire.Failed("It is nested too deeply.", last=True)
    except Exception:  # noqa: BLE001 - parsers fail in every way on damaged files
        return wire.Failed("It is damaged and cannot be read.", last=True)


def _read(stream: BinaryIO) -> bytes | None:
    length = stream.read(wire.LENGTH_BYTES)
    return stream.read(int.from_bytes(length, "big")) if length else None


def _confine(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    sys.addaudithook(_audit)


def _allow_processor_time(seconds: int) -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds + 1, most))


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse what no parser has a reason to do. Reading is left: Python loads its modules so."""
    if event == "open":
        flags = arguments[2]
        if isinstance(flags, int) and flags & _WRITING:
            raise PermissionError("Parsing writes no files.")
    elif event.startswith(_FORBIDDEN) and event not in _HARMLESS:
        raise PermissionError(f"Parsing does not need {event}.")


if __name__ == "__main__":
    main()
