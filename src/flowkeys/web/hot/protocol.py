"""The hot routes inside uvicorn's connection: answered before a scope, a task and an event are made.

A subclass of uvicorn's own protocol for HTTP/1.1. What is not plain goes on to it as if nothing had been
here, up to the moment at which an answer is written: another route, a request behind one that is still being
answered, ``Expect``, a client that does not read, a body that is too large or unusual. uvicorn is pinned, and
a test fails when what is overridden here changes (tests/verification/test_protocol_pinned.py).
"""

import asyncio
from functools import partial
from typing import Any, Final

import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from flowkeys.service.ports.verification import PENDING
from flowkeys.service.predictions.grants import Grant
from flowkeys.web.errors import Problem
from flowkeys.web.hot import predictions, verify
from flowkeys.web.hot.answer import PREFIXES, Hot
from flowkeys.web.hot.asgi import FastPath
from flowkeys.web.hot.asking import AskingProtocol
from flowkeys.web.hot.bounds import IN_BODY, MAX_LINES, NO_HEAD
from flowkeys.web.hot.call import Call
from flowkeys.web.hot.reply import Reply
from flowkeys.web.hot.running import Running
from flowkeys.web.hot.target import Asked, read
from flowkeys.web.hot.waiting import has_body, is_unusual
from flowkeys.web.predictions.prediction import GRANT
from flowkeys.web.requests.below import without

_ELSEWHERE: Final = 0
"""uvicorn has the message, or there is none."""
_READING: Final = 1
"""The body is needed for the answer."""
_ANSWERED: Final = 2
"""What is left of the message is read and dropped."""
_RUNNING: Final = 3
"""The message was read and is a prediction that runs: it is answered later."""


class HotProtocol(AskingProtocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(config.app, FastPath)
        self._hot: Hot = config.app.hot
        self._state = _ELSEWHERE
        self._target = b""
        """What is asked for, without the path that this server is below."""
        self._body = b""
        self._asked: Call | None = None
        """The call that waits for its body, when it is a prediction."""
        self._granted: Grant | None = None
        """What was granted to it before its body had come: it is decided once more."""
        self._is_checked = False
        """Whether the credential was looked at, since the body did not come with the headers."""
        self._dropped = 0
        self._keep_alive = True

    # What uvicorn calls

    def connection_lost(self, exc: Exception | None) -> None:
        """Note who left in the middle of a question."""
        if self._state == _READING and self._asked is not None and self._granted is not None:
            self._hot.predictions.left(self._asked, self._granted)
        self._state = _ELSEWHERE
        super().connection_lost(exc)

    def leave(self) -> None:
        """Leave, behind the call that is being read, too."""
        super().leave()
        self._keep_alive = False

    def data_received(self, data: bytes) -> None:
        """Read; whoever is refused is so before the body has come."""
        super().data_received(data)
        if self._state == _READING:
            self._look()

    # What the parser calls

    def on_message_begin(self) -> None:
        """Begin a message without a scope: most need none."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self._room = MAX_LINES
        self._is_wished = False
        self._gathered = 0
        self._began = self._segment

    def on_headers_complete(self) -> None:
        """Answer what can be answered; hand everything else on."""
        self._state = _ELSEWHERE
        if not self._begins_body():
            return
        path = self._hot.path
        self._target = without(self.url, path) if path else self.url
        cycle: RequestResponseCycle | None = self.cycle
        if (
            self._target.startswith(PREFIXES)
            and (cycle is None or cycle.response_complete)
            and not self.expect_100_continue
            and not self.flow.write_paused
            and self.limit_concurrency is None
        ):
            try:
                self._begin()
            except Exception:  # noqa: BLE001 - a mistake here must not cost the connection
                self._mistaken()
        if self._state == _ELSEWHERE:
            self._start(None)

    def on_body(self, body: bytes) -> None:
        """Keep a body that is needed, drop one that is not."""
        self._gathered = 0
        if self._state == _ELSEWHERE:
            super().on_body(body)
        elif self._state == _READING:
            self._body += body
            if len(self._body) > self._hot.short_bytes:
                self._hand_on()
        else:
            self._dropped += len(body)
            self._idle_until = self.loop.time() + self.timeout_keep_alive
            if self._dropped > self._hot.max_body_bytes:
                self.transport.close()

    def on_message_complete(self) -> None:
        """Answer what waited for its body."""
        self._room = NO_HEAD
        if self._is_offered:
            return
        is_last = self._has_trailers and self._is_last()
        if is_last:
            self._keep_alive = False
        if self._state == _READING:
            grant: Grant | None = None
            try:
                if self._asked is not None:
                    grant = self._predict(self._asked)
                else:
                    self._verify(self._call(b"POST", self._body))
            except Exception:  # noqa: BLE001 - a mistake here must not cost the connection
                self._mistaken()
            if self._state == _READING:
                self._hand_on(grant)
        if self._state == _ELSEWHERE:
            super().on_message_complete()
        self._state = _ELSEWHERE
        self._body = b""
        if is_last:
            self._close_behind_answers()

    # The rest

    def _look(self) -> None:
        """Refuse before the body has come who is to be refused."""
        if self._state == _READING and not self._is_checked and not self.transport.is_closing():
            self._is_checked = True
            if self._asked is not None:
                found = self._hot.predictions.before_body(self._asked)
            else:
                found = self._hot.verify.refusal(self._call(b"POST"))
            self._granted = found if isinstance(found, Grant) else None
            if isinstance(found, Reply):
                self._send(found, with_body=True)
            elif found is PENDING or is_unusual(self.headers, self._hot.short_bytes):
                self._hand_on(self._granted)  # refused before it comes, by whoever answers

    def _predict(self, call: Call) -> Grant | None:
        """Decide a prediction whose body has come, and run it when it is plain; return what was granted."""
        calls = self._hot.predictions
        grant = calls.answer(call, self._granted)
        if isinstance(grant, Reply):
            self._send(grant, with_body=True)
            return None
        if grant is None:
            if self._ask_to_run(calls, call, self._body):
                self._wait_for_answer()
            return None
        run = calls.open(call, self._body, grant)
        if run is not None and self._run(calls, call, run, grant):
            self._wait_for_answer()
        return grant

    def _wait_for_answer(self) -> None:
        self._state = _RUNNING
        self._body = b""

    def _wait_for(self, call: Call, asked: Asked) -> None:
        """Answer when it is known whether the call is within its limits."""
        calls = self._hot.forward_auth
        later = partial(calls.answer_later, call, asked)
        self._ask(call, partial(calls.ask, call, asked), later, awaits=True)
        self._wait_for_answer()

    def _verify(self, call: Call) -> None:
        """Answer a verification whose body has come, or when it is counted, or leave it."""
        calls = self._hot.verify
        reply = calls.answer(call)
        if reply is not None:
            self._send(reply, with_body=True)
            return
        question = calls.question(call)
        if question is not None:
            later = partial(calls.answer_later, call, question)
            if self._ask(call, partial(calls.ask, call, question), later, awaits=False):
                self._wait_for_answer()

    def _refuse(self, why: Problem) -> None:
        if self._state == _ANSWERED and self._room == IN_BODY:
            self._close_behind_answers()  # the rest of a body that nobody needs
        else:
            super()._refuse(why)

    def _begin(self) -> None:
        """Answer, or prepare to, or do nothing at all."""
        parser = self.parser
        # HTTP/1.0 is kept by a client's wish only, and to ask for the version costs as much as a header.
        self._keep_alive = (
            parser.should_keep_alive()
            and not (self._is_wished and parser.get_http_version() == "1.0")
            and not self._is_leaving
        )
        method: bytes = parser.get_method()
        asked = read(self._target)
        if asked is not None:
            call = self._call(method)
            reply = self._hot.forward_auth.answer(call, asked)
            if reply is not None:
                self._send(reply, with_body=method != b"HEAD")
            elif method != b"HEAD" and not has_body(self.headers):
                self._wait_for(call, asked)
        elif method == b"POST":
            if self._target == verify.TARGET:
                self._asked = None
            elif predictions.is_plain(self._target):
                self._asked = self._call(method)
            else:
                return
            self._body = b""
            self._granted = None
            self._is_checked = False
            self._state = _READING

    def _call(self, method: bytes, body: bytes = b"") -> Call:
        client = self.client
        return Call(
            method,
            self._target,
            self.headers,
            client[0] if client else None,
            self._hot.proxies,
            body,
            self._is_short,
        )

    def _send(self, reply: Reply, *, with_body: bool) -> None:
        self._state = _ANSWERED
        self._dropped = 0
        self.server_state.total_requests += 1
        self._write(reply, self.headers, keep_alive=self._keep_alive, with_body=with_body)

    def _start(self, grant: Grant | None) -> None:
        """Let uvicorn make the scope, which it does when a message begins, and a task."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expects
        self.scope["headers"] = headers
        if grant is not None:
            self.scope[GRANT] = grant  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()
        running: object = self._running
        if isinstance(running, Running) and not running.response_complete:
            self.flow.resume_reading()  # that its client leaves is to be read

    def _hand_on(self, grant: Grant | None = None) -> None:
        """Let uvicorn begin with a message of which the headers and some of the body have been read."""
        self._state = _ELSEWHERE
        self._asked = self._granted = None
        body, self._body = self._body, b""
        self._start(grant)
        if body:
            super().on_body(body)

    def _mistaken(self) -> None:
        structlog.get_logger("flowkeys").exception("failed")
        if self._state == _ANSWERED:
            self.transport.close()
