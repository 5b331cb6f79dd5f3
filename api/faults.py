"""Calls and uploads that Gradio itself cannot read: a sentence instead of a bare 500."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

UNREADABLE = "This call lacks a parameter or has one too many; GET /gradio_api/info lists what every door takes."

NO_FILE = "This form has a field that is no file; send every file as a part named files, with a file name."


async def unreadable(request: Request, error: Exception) -> Response:
    """Gradio raises TypeError for missing and unknown names in /gradio_api/call/v2, KeyError for an unknown door; any
    other is a fault of ours."""
    if request.url.path == "/gradio_api/upload":
        return await no_file(request, error)
    if not request.url.path.startswith("/gradio_api/call/"):
        raise error
    return JSONResponse({"detail": UNREADABLE}, 422)


async def no_file(request: Request, error: Exception) -> Response:
    """Where files are uploaded, Gradio raises TypeError for a plain field, AttributeError where it counts the bytes."""
    if request.url.path != "/gradio_api/upload":
        raise error
    return JSONResponse({"detail": NO_FILE}, 400)


HANDLERS = {TypeError: unreadable, KeyError: unreadable, AttributeError: no_file}
