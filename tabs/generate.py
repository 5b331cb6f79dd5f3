"""Generate: words in, a song out. The page only follows a job; the job goes on without the page."""

import html
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from song.errors import StudioError
from song.job import Job
from song.request import Generate, Making, Mastering, Playing, Singing, Song, Structure, fields, read
from tabs import form, studio, widgets

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
IDLE = {"text": "Describe a song, then press Generate. Ctrl+Enter does the same.", "fraction": None, "tone": "idle"}
REDRAW = 0.1  # seconds between two redraws of the progress bar
Shown = dict[Any, Any]  # component -> what it shows now


@dataclass(frozen=True)
class Page:
    """What the other tabs need of this one. `finished` are the events that may have put a take in the library."""

    knobs: dict[str, Any]  # component by knob name
    form: gr.BrowserState
    finished: list[Any] = field(default_factory=list)


def build(demo: gr.Blocks) -> Page:
    """Draw the tab and wire it."""
    # Fixed names and secrets: what the browser keeps must be readable after a restart. It is not a secret of anyone.
    job = gr.BrowserState(None, storage_key="studio-job", secret="studio")
    saved = gr.BrowserState(None, storage_key="studio-form", secret="studio")
    with gr.Row(elem_id="desk"):
        with gr.Column(scale=6, min_width=320, elem_id="form"):
            knobs, go, stop, examples, reset = desk()
        with gr.Column(scale=5, min_width=320, elem_id="result"):
            status = widgets.status(IDLE)
            pick = gr.Radio([], label="Takes", visible=False, elem_id="pick")
            player = gr.Audio(
                visible=False,
                interactive=False,
                elem_id="player",
                buttons=[],
                waveform_options=gr.WaveformOptions(
                    waveform_color="#8c8c8c", waveform_progress_color="#000000", sample_rate=48000
                ),
            )
            card = widgets.card()
    page = Page(knobs, saved)

    def watch(job_id: str | None, play: bool = False) -> Iterator[Shown]:
        takes: tuple[str, ...] = ()
        drawn = 0.0
        for now in follow(job_id):
            fresh = now is not None and now.takes != takes
            if now and not (now.final or fresh) and time.monotonic() - drawn < REDRAW:
                continue
            drawn = time.monotonic()
            working = now is not None and not now.final
            shown: Shown = {status: told(now), go: gr.Button(visible=not working), stop: gr.Button(visible=working)}
            if now and fresh:
                shown |= {pick: gr.Radio(labels(now.takes), value=now.takes[0], visible=len(now.takes) > 1)}
                shown |= show(now.takes[0], play) if not takes else {}
                takes = now.takes
            yield shown

    def show(take_id: str, play: bool = False) -> Shown:
        try:
            kept = studio().library.take(take_id)
        except StudioError:  # deleted since
            return {player: gr.Audio(None, visible=False), card: None}
        audio = gr.Audio(kept.files["audio"], visible=True, label=kept.recipe.title, autoplay=play)
        return {player: audio, card: widgets.sheet(kept)}

    def submit(**held: Any) -> tuple[str, dict[str, Any]]:
        return begin(form.said(Generate, held)), held

    def again(event: gr.EventData) -> str:
        try:
            request = studio().library.take(event._data["id"]).recipe.request
        except StudioError as error:
            raise toast(error) from None
        return begin(request.model_dump() | {"seed": None})

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    screen = [status, go, stop, pick, player, card]

    def attach(event: Any, play: bool) -> None:
        follower = event(lambda job_id: (yield from watch(job_id, play)), job, screen, concurrency_limit=None, **quiet)
        page.finished.append(follower)

    attach(go.click(submit, inputs_kwargs={**knobs}, outputs=[job, saved], **quiet).success, play=True)
    attach(card.again(again, None, job, **quiet).success, play=True)
    attach(demo.load, play=False)
    demo.load(lists, None, [knobs["style"], knobs["engine"]], **quiet)
    stop.click(cancel, job, None, queue=False, **quiet)
    pick.input(lambda take_id: show(take_id, True), pick, [player, card], queue=False, **quiet)
    examples.click(lambda sample: sample[0], examples, knobs["prompt"], queue=False, **quiet)
    reset.click(lambda: [None, *blank()], None, [saved, *knobs.values()], queue=False, **quiet)
    # In the browser alone: an answer from the server could overwrite what was typed meanwhile.
    names = json.dumps(list(knobs))
    recall = f'(kept) => {names}.map((name) => kept && name in kept ? kept[name] : {{"__type__": "update"}})'
    remember = f"(...values) => [Object.fromEntries({names}.map((name, place) => [name, values[place]]))]"
    typed = [knob.input for knob in knobs.values()]
    demo.load(None, saved, list(knobs.values()), js=recall, api_visibility="private")
    gr.on(typed, None, list(knobs.values()), saved, js=remember, api_visibility="private")
    return page


def desk() -> tuple[dict[str, Any], gr.Button, gr.Button, gr.Dataset, gr.Button]:
    """The form: the words and the button first, then the knobs that matter, then the rest."""
    fixed = {"style": [form.AUTO], "engine": [("auto", "auto")]}
    members = fields(Generate)
    knobs = {"prompt": form.component("prompt", members["prompt"])}
    examples = gr.Dataset(
        components=["textbox"],
        samples=[[words] for words in EXAMPLES.values()],
        sample_labels=list(EXAMPLES),
        label="Examples",
        elem_id="examples",
    )
    go = gr.Button("Generate", variant="primary", size="lg", elem_id="go")
    stop = gr.Button("Cancel", variant="secondary", size="lg", visible=False, elem_id="stop")
    with gr.Row(elem_classes="knobs"):
        knobs |= form.build(Song, fixed, without=("prompt",)) | form.build(Making, fixed)
    for part in (Singing, Structure, Playing, Mastering):
        with gr.Accordion(part.__doc__, open=False), gr.Row(elem_classes="knobs"):
            knobs |= form.build(part, fixed)
    reset = gr.Button("Reset the form", size="sm", elem_id="reset")
    return {name: knobs[name] for name in members}, go, stop, examples, reset


def blank() -> list[Any]:
    """The form as a newcomer finds it."""
    return [form.unsaid(field) for field in fields(Generate).values()]


def follow(job_id: str | None) -> Iterator[Job | None]:
    """Every change of a job; None where there is nothing to follow."""
    if not job_id:
        yield None
        return
    try:
        yield from studio().follow(job_id)
    except StudioError:  # the browser remembers a job of another library
        yield None


def begin(said: Mapping[str, Any]) -> str:
    """Submit what was said; the job's id."""
    try:
        return studio().submit(read(said)).id
    except StudioError as error:
        raise toast(error) from None


def cancel(job_id: str | None) -> None:
    """Cancel the job that this page follows; the follower shows what came of it."""
    try:
        if job_id:
            studio().cancel(job_id)
    except StudioError as error:
        raise toast(error) from None


def toast(error: StudioError) -> gr.Error:
    """An error as a toast: one sentence, no traceback. Toasts are markup, and sentences quote the user."""
    return gr.Error(html.escape(form.sentence(error), quote=False), print_exception=False)


def told(job: Job | None) -> dict[str, Any]:
    """A job as the status line shows it."""
    if job is None:
        return IDLE
    if job.state == "done":
        count = len(job.takes)
        return {"text": "Done." if count == 1 else f"Done: {count} takes.", "fraction": None, "tone": "done"}
    if job.final:
        return {"text": job.error or f"The song was {job.state}.", "fraction": None, "tone": "error"}
    left = f", {max(1, round(job.seconds_left))} s left" if job.seconds_left is not None else ""
    return {"text": f"{job.stage[:1].upper()}{job.stage[1:]}{left}", "fraction": job.fraction, "tone": "working"}


def labels(takes: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(f"Take {number}", take_id) for number, take_id in enumerate(takes, 1)]


def lists() -> list[gr.Dropdown]:
    """The choices that only the running studio knows: styles and engines."""
    ready = {name: engine for name, engine in studio().engines.items() if engine.available() is None}
    styles = {id: name for engine in ready.values() for id, name in engine.styles().items()}
    named = [form.AUTO, *((name, id) for id, name in styles.items())]
    return [gr.Dropdown(choices=named), gr.Dropdown(choices=[("auto", "auto"), *((name, name) for name in ready)])]
