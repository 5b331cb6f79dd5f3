"""Generate: words in, a song out."""

from dataclasses import replace
from typing import Any

import gradio as gr

from song.request import Generate, Making, Song, fields
from tabs import desk, form, recipe

EXAMPLES = {
    "lo-fi": "dusty lo-fi hip hop with rhodes and vinyl crackle, 82 bpm, D minor",
    "house": "warm deep house, organ stabs and a round bass, 122 bpm, F minor",
    "psytrance": "driving psytrance with a rolling bass and acid lead, 145 bpm, E phrygian",
    "trap": "dark trap, slow 808 glides, bells and fast hats, 140 bpm, C# minor",
    "cinematic": "cinematic orchestral rise, low strings to full brass, D minor, 90 seconds",
    "ambient": "slow ambient drift, soft pads and distant mallets, no drums, C lydian",
    "rock": "uptempo rock with crunchy guitars and a big chorus, 148 bpm, A major",
    "jazz waltz": "small jazz combo, brushed drums and upright bass, a waltz in Bb major",
}
IDLE = "Describe a song, then press Generate. Ctrl+Enter does the same."


def build(demo: gr.Blocks) -> desk.Desk:
    """Draw the tab and wire it."""
    with gr.Row(elem_id="desk", elem_classes="desk"):
        with gr.Column(scale=6, min_width=320, elem_id="form", elem_classes="form-side"):
            knobs, boxes, go, stop, examples, reset = _form()
            drop = recipe.zone()
        with gr.Column(scale=5, min_width=320, elem_id="result", elem_classes="result-side"):
            screen = desk.screen("", IDLE)
    examples.click(lambda sample: sample[0], examples, knobs["prompt"], queue=False, **desk.QUIET)
    return replace(desk.wire(demo, Generate, knobs, boxes, screen, go, stop, reset), drop=drop)


def _form() -> tuple[dict[str, Any], desk.Boxes, gr.Button, gr.Button, gr.Dataset, gr.Button]:
    """The words and the button first, then the knobs that matter, then the rest."""
    fixed = {"style": [form.AUTO], "engine": [("auto", "auto")]}
    knobs = {"prompt": form.component("prompt", fields(Generate)["prompt"])}
    examples = gr.Dataset(
        components=["textbox"],
        samples=[[words] for words in EXAMPLES.values()],
        sample_labels=list(EXAMPLES),
        label="Examples",
        elem_id="examples",
    )
    go, stop = desk.buttons("", "Generate")
    with gr.Row(elem_classes="knobs"):
        knobs |= form.build(Song, fixed, without=("prompt",)) | form.build(Making, fixed)
    more, boxes = desk.accordions("", Generate, without=(Song, Making))
    knobs |= more
    reset = desk.reset("")
    return knobs, boxes, go, stop, examples, reset
