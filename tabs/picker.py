"""The song to start from: an upload or a take of the library, its waveform, and what was heard in it.

What was heard fills the knobs of that group, so that it can be corrected before it is used. A finding that was left as
it is goes unsaid: the engine then takes it as exactly as it was heard.
"""

import functools
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import soundfile

from song.errors import StudioError
from song.heard import Heard
from song.request import Findings, fields
from tabs import desk, form, studio, widgets
from tabs.waits import reading, seat

KINDS = [".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aif", ".aiff"]
IDLE = {"text": "Choose a song: drop a file, or take one of the library.", "fraction": None, "tone": "idle"}
PEAKS = 900  # bars of the waveform


@dataclass(frozen=True)
class Picker:
    """The components of the choice. `source` is the knob; `heard` keeps what was found, before any correction."""

    source: gr.Textbox
    takes: gr.Dropdown
    wave: gr.HTML
    told: gr.HTML
    heard: gr.State
    findings: dict[str, Any]

    @property
    def knobs(self) -> dict[str, Any]:
        return {"source": self.source, **self.findings}

    @staticmethod
    def said(held: dict[str, Any]) -> dict[str, Any]:
        """What the form says, with every finding that was left as it was heard unsaid."""
        found = held["heard"] or {}
        return {name: "" if name in found and value == found[name] else value for name, value in held.items()}


def build(demo: gr.Blocks, name: str, editable: bool = False) -> Picker:
    """Draw the choice, the waveform and the findings, and wire them. `editable`: regions can be dragged."""
    upload = gr.File(
        label="Drop a song here, or choose a file",
        file_types=KINDS,
        type="filepath",
        height=120,
        elem_id=form.named(name, "upload"),
        elem_classes="upload",
    )
    takes = gr.Dropdown([], label="Or a song of the library", elem_id=form.named(name, "takes"), min_width=220)
    source = gr.Textbox(visible="hidden", elem_id=form.named(name, "knob-source"), label="Original")
    wave = widgets.wave(form.named(name, "wave"))
    told = widgets.status(IDLE, form.named(name, "heard"))
    with gr.Accordion(Findings.__doc__, open=False), gr.Row(elem_classes="knobs"):
        findings = form.build(Findings, {}, prefix=name)
    picker = Picker(source, takes, wave, told, gr.State({}), findings)
    empty = ["" for _ in findings]

    def give(path: str | None) -> list[Any]:
        if not path:
            return [gr.skip()] * (3 + len(findings))
        try:
            return [None, studio().add_source(Path(path)).id, None, *empty]
        except StudioError as error:
            raise desk.toast(error) from None

    upload.upload(give, upload, [upload, source, takes, *findings.values()], **desk.QUIET)
    takes.input(lambda id: [id or "", *empty], takes, [source, *findings.values()], **desk.QUIET)
    heard = [told, wave, picker.heard, *findings.values()]
    source.change(functools.partial(listen, editable), [source, *findings.values()], heard, **desk.QUIET)
    gr.on([demo.load, takes.focus, source.change], offered, source, takes, **desk.QUIET)
    return picker


async def listen(editable: bool, source: str, *held: Any) -> AsyncGenerator[list[Any], None]:
    """Listen to the chosen song: first its waveform, then what was heard, in the findings that hold nothing yet."""
    names = list(fields(Findings))
    still = [gr.skip()] * len(names)
    if not source:
        yield [IDLE, None, {}, *still]
        return
    try:
        house = await reading(studio)
        song = await reading(house.source, source)
        known = {"id": source, "title": song.title, "url": f"files/{source}/wav", "editable": editable}
        picture = known | await reading(peaks, song.path)
        yield [{"text": f"Listening to {song.title}", "fraction": 0.3, "tone": "working"}, picture, {}, *still]
        with seat():
            heard = await house.listening(source)
    except StudioError as error:
        yield [{"text": form.sentence(error), "fraction": None, "tone": "error"}, None, {}, *still]
        return
    found = said(heard)
    filled = [found[name] if value in ("", None) else value for name, value in zip(names, held, strict=True)]
    picture |= {"beats": list(heard.beats), "sections": [[one.start, one.end, one.label] for one in heard.sections]}
    yield [{"text": heard.words(), "fraction": None, "tone": "done"}, picture, found, *filled]


def said(heard: Heard) -> dict[str, Any]:
    """What was heard, as its knobs hold it."""
    return {
        "source_bpm": f"{heard.bpm:.2f}".rstrip("0").rstrip("."),
        "source_key": heard.key,
        "source_meter": heard.meter,
        "source_downbeat": f"{heard.downbeats[0]:.3f}" if heard.downbeats else "",
        "source_chords": heard.grid(),
    }


def peaks(path: Path) -> dict[str, Any]:
    """Duration in seconds and the highest sample of each of PEAKS stretches, 0-100."""
    with soundfile.SoundFile(path) as song:
        size = max(1, -(-song.frames // PEAKS))
        highest = [float(np.abs(block).max(initial=0.0)) for block in song.blocks(size, dtype="float32")]
        duration = song.frames / song.samplerate
    return {"duration": duration, "peaks": [round(100 * min(1.0, value)) for value in highest]}


def offered(source: str) -> gr.Dropdown:
    """The newest takes of the library, as the list shows them, and the chosen one where it is among them."""
    named = desk.newest()
    return gr.Dropdown(named, value=source if source in dict(named).values() else None)
