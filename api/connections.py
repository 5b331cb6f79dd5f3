"""Connections: no more than there are file descriptors for, and none that waits for ever.

uvicorn waits without end for the first request of a connection and for the end of its headers, and takes connections
until the process has no descriptor left to open a song with. Here each gets PATIENCE for a whole request, and where all
places are taken, the connection that has kept us waiting the longest makes room. Only where all are being answered is
a new one told to come again.
"""

import asyncio
import contextlib
import errno
import json
import logging
import resource
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from api.caller import Proxies, counted_as

PATIENCE = 30.0  # seconds for the next request to come whole, without its body
MOST, LEAST = 1000, 64  # connections at once
AT_DOOR, BRIEF = 100, 2.0  # connections without a place at once, and the seconds that each has to ask
RESERVE = 256  # descriptors for everything but connections
DESCRIPTORS = 8192  # as many as are asked of the system
QUIET = 60.0  # seconds between two lines in the log about the same lack
BUSY = json.dumps({"detail": "This studio has too many connections open. Try again in a few seconds."}).encode()
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 5\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(BUSY), BUSY)
)
LACKS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

log = logging.getLogger("studio.gate")


def places() -> int:
    """How many connections there is room for, after as many descriptors were asked for as the system gives."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST if soft == resource.RLIM_INFINITY else max(LEAST, min(MOST, soft - RESERVE))


class Room:
    """Who is connected, the longest silent first. `each`: connections of one caller, half of all unless said; those of
    `shared`, proxies, are many callers."""

    def __init__(self, places: int, each: int | None = None, shared: Proxies | None = None, patience: float = PATIENCE):
        self.places, self.each, self.patience = places, each or places // 2, patience
        self.shared = shared or Proxies()
        self.at_door = 0  # those without a place, to be told so
        self._open: dict[Guarded, None] = {}
        self._by: Counter[str] = Counter()

    def enter(self, one: "Guarded") -> bool:
        """False where there is no place, nor anybody who keeps one for nothing."""
        crowd = one.caller if self._by[one.caller] >= self.each and one.peer not in self.shared else None
        if (crowd is not None or len(self._open) >= self.places) and not self._make_room(crowd):
            return False
        self._open[one] = None
        self._by[one.caller] += 1
        return True

    def heard(self, one: "Guarded") -> None:
        if one in self._open:
            self._open[one] = self._open.pop(one)

    def leave(self, one: "Guarded") -> None:
        if one in self._open:
            del self._open[one]
            self._by[one.caller] -= 1
            self._by += Counter()  # forgets who has none

    def _make_room(self, caller: str | None) -> bool:
        """Close the connection that has been silent the longest, of one caller or of all."""
        for one in self._open:
            if one.waiting and caller in (None, one.caller):
                self.leave(one)
                one.transport.abort()
                return True
        return False


class Guarded(H11Protocol):
    """uvicorn's HTTP/1.1 with a place in the room and a clock."""

    def __init__(self, *args: Any, room: Room, **said: Any):
        super().__init__(*args, **said)
        self.room = room
        self.peer = self.caller = ""
        self.placed = False
        self._clock: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> bool:
        """True while it is the caller's turn: to ask, or to send the rest of a body."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.peer = str(self.client[0]) if self.client else ""
        self.caller = counted_as(self.peer)
        self.placed = self.room.enter(self)
        if self.placed or self.room.at_door < AT_DOOR:
            self.room.at_door += not self.placed
            self._wind(self.room.patience if self.placed else BRIEF)
        else:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.placed:
            self.room.heard(self)
            super().data_received(data)
        elif not self.transport.is_closing():  # told now, as whoever is closed on before it asked hears nothing
            self.transport.write(FULL)
            self.transport.close()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wind(self.room.patience)

    def handle_websocket_upgrade(self, event: Any) -> None:
        self._leave()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.placed and self._clock is not None:
            self.room.at_door -= 1
        self._leave()
        super().connection_lost(exc)

    def _leave(self) -> None:
        self.room.leave(self)
        if self._clock is not None:
            self._clock.cancel()

    def _wind(self, patience: float) -> None:
        if self._clock is not None:
            self._clock.cancel()
        self._clock = self.loop.call_later(patience, self._too_late)

    def _too_late(self) -> None:
        """Close unless a request has come meanwhile; how long its body may take is for api/bodies.py to say."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()


class Lacking:
    """Says once in a while that no connection can be taken for want of descriptors; asyncio says it 2,000 times."""

    def __init__(self) -> None:
        self._said = -QUIET

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in LACKS and "socket" in context):
            return loop.default_exception_handler(context)
        if time.monotonic() - self._said >= QUIET:
            self._said = time.monotonic()
            log.warning(
                "No connection can be taken for a second: %s. More may be open with `ulimit -n`.", error.strerror
            )


@contextlib.asynccontextmanager
async def lifespan(_: object) -> AsyncIterator[None]:
    asyncio.get_running_loop().set_exception_handler(Lacking())
    yield
