"""Keys of a server elsewhere, asked over HTTP and kept while its feed of changes is heard."""

import asyncio
import logging
import random
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import msgspec

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.bearer import UNKNOWN
from flowkeys.domain.keys.decision import AccessRequest, Allowed, Decision, decide
from flowkeys.domain.keys.networks import Client, is_address
from flowkeys.domain.keys.token import LENGTH, Token
from flowkeys.verify.clock import now
from flowkeys.verify.forks import begin_again_after
from flowkeys.verify.remote_cache import Mark, RemoteCache
from flowkeys.verify.remote_server import Answer, RefusedError, Server

CACHED_KEYS: Final = 100_000
_AT_A_TIME: Final = 16
"""Questions to the server that are under way at most; others wait."""
_FIRST_WAIT_SECONDS: Final = 0.05
_LONGEST_WAIT_SECONDS: Final = 2.0
_IN_TIME_SECONDS: Final = 0.25
"""The same while what is kept still counts."""

_log: Final = logging.getLogger("flowkeys.verify")
_Question = tuple[bytes, str | None, str | None]
"""A token, a chatflow, and where the call comes from."""


class RemoteSource:
    """Implements `Source` over a server.

    Threads begin with the first call, and anew in a process that was forked: a verifier may be made before.
    """

    def __init__(
        self,
        url: str | None,
        api_key: str | None,
        silence_seconds: float,
        timeout_seconds: float,
        *,
        count: bool = False,
    ) -> None:
        """Ask the server at `url`; see `Verifier.remote`."""
        self._server = Server(url, api_key, timeout_seconds)
        self._silence = silence_seconds
        self._count = count
        self._closed = threading.Event()
        self.begin()
        begin_again_after(self)

    def begin(self) -> None:
        """Begin with nothing kept and no connection."""
        self._lock = threading.RLock()  # again too: whoever forks holds it, and may be a signal handler
        closed, self._closed = self._closed, threading.Event()
        if closed.is_set():
            self._closed.set()
        self._server.begin()
        self._cache = RemoteCache(CACHED_KEYS, self._silence)
        self._asked: dict[_Question, tuple[Mark, float, Future[Answer]]] = {}
        self._pool = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="flowkeys-verify")
        self._thread: threading.Thread | None = None

    def hold(self) -> None:
        """Keep other threads away from what is kept while this process forks."""
        self._lock.acquire()

    def let_go(self) -> None:
        """Let them go on."""
        self._lock.release()

    def at_once(self, text: bytes, request: AccessRequest, client: Client | None = None) -> Decision | None:
        """Return the decision that what is kept allows, or None; what counts, the server decides."""
        decision = self._kept(text, request, client)
        return None if self._count and isinstance(decision, Allowed) else decision

    def _kept(self, text: bytes, request: AccessRequest, client: Client | None) -> Decision | None:
        if len(text) != LENGTH:
            return UNKNOWN
        with self._lock:
            return self._cache.decide(self._cache.index(text), request, now(), time.monotonic(), client)

    def decide(self, text: bytes, request: AccessRequest, client: Client | None = None) -> Decision:
        """Return the decision, after asking the server if need be."""
        decision = self._decided(text, request, client)
        if not self._count or not isinstance(decision, Allowed):
            return decision
        return self._result(self._take(text, request, client), request, client)

    def _decided(self, text: bytes, request: AccessRequest, client: Client | None) -> Decision:
        decision = self._kept(text, request, client)
        if decision is not None:
            return decision
        asked = self._ask(text, request.chatflow_id, client)
        if asked is None:
            return UNKNOWN
        return self._result(asked, request, client)

    def _result(self, asked: "Future[Answer]", request: AccessRequest, client: Client | None) -> Decision:
        try:
            answer = asked.result(self._server.timeout_seconds)
        except TimeoutError as error:
            raise self._server.late() from error
        return _decide(answer, request, client)

    def _take(self, text: bytes, request: AccessRequest, client: Client | None) -> "Future[Answer]":
        """Have the server count a call that is good otherwise: a question of its own, and nothing is kept."""
        until = time.monotonic() + self._server.timeout_seconds
        what = text.decode("ascii"), request.chatflow_id, _address(client)
        try:
            return self._pool.submit(self._server.ask, *what, until, count=True)
        except RuntimeError as error:  # it was closed just now, or the program ends
            raise Unavailable("This verifier was closed.") from error

    async def adecide(self, text: bytes, request: AccessRequest, client: Client | None = None) -> Decision:
        """Return the decision, after asking the server in another thread if need be."""
        decision = await self._adecided(text, request, client)
        if not self._count or not isinstance(decision, Allowed):
            return decision
        return await self._aresult(self._take(text, request, client), request, client)

    async def _adecided(self, text: bytes, request: AccessRequest, client: Client | None) -> Decision:
        decision = self._kept(text, request, client)
        if decision is not None:
            return decision
        asked = self._ask(text, request.chatflow_id, client)
        if asked is None:
            return UNKNOWN
        return await self._aresult(asked, request, client)

    async def _aresult(
        self, asked: "Future[Answer]", request: AccessRequest, client: Client | None
    ) -> Decision:
        # Others may wait for the same answer: who stops waiting does not stop the question.
        waiting = asyncio.shield(asyncio.wrap_future(asked))
        try:
            answer = await asyncio.wait_for(waiting, self._server.timeout_seconds)
        except TimeoutError as error:
            raise self._server.late() from error
        return _decide(answer, request, client)

    def close(self) -> None:
        """End the thread and close the connections."""
        self._closed.set()
        self._server.close()
        with self._lock:
            self._cache.lose()
        self._pool.shutdown(wait=False)

    def _ask(self, text: bytes, chatflow_id: str | None, client: Client | None) -> "Future[Answer] | None":
        """Return the server's coming answer, or None for what cannot be a token.

        Calls from one address for one token and chatflow share a question, unless something was changed
        since it was asked or the feed is not heard: then each call has its own.
        """
        token = Token.parse(text.decode("ascii")) if text.isascii() else None
        if token is None:
            return None
        if self._closed.is_set():
            raise Unavailable("This verifier was closed.")
        with self._lock:
            self._follow_if_nobody_does()
            question = self._cache.index(text), chatflow_id, _address(client)
            mark = self._cache.mark
            under_way = self._asked.get(question)
            clock = time.monotonic()
            if under_way and under_way[0] == mark and clock < under_way[1] and self._cache.is_trusted(clock):
                return under_way[2]
            self._server.cut_late(clock)
            until = clock + self._server.timeout_seconds
            try:
                asked = self._pool.submit(self._answer, token, question, mark, until)
            except RuntimeError as error:  # it was closed just now, or the program ends
                raise Unavailable("This verifier was closed.") from error
            self._asked[question] = mark, until, asked
        asked.add_done_callback(lambda done: self._forget_question(question, done))
        return asked

    def _answer(self, token: Token, question: _Question, mark: Mark, until: float) -> Answer:
        index, chatflow_id, address = question
        answer = self._server.ask(token.reveal(), chatflow_id, address, until)
        with self._lock:
            self._cache.keep(index, chatflow_id, answer, mark, time.monotonic())
        return answer

    def _forget_question(self, question: _Question, done: "Future[Answer]") -> None:
        with self._lock:
            if question in self._asked and self._asked[question][2] is done:
                del self._asked[question]

    def _follow_if_nobody_does(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._follow, name="flowkeys-changes", daemon=True)
            self._thread.start()

    def _follow(self) -> None:
        """Follow the feed of changes, and go on when it ends, until the verifier is closed.

        What is kept counts on for as long as silence would be borne: a stream that is heard again within that
        and goes on from where it was left has missed nothing. One that comes later has not, either, and what
        is kept counts again then.
        """
        wait = _FIRST_WAIT_SECONDS
        while not self._closed.is_set():
            is_refused = False
            try:
                with self._lock:
                    going_on = self._cache.begin()
                with self._server.follow(self._silence, going_on) as events:
                    for name, data in events:
                        with self._lock:
                            self._cache.hear(name, data, time.monotonic())
                        wait = _FIRST_WAIT_SECONDS
                cause: object = "it ended"
            except Exception as error:  # noqa: BLE001 - whatever it was, the feed is not heard
                is_refused = isinstance(error, RefusedError)
                cause = str(error) if isinstance(error, Unavailable) else type(error).__name__
            with self._lock:
                if is_refused or self._closed.is_set():
                    self._cache.lose()
                counts = self._cache.is_trusted(time.monotonic())
            if not self._closed.is_set():
                then = f"after {self._silence:g} seconds of silence " if counts else ""
                _log.warning(
                    "The feed of changes is not heard (%s); %sthe server is asked each time.", cause, then
                )
            longest = min(wait, _IN_TIME_SECONDS) if counts else wait
            self._closed.wait(longest * random.uniform(0.5, 1.0))  # noqa: S311 - spreads clients, keeps no secret
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)


def _address(client: Client | None) -> str | None:
    """Return what the server can be told of where a call comes from."""
    address = None if client is None else client.address()
    return address if address is not None and is_address(address) else None


def _decide(answer: Answer, request: AccessRequest, client: Client | None) -> Decision:
    """Decide on what the server just said, which has judged the chatflow already."""
    if answer.denied is not None or answer.record is None:
        return answer.denied or UNKNOWN
    return decide(answer.record, msgspec.structs.replace(request, chatflow_id=None), now(), client)
