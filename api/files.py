"""GET /files/<take>/<kind>: a take's file, made when it is first asked for. Plays in place, too: ranges are served."""

import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from song.errors import NotFound, StudioError
from song.files import KINDS

_ENDINGS = {"stems": " stems", "ardour": " for Ardour", "reaper": " for Reaper", "loop": " loop", "loop4": " loop x 4"}
_UNSAFE = re.compile(r'[\x00-\x1f\x7f"*/:<>?\\|]+')


def made(take_id: str, kind: str) -> tuple[str, str]:
    """Path and download name of a file. Raises StudioError."""
    import backend  # late: the page is up before the backend is loaded

    path = backend.studio().export(take_id, kind)
    title = backend.studio().source(take_id).title
    words = " ".join(_UNSAFE.sub(" ", title).split())[:80].strip(". ") or take_id
    return str(path), f"{words}{_ENDINGS.get(kind, '')}{path.suffix}"


async def send(request: Request) -> Response:
    kind = request.path_params["kind"]
    if kind not in KINDS:
        return JSONResponse({"detail": f"There is no such file; known are {', '.join(KINDS)}."}, 404)
    try:
        path, name = await run_in_threadpool(made, request.path_params["take"], kind)
    except StudioError as error:
        return JSONResponse({"detail": str(error)}, 404 if isinstance(error, NotFound) else 503)
    return FileResponse(path, filename=name, headers={"cache-control": "private, max-age=3600"})


ROUTES = [Route("/files/{take}/{kind}", send, methods=["GET", "HEAD"])]
