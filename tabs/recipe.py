"""A take that is dropped on the page: the form of its mode is filled with what made it.

A take carries its recipe as WAV, FLAC and MP3, and may stand in the library or not. A drop anywhere on the page that is
on no other zone lands here, see page.js.
"""

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

import tags
from song.errors import StudioError
from tabs.desk import QUIET, Desk, everything, filled, marked


def zone() -> gr.File:
    """Where a take is dropped, or chosen with a click. Any file may come: what is none of ours is told so."""
    return gr.File(
        label="Drop a song from this studio: the form shows what made it",
        type="filepath",
        elem_id="recipe-upload",
        elem_classes="upload",
    )


def wire(drop: gr.File, tabs: gr.Tabs, desks: Mapping[str, Desk]) -> None:
    """Let the zone fill the forms; it is empty again afterwards, whatever came of it.

    What is none of ours is told by a warning: an error would leave the file in the zone, which then takes no other.
    """

    def fill(path: str) -> dict[Any, Any]:
        try:
            recipe = tags.read_recipe(Path(path))
        except StudioError as error:
            gr.Warning(marked(error))
            return {drop: None}
        gr.Info(f"The form holds what made {html.escape(recipe.title, quote=False)}.")
        return {drop: None} | filled(recipe.asked().model_copy(update={"seed": recipe.seed}), tabs, desks)

    drop.upload(fill, drop, [drop, *everything(tabs, desks)], **QUIET)
