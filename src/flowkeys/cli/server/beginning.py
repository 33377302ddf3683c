"""What a start says: in words to a terminal, as lines of the log elsewhere.

The link to become the first owner goes to a terminal, which nobody keeps. A log is kept, and read by others:
there the link is in a file of the data directory, and the log names the file.
"""

import asyncio
import contextlib
import os
import shlex
from pathlib import Path
from typing import Any, Final

import typer

from flowkeys import bootstrap
from flowkeys.cli.people.links import UNKNOWN
from flowkeys.domain.people.link import LIFETIMES, Purpose, path_of
from flowkeys.domain.version import VERSION
from flowkeys.telemetry import logs

LINK_FILE: Final = "set-up-link"
_MICROSECONDS: Final = 1_000_000


class Beginning:
    """Tells where the server is and what there is to do first; use it as long as the server runs."""

    def __init__(
        self, runtime: bootstrap.Runtime, *, url: str | None, base: str, metrics: str | None = None
    ) -> None:
        """Speak of a server that listens at `url`, or a socket alone, and whose links begin with `base`.

        `metrics` is where they are, if they are anywhere.
        """
        self._runtime = runtime
        self._url = url
        self._metrics = metrics
        self._base = base
        self._as_text = logs.is_text(runtime.settings.log_format)
        self._file = runtime.settings.data_dir / LINK_FILE
        self._timer: asyncio.TimerHandle | None = None

    async def tell(self) -> None:
        """Say where it is, what is not as it should be, and what there is to do first."""
        data_dir = self._runtime.settings.data_dir
        uds = self._runtime.settings.uds
        places = {"url": self._url, "uds": None if uds is None else str(uds)}
        where = {name: place for name, place in places.items() if place is not None}
        self._say(
            f"flowkeys {VERSION} on {' and '.join(where.values())}, data in {data_dir}",
            **where,
            data_dir=str(data_dir),
            version=VERSION,
        )
        if self._metrics is not None:
            self._say(f"Metrics on {self._metrics}", url=self._metrics)
        for warning in self._runtime.warnings:
            self._warn(warning)
        self.forget()  # of a start before
        secret = await self._runtime.set_up.link()
        if secret is not None:
            if self._base == UNKNOWN:
                self._warn(
                    f"FLOWKEYS_PUBLIC_URL is not set, so links begin with {UNKNOWN}: put the address of the "
                    "proxy in its place."
                )
            self._tell_link(f"{self._base}{path_of(Purpose.SET_UP, secret)}")
        if not await self._has_keys():
            command = (
                f"FLOWKEYS_DATA_DIR={shlex.quote(str(data_dir))} flowkeys keys create Owner --permission '*'"
            )
            self._say(
                "There is no API key yet. Make one on the pages, or in another terminal, where the first may "
                f"do everything:\n  {command}"
            )

    async def follow(self) -> None:
        """See to it that the file goes which another process of this server has made."""
        if await asyncio.to_thread(self._file.exists):
            self._remove_in_time()

    def forget(self) -> None:
        """Remove the file of the link: it was used, is too old, or nobody listens."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        with contextlib.suppress(OSError):
            self._file.unlink()

    def _tell_link(self, link: str) -> None:
        minutes = LIFETIMES[Purpose.SET_UP] // _MICROSECONDS // 60
        if self._as_text:
            self._say(f"Open this link to set up flowkeys: {link}\n  It works once, within an hour.")
            return
        try:
            _write(self._file, link)
        except OSError as error:
            self._say(
                f"The link to set up flowkeys cannot be written to {self._file}: {error.strerror}. Correct "
                "that and restart, or start flowkeys serve in a terminal.",
                level="error",
            )
            return
        self._say(
            f"Open the link in {self._file} to set up flowkeys. It works once, within an hour.",
            file=str(self._file),
            minutes=minutes,
        )
        self._remove_in_time()

    def _remove_in_time(self) -> None:
        seconds = LIFETIMES[Purpose.SET_UP] // _MICROSECONDS
        self._timer = asyncio.get_running_loop().call_later(seconds, self.forget)
        self._runtime.set_up.used.append(lambda purpose: self.forget() if purpose is Purpose.SET_UP else None)

    async def _has_keys(self) -> bool:
        now = bootstrap.clock()
        return await self._runtime.store.read(lambda tx: tx.keys.any_live(now))

    def _warn(self, text: str) -> None:
        self._say(f"Warning: {text}" if self._as_text else text, level="warning")

    def _say(self, text: str, level: str = "info", **facts: Any) -> None:
        if self._as_text:
            typer.echo(text, err=True)
        else:
            logs.announce(text, level, **facts)


def _write(path: Path, link: str) -> None:
    """Write a file that its owner alone can read, whatever there was before."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(f"{link}\n")
    new.replace(path)
