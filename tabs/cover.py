"""Cover: a known song in a new style."""

import gradio as gr

from song.request import Cover, Findings, Likeness, Original, Song, fields
from tabs import desk, form, picker

IDLE = "Choose a song, name a style, then press Cover."


def build(demo: gr.Blocks) -> desk.Desk:
    """Draw the tab and wire it."""
    members = fields(Cover)
    with gr.Row(elem_classes="desk"):
        with gr.Column(scale=6, min_width=320, elem_classes="form-side"):
            chosen = picker.build(demo, "cover")
            knobs = chosen.knobs | {"prompt": form.component("prompt", members["prompt"], prefix="cover")}
            with gr.Row(elem_classes="knobs first"):
                knobs["style"] = form.component("style", members["style"], [form.AUTO], "cover")
                knobs["strength"] = form.component("strength", members["strength"], prefix="cover")
            go, stop = desk.buttons("cover", "Cover")
            with gr.Accordion("Length, tempo, key", open=False), gr.Row(elem_classes="knobs"):
                knobs |= form.build(Song, {}, without=("prompt", "style"), prefix="cover")
            more, boxes = desk.accordions("cover", Cover, without=(Song, Original, Likeness, Findings))
            knobs |= more
            reset = desk.reset("cover")
        with gr.Column(scale=5, min_width=320, elem_classes="result-side"):
            screen = desk.screen("cover", IDLE)
    return desk.wire(demo, Cover, knobs, boxes, screen, go, stop, reset, chosen.said, {"heard": chosen.heard})
