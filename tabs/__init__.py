"""The page, one file per tab."""

from typing import TYPE_CHECKING

import gradio as gr

if TYPE_CHECKING:
    from backend import Studio


def studio() -> "Studio":
    """The one Studio. Imported when first asked for: the page is drawn while the backend still loads."""
    import backend

    return backend.studio()


def client(caller: gr.Request | None) -> str:
    """Who calls, as the queue counts them: a signed-in browser's session, else the address, see api.gate."""
    if caller is None:
        return ""
    known = getattr(caller.request.state, "caller", "") if caller.request is not None else ""
    return str(known) or (caller.client.host if caller.client is not None else "")
