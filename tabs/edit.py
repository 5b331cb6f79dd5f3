"""Edit: some seconds of a song, or one of its parts, made anew. Every sample outside stays as it was."""

from typing import Any

import gradio as gr

from song import regions
from song.errors import StudioError
from song.request import Edit, Findings, Original, fields
from tabs import desk, form, picker

IDLE = "Choose a song, drag over what should be made anew, then press Edit."


def build(demo: gr.Blocks) -> desk.Desk:
    """Draw the tab and wire it."""
    members = fields(Edit)
    with gr.Row(elem_classes="desk"):
        with gr.Column(scale=6, min_width=320, elem_classes="form-side"):
            chosen = picker.build(demo, "edit", editable=True)
            knobs = chosen.knobs
            with gr.Row(elem_classes="knobs first"):
                knobs["regions"] = form.component("regions", members["regions"], prefix="edit")
                knobs["style"] = form.component("style", members["style"], [form.AUTO], "edit")
            knobs["prompt"] = form.component("prompt", members["prompt"], prefix="edit")
            go, stop = desk.buttons("edit", "Edit")
            more, boxes = desk.accordions("edit", Edit, without=(Original, Findings))
            knobs |= more
            reset = desk.reset("edit")
        with gr.Column(scale=5, min_width=320, elem_classes="result-side"):
            screen = desk.screen("edit", IDLE)
    chosen.wave.regions(dragged, None, knobs["regions"], **desk.QUIET)
    gr.on(
        [knobs["regions"].change, chosen.heard.change],
        typed,
        [knobs["regions"], chosen.wave],
        chosen.wave,
        **desk.QUIET,
    )
    return desk.wire(demo, Edit, knobs, boxes, screen, go, stop, reset, chosen.said, {"heard": chosen.heard})


def dragged(event: gr.EventData) -> str:
    """The regions as they were dragged, for the knob that can be typed."""
    return str(event._data["text"])


def typed(text: str, picture: dict[str, Any] | None) -> Any:
    """The regions as they were typed, for the waveform; while they cannot be read it stays as it is."""
    if not picture:
        return gr.skip()
    try:
        found = regions.parse(text)
    except (ValueError, StudioError):
        return gr.skip()
    return picture | {"regions": [list(pair) for pair in found]}
