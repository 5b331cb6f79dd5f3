"""What the tabs of all modes have in common: a form on the left, and on the right the job that is followed.

The page only follows a job; the job goes on without the page.
"""

import asyncio
import html
import json
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from gradio.context import Context

from song.errors import BadRequest, NotFound, StudioError
from song.job import Job
from song.request import MODELS, Adapters, Knobs, SongRequest, fields, groups, read
from tabs import client, form, loras, studio, widgets
from tabs.form import QUIET
from tabs.waits import reading, seat

TAKES = 60  # newest takes that a list offers
REDRAW = 0.1  # seconds between two redraws of the progress bar
SETTLE = 0.3  # seconds that a new take stands before the next redraw
Shown = dict[Any, Any]  # component -> what it shows now
Said = Callable[[dict[str, Any]], dict[str, Any]]
Boxes = dict[type[Knobs], gr.Accordion]
LISTED = ("style", "engine", "checkpoint")  # knobs whose choices only the running studio knows


@dataclass(frozen=True)
class Screen:
    """The right side of a tab: how the job goes, and what came of it."""

    idle: dict[str, Any]
    status: gr.HTML
    live: gr.HTML
    pick: gr.Radio
    player: gr.Audio
    card: gr.HTML


@dataclass(frozen=True)
class Desk:
    """A mode's tab, as the other tabs see it. `finished` are the events that may have put a take in the library."""

    mode: type[Knobs]
    knobs: dict[str, Any]  # component by knob name, in the order of the mode
    kept: gr.BrowserState  # what was typed
    screen: Screen
    finished: list[Any] = field(default_factory=list)
    drop: gr.File | None = None  # where takes are dropped whose settings are wanted; Generate has it

    @property
    def name(self) -> str:
        return str(self.mode.model_fields["mode"].default)

    @property
    def boxes(self) -> list[gr.Accordion]:
        """The accordions that hold its knobs."""
        return list(dict.fromkeys(filter(None, map(around, self.knobs.values()))))

    def reader(self, knob: str, chosen: str = "auto") -> str | None:
        """The engine that a knob means something to here: the chosen one, or else the first that is ready."""
        group = next(part for part, members in groups(self.mode) if knob in members)
        ready = [name for name, one in studio().engines.items() if self.name in one.modes and one.available() is None]
        return next((name for name in (chosen, "auto", *ready) if group in _read_there(name)), None)

    def opened(self, names: Iterable[str]) -> Shown:
        """The accordions that hold these knobs, open, so that what was filled in is seen."""
        return {box: gr.Accordion(open=True) for name in names if (box := around(self.knobs[name]))}


# -- drawing ----------------------------------------------------------------------------------------------------------


def screen(name: str, idle: str) -> Screen:
    """Draw the right side. `idle` is what the status line says while nothing goes on."""
    told = {"text": idle, "fraction": None, "tone": "idle"}
    return Screen(
        told,
        widgets.status(told, form.named(name, "status")),
        widgets.live(form.named(name, "live")),
        gr.Radio([], label="Takes", visible=False, elem_id=form.named(name, "pick"), elem_classes="pick"),
        gr.Audio(
            visible=False,
            interactive=False,
            elem_id=form.named(name, "player"),
            elem_classes="player",
            buttons=[],
            waveform_options=gr.WaveformOptions(
                waveform_color="#8c8c8c", waveform_progress_color="#000000", sample_rate=48000
            ),
        ),
        widgets.card(form.named(name, "card")),
    )


def buttons(name: str, label: str) -> tuple[gr.Button, gr.Button]:
    """The button that begins and the one that cancels; one of them shows."""
    go = gr.Button(label, variant="primary", size="lg", elem_id=form.named(name, "go"), elem_classes="go")
    stop = gr.Button("Cancel", size="lg", visible=False, elem_id=form.named(name, "stop"), elem_classes="stop")
    return go, stop


def reset(name: str) -> gr.Button:
    return gr.Button("Reset the form", size="sm", elem_id=form.named(name, "reset"), elem_classes="reset")


def accordions(name: str, mode: type[Knobs], without: tuple[type[Knobs], ...]) -> tuple[dict[str, Any], Boxes]:
    """One accordion for each group of knobs that is not drawn elsewhere."""
    drawn: dict[str, Any] = {}
    boxes: Boxes = {}
    fixed = {"style": [form.AUTO], "engine": [("auto", "auto")], "checkpoint": [("auto", "auto")]}
    fixed |= {"reference": [("none", "")]}
    for part, _ in groups(mode):
        if part is not mode and part not in without:
            boxes[part] = gr.Accordion(part.__doc__, open=False, visible=part not in MODELS)  # until one is chosen
            with boxes[part]:
                drawn |= loras.build(boxes[part], name) if part is Adapters else _row(part, fixed, name)
    return drawn, boxes


def around(knob: Any) -> gr.Accordion | None:
    """The accordion that a component lies in; None where it lies open."""
    block = knob.parent
    while block is not None and not isinstance(block, gr.Accordion):
        block = block.parent
    return block


def _row(part: type[Knobs], fixed: Mapping[str, form.Choices], name: str) -> dict[str, Any]:
    with gr.Row(elem_classes="knobs"):
        return form.build(part, fixed, prefix=name)


# -- wiring -----------------------------------------------------------------------------------------------------------


def wire(
    demo: gr.Blocks,
    mode: type[Knobs],
    knobs: dict[str, Any],
    boxes: Boxes,
    shown: Screen,
    go: gr.Button,
    stop: gr.Button,
    reset: gr.Button,
    said: Said = dict,
    beside: Mapping[str, Any] | None = None,
) -> Desk:
    """Let a tab work: submit, follow, cancel, go on after a reload, remember what was typed, and show of `boxes` those
    that the chosen engine reads.

    `said` has the last word on what the components hold; `beside` are components it reads that are no knobs.
    """
    name = str(mode.model_fields["mode"].default)
    knobs = {knob: knobs[knob] for knob in fields(mode)}
    job, kept = (browser(demo, form.named(name, key)) for key in ("studio-job", "studio-form"))
    desk = Desk(mode, knobs, kept, shown)

    def submit(caller: gr.Request, **held: Any) -> tuple[str, dict[str, Any]]:
        typed = {knob: held[knob] for knob in knobs}
        asked = form.said(mode, {knob: value for knob, value in said(held).items() if knob in knobs})
        return begin(asked, name, client(caller)), typed

    def again(event: gr.EventData, caller: gr.Request) -> str:
        try:
            request = studio().library.take(event._data["id"]).recipe.asked()
        except StudioError as error:
            raise toast(error) from None
        return begin(request.model_dump() | {"seed": None}, name, client(caller))

    on_screen = [shown.status, shown.live, go, stop, shown.pick, shown.player, shown.card]

    def attach(event: Any, play: bool) -> None:
        async def watch(job_id: str | None) -> AsyncGenerator[Shown, None]:
            async with aclosing(_watch(shown, go, stop, job_id, play)) as going:
                async for news in going:
                    yield news

        follower = event(
            watch,
            job,
            on_screen,
            concurrency_limit=None,
            **QUIET,
        )
        desk.finished.append(follower)

    attach(go.click(submit, inputs_kwargs={**knobs, **(beside or {})}, outputs=[job, kept], **QUIET).success, play=True)
    attach(shown.card.again(again, None, job, **QUIET).success, play=True)
    attach(demo.load, play=False)
    gr.on([demo.load, knobs["reference"].focus], lent, None, knobs["reference"], **QUIET)
    demo.load(lambda: lists(name), None, [knobs[knob] for knob in LISTED], **QUIET)
    stop.click(cancel, job, None, queue=False, **QUIET)
    shown.pick.input(
        lambda take_id: _show(shown, take_id, True), shown.pick, [shown.player, shown.card], queue=False, **QUIET
    )
    reset.click(lambda: [None, *blank(mode)], None, [kept, *knobs.values()], queue=False, **QUIET)
    recalled = remember(demo, kept, knobs)
    for chosen in (recalled.then, knobs["engine"].change):
        chosen(
            lambda engine: [gr.Accordion(visible=seen) for seen in read_by(engine, boxes)],
            knobs["engine"],
            list(boxes.values()),
            **QUIET,
        )
    return desk


def browser(demo: gr.Blocks, key: str) -> gr.BrowserState:
    """What the browser keeps under a name: fixed, with a fixed secret, so that it can be read after a restart. It is
    not a secret of anyone. It stands outside of the tabs: inside of one it would not be read before that is opened."""
    inside, Context.block = Context.block, demo
    try:
        return gr.BrowserState(None, storage_key=key, secret="studio")
    finally:
        Context.block = inside


def remember(demo: gr.Blocks, kept: gr.BrowserState, knobs: dict[str, Any], written: Iterable[Any] = ()) -> Any:
    """In the browser alone: an answer from the server could overwrite what was typed meanwhile. Of the components in
    `written`, what the studio wrote into them is remembered, too. Gives the event that brings all back."""
    names = json.dumps(list(knobs))
    recall = f'(kept) => {names}.map((name) => kept && name in kept ? kept[name] : {{"__type__": "update"}})'
    remember = f"(...values) => [Object.fromEntries({names}.map((name, place) => [name, values[place]]))]"
    typed = [*(knob.input for knob in knobs.values()), *(one.change for one in written)]
    gr.on(typed, None, list(knobs.values()), kept, js=remember, api_visibility="private")
    return demo.load(None, kept, list(knobs.values()), js=recall, api_visibility="private")


async def _watch(
    shown: Screen, go: gr.Button, stop: gr.Button, job_id: str | None, play: bool
) -> AsyncGenerator[Shown, None]:
    takes: tuple[str, ...] = ()
    drawn, audible = 0.0, False
    async for now in follow(job_id):
        fresh = now is not None and now.takes != takes
        if now and not (now.final or fresh) and time.monotonic() - drawn < REDRAW:
            continue
        drawn = time.monotonic()
        working = now is not None and not now.final
        # A song stays audible until it is there: what the browser has fetched of it plays on.
        audible = now is not None and working and not now.takes and (audible or now.audible)
        news: Shown = {
            shown.status: told(now, shown.idle),
            shown.live: {"job": job_id, "play": play} if audible else None,
            go: gr.Button(visible=not working),
            stop: gr.Button(visible=working),
        }
        if now and fresh:
            news |= {shown.pick: gr.Radio(labels(now.takes), value=now.takes[0], visible=len(now.takes) > 1)}
            news |= await reading(_show, shown, now.takes[0], play) if not takes else {}
            takes = now.takes
        yield news
        if fresh and not (now and now.final):
            # Once a page was seen that said Done and had no card; two redraws at once are the suspicion.
            await asyncio.sleep(SETTLE)


def _show(shown: Screen, take_id: str, play: bool = False) -> Shown:
    try:
        kept = studio().library.take(take_id)
        sound = kept.sound
    except StudioError:  # deleted since
        return {shown.player: gr.Audio(None, visible=False), shown.card: None}
    audio = gr.Audio(sound, visible=True, label=kept.recipe.title, autoplay=play)
    return {shown.player: audio, shown.card: widgets.sheet(kept)}


# -- what a tab asks of the studio ------------------------------------------------------------------------------------


def blank(mode: type[Knobs]) -> list[Any]:
    """The form as a newcomer finds it."""
    return [form.unsaid(field) for field in fields(mode).values()]


def everything(tabs: gr.Tabs, desks: Mapping[str, Desk]) -> list[Any]:
    """All that `filled` may write to."""
    return [tabs, *(part for desk in desks.values() for part in (desk.kept, *desk.boxes, *desk.knobs.values()))]


def filled(request: SongRequest, tabs: gr.Tabs, desks: Mapping[str, Desk]) -> Shown:
    """The tab of a request's mode in view, with the request in its form, which is open wherever it says something."""
    held, desk = form.held(request), desks[request.mode]
    told = [name for name, knob in fields(desk.mode).items() if held[name] != form.unsaid(knob)]
    news = {knob: held[name] for name, knob in desk.knobs.items()}
    return {tabs: gr.Tabs(selected=desk.name), desk.kept: held} | news | desk.opened(told)


async def follow(job_id: str | None) -> AsyncGenerator[Job | None, None]:
    """Every change of a job; None where there is nothing to follow."""
    if not job_id:
        yield None
        return
    try:
        house = await reading(studio)  # it may be opening still
        with seat():
            async with aclosing(house.following(job_id)) as going:
                async for now in going:
                    yield now
    except NotFound:  # the browser remembers a job of another library
        yield None
    except StudioError as error:  # the library is locked, say; the job goes on, and a reload finds it again
        raise toast(error) from None


def begin(said: Mapping[str, Any], mode: str, who: str) -> str:
    """Submit what was said; the job's id."""
    try:
        return studio().submit(read({"mode": mode, **said}), who).id
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
    """An error as a toast: one sentence, no traceback."""
    return gr.Error(marked(error), print_exception=False)


def marked(error: StudioError) -> str:
    """An error's sentence as toasts show it. They are markup, and sentences quote the user."""
    return html.escape(form.sentence(error), quote=False)


def told(job: Job | None, idle: dict[str, Any]) -> dict[str, Any]:
    """A job as the status line shows it."""
    if job is None:
        return idle
    if job.state == "done":
        count = len(job.takes)
        return {"text": "Done." if count == 1 else f"Done: {count} takes.", "fraction": None, "tone": "done"}
    if job.final:
        return {"text": _fault(job) or f"The song was {job.state}.", "fraction": None, "tone": "error"}
    left = f", {max(1, round(job.seconds_left))} s left" if job.seconds_left is not None else ""
    return {"text": f"{job.stage[:1].upper()}{job.stage[1:]}{left}", "fraction": job.fraction, "tone": "working"}


def _fault(job: Job) -> str:
    """What a job failed with; a knob goes by the name that the form shows, as in a toast."""
    knob, _, rest = (job.error or "").partition(": ")
    if job.error_code == BadRequest.code and job.request and knob in fields(type(job.request)):
        return form.sentence(BadRequest(knob, rest))
    return job.error or ""


def labels(takes: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(f"Take {number}", take_id) for number, take_id in enumerate(takes, 1)]


def lists(mode: str) -> list[gr.Dropdown]:
    """The choices that only the running studio knows: styles, engines and checkpoints."""
    ready = {
        name: engine for name, engine in studio().engines.items() if engine.available() is None and mode in engine.modes
    }
    styles = {id: name for engine in ready.values() for id, name in engine.styles().items()}
    named = [form.AUTO, *((name, id) for id, name in sorted(styles.items(), key=lambda pair: pair[1].lower()))]
    models = [name for engine in ready.values() for name in engine.checkpoints()]
    return [gr.Dropdown(choices=named), *(gr.Dropdown(choices=_with_auto(names)) for names in (ready, models))]


def lent() -> gr.Dropdown:
    """Songs whose sound a new one may have: none, or one of the library's newest takes."""
    return gr.Dropdown(choices=[("none", ""), *newest()])


def newest() -> list[tuple[str, str]]:
    """The newest takes of the library, as lists offer them."""
    kept = studio().library.takes(limit=TAKES)
    return [(f"{one.recipe.title} ({widgets.clock(one.recipe.duration)})", one.id) for one in kept]


def _with_auto(names: Iterable[str]) -> list[tuple[str, str]]:
    return [("auto", "auto"), *((name, name) for name in names)]


def read_by(engine: str, boxes: Boxes) -> list[bool]:
    """Which groups of knobs mean something to an engine; all, while nobody knows it."""
    read_there = _read_there(engine)
    return [not read_there or group in read_there for group in boxes]


def _read_there(engine: str) -> tuple[type[Knobs], ...]:
    try:
        return studio().reads(engine)
    except StudioError:
        return ()
