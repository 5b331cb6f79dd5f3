"""What the gate itself answers."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Drain = Callable[[], Awaitable[None]]


class Refused(Exception):
    """No, and why: becomes the answer."""

    def __init__(self, status: int, why: str):
        super().__init__(why)
        self.status = status


async def answer(
    send: Send, status: int, body: bytes, kind: str, *extra: tuple[bytes, bytes], drain: Drain | None = None
) -> None:
    """`drain` reads what the caller still sends; then the connection is closed."""
    length = str(len(body)).encode()
    headers = [(b"content-type", kind.encode()), (b"content-length", length), (b"cache-control", b"no-store"), *extra]
    if drain:  # "identity": compressed, the sentence would be held back until the end
        headers += [(b"connection", b"close"), (b"content-encoding", b"identity")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": drain is not None})
    if drain:
        await drain()
        await send({"type": "http.response.body", "body": b""})
