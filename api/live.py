"""GET /jobs/<job>: a job as JSON, as the door /job gives it, for those who ask again and again.

GET /jobs/<job>/audio: the take that a job is making, as far as it is, and on as it grows.

Unmastered; a WAV file whose length nobody knows, so it cannot be sought in. It ends when the song is done; the finished
take has an address of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from song.errors import NotFound, StudioError

LOOK = 0.1  # seconds between two looks at what has come
HEADERS = {"cache-control": "no-store", "accept-ranges": "none"}


def sounding(job_id: str) -> Iterator[bytes]:
    """The sound of a running job. Raises StudioError."""
    import backend  # late: the page is up before the backend is loaded

    return backend.studio().preview(job_id)


async def send(request: Request) -> Response:
    try:
        blocks = await run_in_threadpool(sounding, request.path_params["job"])
    except StudioError as error:
        status = 404 if isinstance(error, NotFound) else 503
        return JSONResponse({"detail": str(error)}, status, {"cache-control": "no-store"})
    if request.method == "HEAD":
        return Response(headers=HEADERS, media_type="audio/wav")
    return StreamingResponse(_patient(blocks), headers=HEADERS, media_type="audio/wav")


async def _patient(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each block as it comes; empty ones mean to look again later."""
    while (block := await run_in_threadpool(next, blocks, None)) is not None:
        if block:
            yield block
        else:
            await asyncio.sleep(LOOK)


def described(job_id: str) -> dict[str, Any]:
    """Raises StudioError."""
    import backend

    return backend.studio().job(job_id).model_dump(mode="json")


async def tell(request: Request) -> Response:
    try:
        told, status = await run_in_threadpool(described, request.path_params["job"]), 200
    except StudioError as error:
        told, status = {"detail": str(error)}, 404 if isinstance(error, NotFound) else 503
    return JSONResponse(told, status, {"cache-control": "no-store"})


ROUTES = [
    Route("/jobs/{job}", tell, methods=["GET"]),
    Route("/jobs/{job}/audio", send, methods=["GET"]),
]
