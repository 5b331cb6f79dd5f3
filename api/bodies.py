"""What callers send: no more of it than the route takes, no slower than one can wait for, and never onto a full disk.

A body that says that it is too long is refused before a byte of it is read; one that does not say is counted as it
comes. Then the rest is thrown away for a moment, so that callers who send first and listen later hear why, and the
connection is closed.
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from starlette.formparsers import MultiPartException

from api.answers import Message, Receive, Refused

UPLOAD = "/gradio_api/upload"
LOGIN = "/login"
JSON = 2**20  # bytes of a call: 20,000 characters of lyrics take 240,000 in JSON's longest spelling
FORM = 10_000  # bytes of the login form
FRAME = 64 * 1024  # bytes of a multipart form around its file
PATIENCE = 30.0  # seconds that a body may keep us waiting, at once or beyond what its size takes at RATE
RATE = 4096  # bytes per second of the slowest connection that is waited for
LINGER, LINGERED = 2.0, 16 * 2**20  # seconds and bytes of a refused body that are read all the same
SLOW = f"This request came too slowly; after {PATIENCE:.0f} seconds without progress it was given up. Send it again."


class Unread(MultiPartException):
    """Raised where a body is read that ends early. Gradio removes what it has written of an upload for this class."""


class Bodies:
    """`max_upload`: bytes of an upload. `folder` is where uploads are written, on a disk of which `min_free` bytes stay
    free."""

    def __init__(self, max_upload: int, folder: Path | None = None, min_free: int = 0, patience: float = PATIENCE):
        self.max_upload, self.folder, self.min_free, self.patience = max_upload, folder, min_free, patience

    def of(self, path: str, headers: Mapping[str, str], receive: Receive) -> "Body":
        """The body of a request."""
        limit = {UPLOAD: self.max_upload + FRAME, LOGIN: FORM}.get(path, JSON)
        length = None if "transfer-encoding" in headers else int(headers.get("content-length", 0))
        return Body(receive, length, limit, self.patience, self._room if path == UPLOAD else _anywhere)

    def _room(self, size: int) -> None:
        """Raises Refused where an upload of `size` more bytes leaves too little of the disk."""
        if self.folder is None:
            return
        free = shutil.disk_usage(self.folder).free
        if free - size < self.min_free:
            raise Refused(
                507,
                f"There is no room for this upload: {free / 1e6:.0f} MB are free, and {self.min_free / 1e6:.0f} MB of "
                "them stay free; make room, or set STUDIO_HOME to another disk.",
            )


def _anywhere(size: int) -> None:
    """Bodies that are not written to the disk."""


class Body:
    """A body on its way to whoever reads it. `length` is what it says of itself, None where it says nothing; `fault` is
    why it was cut off."""

    def __init__(self, receive: Receive, length: int | None, limit: int, patience: float, room: Callable[[int], None]):
        self._receive, self.length, self.limit, self.patience, self.room = receive, length, limit, patience, room
        self.size, self.waited, self.over = 0, 0.0, False
        self.fault: Refused | None = None

    def check(self) -> None:
        """Raises Refused where the length alone says that it cannot be taken."""
        if self.length is not None and self.length > self.limit:
            raise self.too_long
        if self.length:
            self.room(self.length)

    @property
    def unread(self) -> bool:
        """True where more may come than one would read just to be polite."""
        return bool(self.fault) or (not self.over and (self.length is None or self.length > FRAME))

    @property
    def too_long(self) -> Refused:
        if self.limit == FORM:
            return Refused(413, "This is too long to be a token.")
        if self.limit == JSON:
            return Refused(413, f"This request is longer than {JSON / 2**20:.0f} MB; files go to {UPLOAD} first.")
        most = (self.limit - FRAME) / 2**20
        return Refused(413, f"This upload is larger than {most:.0f} MB, the most that is taken (STUDIO_MAX_UPLOAD).")

    async def receive(self) -> Message:
        """The next message. Raises Unread, and sets `fault`, where the body is cut off."""
        if self.over:
            return await self._receive()
        try:
            message = await self._in_time()
            self.size += len(message.get("body", b""))
            if self.size > self.limit:
                raise self.too_long
            if self.size > FRAME:
                self.room(0)
        except Refused as no:
            self.fault, self.over = no, True
            raise Unread(str(no)) from None
        self.over = not message.get("more_body", False)
        if message["type"] == "http.disconnect" and self.length != 0:
            raise Unread("The connection was closed in the middle of the request.")
        return message

    async def _in_time(self) -> Message:
        """Raises Refused where it takes too long. Only the time spent here counts: a slow disk is not the caller's."""
        began = time.monotonic()
        left = min(self.patience, self.patience + self.size / RATE - self.waited)
        try:
            async with asyncio.timeout(left):
                return await self._receive()
        except TimeoutError:
            raise Refused(408, SLOW) from None
        finally:
            self.waited += time.monotonic() - began

    async def drain(self) -> None:
        """Read what still comes, for a moment: a connection that is closed on unread bytes takes the answer with it."""
        if self.fault and self.fault.status == 408:  # nothing comes
            return
        try:
            async with asyncio.timeout(LINGER):
                while self.size < self.limit + LINGERED:
                    message = await self._receive()
                    self.size += len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return
        except TimeoutError:
            return
