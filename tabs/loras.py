"""LoRAs on the page: those that are here with a strength each, and a place to drop another.

The knob is text that can be typed, "erhu:0.8, choir"; list and slider write it, too.
"""

from pathlib import Path
from typing import Any

import gradio as gr

from song.errors import BadRequest, StudioError
from song.loras import STRONGEST, Wanted, parse, written
from song.request import Adapters
from tabs import form, studio, widgets

CONFIG = "adapter_config.json"
IDLE = {"text": f"Drop a LoRA (.safetensors), with its {CONFIG} if it has one.", "fraction": None, "tone": "idle"}


def build(box: gr.Accordion, name: str) -> dict[str, Any]:
    """Draw the knob of this group with its list, slider and upload, and wire them. `box` is the group's accordion."""
    with gr.Row(elem_classes="knobs"):
        knobs = form.build(Adapters, {}, prefix=name)
        chosen = gr.Dropdown(
            [], label="LoRA", info="One that is here.", elem_id=form.named(name, "lora"), min_width=150
        )
        strength = gr.Slider(
            0,
            STRONGEST,
            value=1,
            step=0.05,
            label="Strength",
            info="Of the chosen one; 0 takes it out.",
            buttons=[],
            min_width=220,
            elem_id=form.named(name, "lora-strength"),
        )
    upload = gr.File(
        label="Drop a LoRA here",
        file_count="multiple",
        type="filepath",
        height=120,
        elem_id=form.named(name, "lora-upload"),
        elem_classes="upload",
    )
    told = widgets.status(IDLE, form.named(name, "lora-told"))
    knob = knobs["loras"]
    gr.on([box.expand, chosen.focus], offered, chosen, chosen, **form.QUIET)
    chosen.input(picked, [chosen, knob], [knob, strength], **form.QUIET)
    strength.input(turned, [chosen, strength, knob], knob, trigger_mode="always_last", **form.QUIET)
    upload.upload(given, [upload, knob], [upload, told, chosen, strength, knob], **form.QUIET)
    return knobs


def offered(chosen: str | None) -> gr.Dropdown:
    """The LoRAs that are here, as the list shows them."""
    here = [lora.name for lora in studio().kept_loras()]
    return gr.Dropdown(here, value=chosen if chosen in here else None)


def picked(name: str, text: str) -> list[Any]:
    """A LoRA that was chosen joins those that are asked for; the slider shows its strength."""
    there = {one.name: one.strength for one in _asked(text)}
    return [_with(text, name, there.get(name, 1.0)), there.get(name, 1.0)]


def turned(name: str | None, strength: float, text: str) -> str:
    """The chosen LoRA at another strength."""
    return _with(text, name, strength) if name else text


def given(paths: list[str], text: str) -> list[Any]:
    """What was dropped, kept and asked for; or why it cannot be used. Either way another one can be dropped."""
    try:
        lora = _kept([Path(path) for path in paths])
        told = {"text": f"{lora.name}: {lora.inside().words()}", "fraction": None, "tone": "done"}
    except StudioError as error:
        told = {"text": form.sentence(error), "fraction": None, "tone": "error"}
        return [None, told, gr.skip(), gr.skip(), gr.skip()]
    return [None, told, offered(lora.name), 1.0, _with(text, lora.name, 1.0)]


def _kept(files: list[Path]) -> Any:
    """The LoRA among the files, kept with its settings. Raises BadRequest, DiskFull."""
    configs = [file for file in files if file.suffix == ".json"]  # browsers number what they download twice
    others = [file for file in files if file not in configs]
    if len(others) != 1 or len(configs) > 1:
        raise BadRequest("loras", f"give one .safetensors file at a time, with its {CONFIG} or without")
    name = others[0].name.removesuffix(".safetensors")
    return studio().add_lora(others[0], name, configs[0] if configs else None)


def _asked(text: str) -> tuple[Wanted, ...]:
    """Those that are asked for; what cannot be read is said when a song is asked for."""
    try:
        return parse(text or "")
    except ValueError:
        return ()


def _with(text: str, name: str, strength: float) -> str:
    """The text with one LoRA at this strength, in its place or behind the others; at 0 without it."""
    there = {one.name: one.strength for one in _asked(text)} | {name: strength}
    return written(Wanted(*one) for one in there.items() if one[1] > 0)
