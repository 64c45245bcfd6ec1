"""HTTP/1.1 as uvicorn speaks it, with bounds on what one connection may take.

What is refused here never reaches the application: a request that is no HTTP, that is ambiguous
about where it ends, whose head is too large, or that takes too long to arrive.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from taskwell.server.deadlines import TimedHttp
from taskwell.server.endings import Unfinished, answer_as_the_last, let_go
from taskwell.server.heads import (
    FRAGMENT,
    HEAD_LIMIT,
    MOST_HEADERS,
    TARGET_LIMIT,
    is_clear,
    size_of,
    with_path,
)
from taskwell.server.joined import Joined
from taskwell.server.refusals import (
    HEAD_TOO_LARGE,
    MALFORMED,
    TARGET_TOO_LONG,
    refuse,
)
from taskwell.server.spare import Arrival, Flow, Pipeline
from taskwell.server.turnstile import Entrance

logger = logging.getLogger(__name__)

MOST_PIPELINED = 16
LINGER = 1.5


class Http(TimedHttp):
    # So that what uvicorn keeps in the instance's dict is little enough to share its keys.
    __slots__ = (
        *("begun", "fed", "framing", "has_asked"),
        *("is_finished", "is_upgrade", "may_keep_alive", "refusal", "running"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pipeline = Pipeline()  # type: ignore[assignment]  # as much of a deque as is used
        self.fed = 0
        self.begun = 0
        self.framing = 0
        self.may_keep_alive = True
        self.is_upgrade = False
        self.has_asked = False
        self.is_finished = False
        self.refusal: str | None = None
        # Others may have come since, and wait in the pipeline: `cycle` is the newest.
        self.running: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self.transport = cast("asyncio.Transport", Joined(transport, self.loop))
        self.flow = Flow(transport)
        self.server = self.server_state.only_one(self.server)
        self.server_state.all_closed.clear()
        self.await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.running is not None:
            let_go(self.running)
        self.pipeline.clear()
        self._forget_request()
        self.server_state.tell()
        if not self.connections:
            self.server_state.all_closed.set()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn closes in any case
        """Who sends no more may still take answers: to all that came whole."""
        is_lingering = self.is_finished and self.clock is not None
        is_cut_off = self.part == "body" and not self.is_finished
        self.stop_clock()
        if is_cut_off and self.pipeline:
            self.pipeline.popleft()
        elif is_cut_off or is_lingering or not self._is_answering():
            self.transport.close()
            return True
        self.is_finished = True
        waiting = [self.running, *(cycle for cycle, _ in reversed(self.pipeline))]
        waiting[-1].keep_alive = False
        for cycle in waiting:
            answer_as_the_last(cycle)
        return True

    def data_received(self, data: bytes) -> None:
        if self.is_finished:
            return
        self._unset_keepalive_if_required()
        was_in = self.part
        self.fed = self.fed + len(data) if was_in == "head" else len(data)
        self.framing += len(data)
        self.begun = 0
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            self._refuse_or_give_up(error.__context__)
        except httptools.HttpParserError:
            self.refuse(self.refusal or MALFORMED)
        else:
            self._await_the_rest(was_in)

    def _await_the_rest(self, was_in: str) -> None:
        if self.part == "head":
            if self.begun != (was_in == ""):
                # Something else came before it in this data: only what is complete is known.
                self.fed = size_of(self.url, self.headers)
            if self.fed > HEAD_LIMIT:
                self.refuse(HEAD_TOO_LARGE if self.headers else TARGET_TOO_LONG)
            else:
                self.await_head()
        elif self.part == "body":
            if self.cycle.transport is self.transport:
                self.await_body()
                self._close_if_answered_early()
            elif self.framing > HEAD_LIMIT:
                self.refuse(MALFORMED)
        elif self._is_answering():
            self.stop_clock()
        else:
            self.await_head()

    def _refuse_or_give_up(self, error: BaseException | None) -> None:
        """What the parser's callbacks raise: a refusal, or a defect of ours, after which nobody
        knows what has been begun."""
        if isinstance(error, httptools.HttpParserError):
            self.refuse(self.refusal or MALFORMED)
        else:
            logger.error("unexpected", exc_info=error)
            self.transport.abort()

    # The parser's callbacks

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MOST_PIPELINED:
            raise httptools.HttpParserError("too many requests at once")
        super().on_message_begin()
        self.part = "head"
        self.has_asked = True
        self.begun += 1

    def on_headers_complete(self) -> None:
        self.refusal = self._flaw_of_head()
        if self.refusal is not None:
            raise httptools.HttpParserError(self.refusal)
        self.is_upgrade = self.parser.should_upgrade()
        if self.is_upgrade:
            return
        if self.url[:1] != b"/":
            self.url = with_path(self.url)
        super().on_headers_complete()
        # A trailer must not pass for a header: those that follow go to a list nobody reads.
        self.headers = []
        self.part = "body"
        self.framing = 0

    def on_body(self, body: bytes) -> None:
        self.body_in_window += len(body)
        self.framing = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.is_upgrade:
            return
        super().on_message_complete()
        self.part = ""
        if self.cycle.transport is not self.transport and not self.cycle.response_started:
            self.cycle.transport = self.transport
            self.cycle.keep_alive = self.may_keep_alive

    def on_response_complete(self) -> None:
        if self.is_finished and not self.pipeline:
            self.server_state.total_requests += 1
            if self.clock is None:
                self.linger()
        else:
            super().on_response_complete()
            if not self.part and not self._is_answering():
                self._forget_request()

    def _forget_request(self) -> None:
        """An idle connection need not keep what was asked last."""
        self.scope = self.cycle = self.running = None  # type: ignore[assignment]  # as at first
        self.headers = []

    # Bounds on a head

    def _flaw_of_head(self) -> str | None:
        if len(self.url) > TARGET_LIMIT:
            return TARGET_TOO_LONG
        if len(self.headers) > MOST_HEADERS:
            return HEAD_TOO_LARGE
        if self.fed > HEAD_LIMIT and size_of(self.url, self.headers) > HEAD_LIMIT:
            return HEAD_TOO_LARGE
        if FRAGMENT in self.url or self._is_connect():
            return MALFORMED
        if not is_clear(self.parser.get_http_version(), self.headers):
            return MALFORMED
        return None

    def _is_connect(self) -> bool:
        return self.parser.should_upgrade() and self.parser.get_method() == b"CONNECT"

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """Nothing else is spoken here, and an upgrade is an offer that may be passed over. The
        parser has set the body of such a request aside, so the request is parsed again without
        the offer: else its body would be taken for the next request."""
        version = self.parser.get_http_version().encode()
        head = [self.parser.get_method(), b" ", self.url, b" HTTP/", version, b"\r\n"]
        for name, value in self.headers:
            if name != b"upgrade":
                head += [name, b": ", value, b"\r\n"]
        self.is_upgrade = False
        self.part = ""
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"".join([*head, b"\r\n", rest]))

    # Ends of a connection

    def _close_if_answered_early(self) -> None:
        """An answer to a request whose body is still on its way says that the connection closes,
        and closes it without cutting the answer off; the rest of the body changes that back."""
        self.may_keep_alive = self.cycle.keep_alive
        self.cycle.keep_alive = False
        self.cycle.transport = cast("asyncio.Transport", Unfinished(self))

    def shutdown(self) -> None:
        """When the process ends. One that has only just connected is about to ask something: its
        answer will close it. What is arriving has its clock already."""
        if not self.has_asked and self.part == "":
            self.await_last_words()
        elif self.part == "":
            super().shutdown()

    def linger(self) -> None:
        """Closing while the client still sends would make its system throw our answer away: so say
        that no more will come, and read what comes for a moment."""
        self.is_finished = True
        self.stop_clock()
        if self.transport.is_closing():
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self.clock = self.loop.call_later(LINGER, self.transport.close)

    def refuse(self, code: str) -> None:
        self.stop_clock()
        self.is_finished = True
        if self.transport.is_closing():
            return
        cycle = self.cycle
        is_answering = self._is_answering()
        is_own = is_answering and self.part == "body" and not self.pipeline
        if is_own:
            let_go(cycle)
        elif is_answering:
            # Requests before this one still run: their answers go out first and are the last.
            if self.part == "body":
                self.pipeline.popleft()
            return
        if is_own and cycle.response_started:
            self.transport.close()
        else:
            self.transport.write(self._refusal(code))
            self.linger()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.running = cycle
        cycle.message_event = cast("asyncio.Event", Arrival(cycle.message_event))
        cast("Entrance", app).admit(self, cycle)

    def begin(self, cycle: RequestResponseCycle) -> None:
        """Its turn has come."""
        super()._start_asgi_task(cycle, self.app)

    def _is_answering(self) -> bool:
        return self.running is not None and not self.running.response_complete

    def _refusal(self, code: str) -> bytes:
        """Logged with it, so only for what is written."""
        scope: Any = self.scope if self.part else {"type": "http", "headers": []}
        shared = self.server_state
        return refuse(code, scope, shared.default_headers, shared.origins)
