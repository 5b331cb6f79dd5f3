"""GET /files/<take>/<kind>: a take's file, made when it is first asked for. Plays in place, too: ranges are served.

The whole song comes in other shapes, too, by the names of song.master.Master: /files/<take>/wav?rate=96000&depth=32f.
What was done to its sound then stands in the header X-Studio-Done.
"""

import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from song.errors import BadRequest, NotFound, StudioError
from song.files import KINDS
from song.master import PLAIN, Master, read_master

_ENDINGS = {"stems": " stems", "ardour": " for Ardour", "reaper": " for Reaper", "loop": " loop", "loop4": " loop x 4"}
_UNSAFE = re.compile(r'[\x00-\x1f\x7f"*/:<>?\\|]+')


def made(take_id: str, kind: str, shape: Master = PLAIN) -> tuple[str, str, str]:
    """Path and download name of a file, and what was done to its sound. Raises StudioError."""
    import backend  # late: the page is up before the backend is loaded

    path = backend.studio().export(take_id, kind, shape)
    title = backend.studio().source(take_id).title
    words = " ".join(_UNSAFE.sub(" ", title).split())[:80].strip(". ") or take_id
    return str(path), f"{words}{_ENDINGS.get(kind, '')}{shape.name}{path.suffix}", " ".join(backend.studio().done(path))


async def send(request: Request) -> Response:
    kind = request.path_params["kind"]
    if kind not in KINDS:
        return JSONResponse({"detail": f"There is no such file; known are {', '.join(KINDS)}."}, 404)
    try:
        shape = read_master(kind, dict(request.query_params))
        path, name, done = await run_in_threadpool(made, request.path_params["take"], kind, shape)
    except BadRequest as error:
        return JSONResponse({"detail": str(error)}, 422)
    except StudioError as error:
        return JSONResponse({"detail": str(error)}, 404 if isinstance(error, NotFound) else 503)
    headers = {"cache-control": "private, max-age=3600"} | ({"x-studio-done": done} if done else {})
    return FileResponse(path, filename=name, headers=headers)


ROUTES = [Route("/files/{take}/{kind}", send, methods=["GET", "HEAD"])]
