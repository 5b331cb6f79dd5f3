"""Extend: a song goes on after its end, or begins earlier. The original stays as it is."""

import gradio as gr

from song.request import Extend, Findings, Original, fields
from tabs import desk, form, picker

IDLE = "Choose a song, then press Extend."
SIDES = [("after the end", "end"), ("before the start", "start")]


def build(demo: gr.Blocks) -> desk.Desk:
    """Draw the tab and wire it."""
    members = fields(Extend)
    with gr.Row(elem_classes="desk"):
        with gr.Column(scale=6, min_width=320, elem_classes="form-side"):
            chosen = picker.build(demo, "extend")
            knobs = chosen.knobs | {"prompt": form.component("prompt", members["prompt"], prefix="extend")}
            with gr.Row(elem_classes="knobs first"):
                knobs["style"] = form.component("style", members["style"], [form.AUTO], "extend")
                knobs["side"] = form.component("side", members["side"], SIDES, "extend")
                knobs["seconds"] = form.component("seconds", members["seconds"], prefix="extend")
            go, stop = desk.buttons("extend", "Extend")
            more, boxes = desk.accordions("extend", Extend, without=(Original, Findings))
            knobs |= more
            reset = desk.reset("extend")
        with gr.Column(scale=5, min_width=320, elem_classes="result-side"):
            screen = desk.screen("extend", IDLE)
    return desk.wire(demo, Extend, knobs, boxes, screen, go, stop, reset, chosen.said, {"heard": chosen.heard})
