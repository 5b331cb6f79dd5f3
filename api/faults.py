"""Calls that Gradio itself cannot read: a sentence instead of a bare 500."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

UNREADABLE = "This call lacks a parameter or has one too many; GET /gradio_api/info lists what every door takes."


async def unreadable(request: Request, error: Exception) -> Response:
    """Gradio raises TypeError for missing and unknown names in /gradio_api/call/v2, KeyError for an unknown door; any
    other is a fault of ours."""
    if not request.url.path.startswith("/gradio_api/call/"):
        raise error
    return JSONResponse({"detail": UNREADABLE}, 422)


HANDLERS = {TypeError: unreadable, KeyError: unreadable}
