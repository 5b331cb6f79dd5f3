"""What Gradio keeps of every caller.

Each call of a script is a session of its own to Gradio, which draws the whole page anew for it, 250 components, only to
be able to give a link to the page as it stood there. The studio gives no such links; a session of ours holds what
was changed, and costs a hundredth.
"""

from types import SimpleNamespace
from typing import Any

import gradio as gr
from gradio.state_holder import SessionState, StateHolder


class Sessions(StateHolder):
    """Sessions that begin with nothing drawn."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = begun(self.blocks)
        return super().__getitem__(session_id)


def begun(blocks: Any) -> SessionState:
    """A new session; a component is drawn in it when an event first changes it."""
    return SessionState(SimpleNamespace(default_config=blocks.default_config, blocks={}))  # type: ignore[arg-type]


def lighten(app: Any, demo: gr.Blocks) -> None:
    """Let a page that was launched hold sessions of this kind."""
    sessions = Sessions()
    sessions.set_blocks(demo)
    app.state_holder = sessions
