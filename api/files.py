"""GET /files/<song>/<kind>: a file of a take or an upload, made when it is first asked for. Plays in place, too: ranges
are served.

The whole song comes in other shapes, too, by the names of song.master.Master: /files/<song>/wav?rate=96000&depth=32f.
What was done to its sound then stands in the header X-Studio-Done.

What takes long says how far it is at /files/<song>/<kind>/progress, with the same query where there is one, and stops
where whoever asked has gone: close the connection to cancel it. Nothing half is kept then.
"""

import asyncio
import contextlib
import re
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from song.errors import BadRequest, Cancelled, NotFound, StudioError
from song.files import KINDS, TIMED
from song.master import PLAIN, Master, read_master
from song.progress import Progress, silent

_ENDINGS = {
    "stems": " stems",
    "ardour": " for Ardour",
    "reaper": " for Reaper",
    "loop": " loop",
    "loop4": " loop x 4",
    "gamepack": " game pack",
}
LOOK = 0.5  # seconds between two looks at whether somebody still waits
_UNSAFE = re.compile(r'[\x00-\x1f\x7f"*/:<>?\\|]+')


T = TypeVar("T")
_far: dict[str, tuple[float, str]] = {}  # how far what is being made is, by its path


async def made(take_id: str, kind: str, shape: Master = PLAIN, progress: Progress = silent) -> tuple[str, str, str]:
    """Path and download name of a file, and what was done to its sound. Raises StudioError, Cancelled."""
    import backend  # late: the page is up before the backend is loaded

    studio = await run_in_threadpool(backend.studio)
    path = await studio.exporting(take_id, kind, shape, progress)
    title, done = await run_in_threadpool(lambda: (studio.source(take_id).title, studio.done(path)))
    words = " ".join(_UNSAFE.sub(" ", title).split())[:80].strip(". ") or take_id
    return str(path), f"{words}{_ENDINGS.get(kind, '')}{shape.name}{path.suffix}", " ".join(done)


async def send(request: Request) -> Response:
    take, kind = request.path_params["take"], request.path_params["kind"]
    if kind not in KINDS:
        return JSONResponse({"detail": f"There is no such file; known are {', '.join(KINDS)}."}, 404)
    try:
        shape = read_master(kind, dict(request.query_params))
        with _far_of(_place(request)) as progress:
            path, name, done = await _while_wanted(request, made(take, kind, shape, progress))
    except BadRequest as error:
        return JSONResponse({"detail": str(error)}, 422)
    except StudioError as error:
        return JSONResponse({"detail": str(error)}, 404 if isinstance(error, NotFound) else 503)
    except Cancelled as error:
        return JSONResponse({"detail": str(error) or "Cancelled."}, 503)
    keep = "no-cache" if kind in (*TIMED, "recipe") else "max-age=3600"  # a vocal may change what the words' times are
    headers = {"cache-control": f"private, {keep}"} | ({"x-studio-done": done} if done else {})
    return FileResponse(path, filename=name, headers=headers)


def _place(request: Request) -> str:
    """What is made: the song, the kind of file and its shape."""
    return f"{request.path_params['take']}/{request.path_params['kind']}?{request.query_params}"


@contextlib.contextmanager
def _far_of(place: str) -> Iterator[Progress]:
    """A progress that others can ask for."""

    def progress(fraction: float, stage: str) -> None:
        _far[place] = fraction, stage

    try:
        yield progress
    finally:
        _far.pop(place, None)


async def _while_wanted(request: Request, going: Coroutine[Any, Any, T]) -> T:
    """What is made, as long as whoever asked is there; else it is cancelled. Raises Cancelled."""

    async def left() -> None:
        while not await request.is_disconnected():
            await asyncio.sleep(LOOK)

    making, leaving = asyncio.create_task(going), asyncio.create_task(left())
    try:
        await asyncio.wait({making, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not making.done():
            raise Cancelled
        return await making
    finally:
        leaving.cancel()
        making.cancel()


async def tell(request: Request) -> Response:
    fraction, stage = _far.get(_place(request), (0.0, ""))
    return JSONResponse({"fraction": round(fraction, 3), "stage": stage}, headers={"cache-control": "no-store"})


ROUTES = [
    Route("/files/{take}/{kind}", send, methods=["GET", "HEAD"]),
    Route("/files/{take}/{kind}/progress", tell, methods=["GET"]),
]
