"""Too many songs at once: what would be refused after Gradio took the call is refused before, with 429 and Retry-After.

Whoever does not come through these addresses (the page, gradio_client) gets the same sentence as the call's answer.
"""

import re

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from song.errors import QueueFull, StudioError

ASKING = re.compile(r"/gradio_api/(?:run|call(?:/v2)?)/(?:generate|cover|extend|edit|submit)/?")


class Crowd:
    """ASGI middleware behind the gate, which knows who calls."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and ASKING.fullmatch(scope["path"]):
            try:
                await run_in_threadpool(check, scope.get("state", {}).get("caller", ""))
            except QueueFull as full:
                headers = {"retry-after": str(full.retry_after), "cache-control": "no-store"}
                return await JSONResponse({"detail": str(full), "code": full.code}, 429, headers)(scope, receive, send)
            except StudioError:  # a locked library, say: the call itself will say so
                pass
        await self.app(scope, receive, send)


def check(client: str) -> None:
    import backend  # late: the page is up before the backend is loaded

    backend.studio().library.check_queue(client)
