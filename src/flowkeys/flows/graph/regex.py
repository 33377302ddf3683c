"""Regular expressions of flows, which may take for ever: each runs in a process that can be ended."""

import asyncio
import contextlib
import sys
from typing import Final

import msgspec

REGEX_SECONDS: Final = 2.0
_REGEX_CHARACTERS: Final = 10_000
_SEARCH: Final = (
    "import json,re,sys\n"
    "pattern,text=json.load(sys.stdin)\n"
    "try: print(1 if re.search(pattern,text) else 0)\n"
    "except (re.error,RecursionError,OverflowError): print(0)\n"
)


async def search(pattern: str, text: str) -> bool:
    """Tell whether a regular expression is found in a text.

    A pattern can take for ever, and Python cannot interrupt one: it runs in a process of its own, which is
    ended after `REGEX_SECONDS`. A pattern that takes longer, or is none, is not found.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", _SEARCH,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        question = msgspec.json.encode((pattern, text[:_REGEX_CHARACTERS]))
        async with asyncio.timeout(REGEX_SECONDS):
            answer, _ = await process.communicate(question)
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())
    return answer.strip() == b"1"
