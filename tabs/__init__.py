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
    """Who calls, as the queue counts them: by address."""
    return caller.client.host if caller is not None and caller.client is not None else ""
