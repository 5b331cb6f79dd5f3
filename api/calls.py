"""Calls of Gradio's doors, looked at before Gradio reads them: what would end in a bare 500 or in an error without
words there gets 422 and a sentence here.

Gradio checks that a file was uploaded, but says so in the log alone; it is checked here first. Text that no database
can hold (halves of surrogate pairs) is refused at any depth. What Gradio knows of its doors and calls it is asked for
through `Doors`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from settings import settings

CALL = re.compile(r"/gradio_api/(?:queue/join|(?:run|api|call(?:/v2)?)/(?P<door>[^/]+))/?")
ANSWER = re.compile(r"/gradio_api/call(?:/v2)?/(?P<door>[^/]+)/(?P<event>[^/]+)/?")
BY_NAME = "/gradio_api/call/v2/"  # parameters by name; Gradio looks at those itself, see api.faults
UPLOAD = "/gradio_api/upload"
PAGE = "predict"  # the door of the page's own events
BROKEN = re.compile(r"[\ud800-\udfff]")
SEND = 'send an object with the parameters of the door, for instance {"prompt": "lofi"}.'
DEEPEST = 40  # containers inside each other; a form of the page has 6
# What Gradio itself says to a page that comes back after a restart, without raising an error first.
UNKNOWN_SESSION = """data: {"msg": "unexpected_error", "message": "Session not found.", "session_not_found": true,
 "success": false}\n\n""".replace("\n ", " ")
# Rooms of Gradio that the studio does not use: no song is streamed, no page is edited, nothing is fetched for anybody.
CLOSED = re.compile(r"/gradio_api/(?:proxy=|stream/|process_recording|custom_component|vibe-|undo-vibe|dev/|token/?$)")


class Doors(Protocol):
    """What is asked of Gradio."""

    def least(self, door: str | int) -> int | None:
        """How many parameters a door takes by place, by its name or number; None where there is no such door."""

    def expects(self, id: str) -> bool:
        """Whether somebody may listen to a call, or to all calls of a session, by this id."""


class Calls:
    """ASGI middleware behind the gate, which has limited how long a body is."""

    def __init__(self, app: ASGIApp, doors: Doors):
        self.app, self.doors = app, doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if no := self.lost(scope):
            return await no(scope, receive, send)
        if scope["method"] == "POST" and scope["path"].rstrip("/") == UPLOAD:
            first = await receive()
            if nameless(first.get("body", b"")):
                return await refuse(400, "This upload has a file without a name, or with a NUL in it; name it.")(
                    scope, receive, send
                )
            return await self.app(scope, again(first, receive), send)
        call = CALL.fullmatch(scope["path"]) if scope["method"] == "POST" else None
        if call is None:
            return await self.app(scope, receive, send)
        body = await read(receive)
        if body is None:
            return
        if said := complaint(body, self.doors, call["door"] or PAGE, scope["path"].startswith(BY_NAME)):
            return await refuse(422, said)(scope, receive, send)
        await self.app(scope, again({"type": "http.request", "body": body, "more_body": False}, receive), send)

    def lost(self, scope: Scope) -> Response | None:
        """The answer to an address that leads nowhere."""
        path, method = scope["path"], scope["method"]
        if CLOSED.match(path):
            return refuse(404, "The studio has no such address.")
        call = CALL.fullmatch(path) if method == "POST" else ANSWER.fullmatch(path)
        door = call["door"] if call else None
        if door not in (None, PAGE) and self.doors.least(door) is None:
            return refuse(404, "The studio has no such door; GET /gradio_api/info lists them.")
        if method == "GET" and call and not self.doors.expects(call["event"]):
            return refuse(404, "No such call is being answered; begin one with POST, then listen to it once.")
        if path == "/gradio_api/queue/data":
            session = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0]
            if session and not self.doors.expects(session):
                return Response(UNKNOWN_SESSION, media_type="text/event-stream")
        return None


def refuse(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status, {"cache-control": "no-store"})


async def read(receive: Receive) -> bytes | None:
    """The whole body; None where who asked has gone."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def again(first: Message, receive: Receive) -> Receive:
    """What was read, to be read once more, and then whatever comes after."""
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return first

    return replay


def nameless(start: bytes) -> bool:
    """Whether the first part of a form, by its headers, is a file whose name nobody could show."""
    named = re.search(rb'filename="([^"]*)"', start.partition(b"\r\n\r\n")[0])
    return named is not None and (not named[1] or b"\x00" in named[1] or b"%00" in named[1])


def complaint(body: bytes, doors: Doors, door: str = PAGE, by_name: bool = False) -> str:
    """What is wrong with a call's body, in a sentence; "" if it can be read. `by_name`: it holds the parameters by
    their names, else a list of them called data; the page's own events have a number each, fn_index."""
    try:
        said = json.loads(body)
    except RecursionError:
        return "This call is nested too deeply; send plain values."
    except ValueError:
        return f"This call's body is not JSON; {SEND}"
    if not isinstance(said, dict):
        return f"This call's body holds no parameters by name; {SEND}"
    for value, depth in everything(said):
        if depth > DEEPEST:
            return "This call is nested too deeply; send plain values."
        if isinstance(value, str) and BROKEN.search(value):
            return "This call holds broken text (halves of characters); type it again as plain words."
        if isinstance(value, dict) and is_file(value) and not uploaded(value.get("path")):
            return "This call names a file that was not uploaded; with gradio_client, use handle_file(path)."
    named = said.get("fn_index", door) if door == PAGE else door
    least = doors.least(named) if isinstance(named, int | str) and not by_name else None
    if door == PAGE and not by_name and "fn_index" in said and least is None:
        return "This call names no event of the page; reload it and try again."
    data = said.get("data")
    if least is not None and (not isinstance(data, list) or len(data) < least):
        return f"This door takes a list of {least} values called data; /gradio_api/call/v2 takes them by name."
    return ""


def everything(value: Any) -> Iterator[tuple[Any, int]]:
    """A value and all values inside it, names too, with how deep they lie."""
    waiting = [(value, 0)]
    while waiting:
        value, depth = waiting.pop()
        yield value, depth
        if isinstance(value, dict):
            waiting += [(inner, depth + 1) for pair in value.items() for inner in pair]
        elif isinstance(value, list):
            waiting += [(inner, depth + 1) for inner in value]


def is_file(value: dict[str, Any]) -> bool:
    """Whether Gradio takes this for a file."""
    meta = value.get("meta")
    return isinstance(meta, dict) and meta.get("_type") == "gradio.FileData"


def uploaded(path: Any) -> bool:
    """Whether a file came in through the page's own door, or was handed out there, and is still there."""
    if not isinstance(path, str):
        return False
    try:
        place = Path(path).resolve()
        ours = (settings().page_cache, settings().takes)
        return any(place.is_relative_to(folder.resolve()) for folder in ours) and place.is_file()
    except (OSError, ValueError):  # a name that no disk can hold
        return False
