"""Lyrics: a brief in, words out, and how they fit a song."""

import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import gradio as gr

from song.errors import StudioError
from song.lyrics import Lyrics, unclosed
from song.names import one_line
from song.request import Making, Singing, Song, fields
from song.writing import Chatting, WriteLyrics, read_brief
from tabs import desk, form, handover, studio, widgets
from tabs.desk import QUIET, Desk, Shown, toast
from tabs.handover import ANEW, LONGEST, ROOMY, credited
from tabs.waits import reading, seat

if TYPE_CHECKING:
    from lyrics import Written

IDLE = "Say what the song is about, then press Write. Or type words of your own."
WRITTEN = "Written. Change what you like, then use it in a song."
FIRST = ("brief", "tone", "rhyme", "lines", "writer")  # the rest lies in accordions


def build(demo: gr.Blocks, tabs: gr.Tabs, desks: dict[str, Desk]) -> None:
    """Draw the tab and wire it. `desks` are the modes that take words over."""
    members = fields(WriteLyrics)
    with gr.Row(elem_classes="desk"):
        with gr.Column(scale=6, min_width=320, elem_classes="form-side"):
            knobs, go, stop = _form(members)
        with gr.Column(scale=5, min_width=320, elem_classes="result-side"):
            told = widgets.status(_idle(), "lyrics-status")
            with gr.Column(elem_classes=["knobs", "wide"]):
                title = form.component("title", fields(Making)["title"], prefix="lyrics")
                words = form.component("lyrics", fields(Singing)["lyrics"], prefix="lyrics")
            with gr.Row(elem_classes="knobs"):
                room: dict[str, Any] = {
                    name: form.component(name, fields(Song)[name], prefix="lyrics") for name in ROOMY
                }
            with gr.Row():
                takers = {name: handover.button(desk) for name, desk in desks.items()}
            with gr.Row():
                place = gr.Dropdown([], label="A line or a section", elem_id="lyrics-place", allow_custom_value=False)
                anew = gr.Button("Write it anew", elem_id="lyrics-anew")
            meter = widgets.fit({"idle": "", "sections": []})
    knobs = {name: knobs[name] for name in members}
    kept, credit = (desk.browser(demo, f"lyrics-studio-{key}") for key in ("form", "credit"))
    desk.remember(demo, kept, knobs | {"title": title, "lyrics": words} | room, (title, words, room["duration"]))
    screen = _Screen(go, stop, told, title, words, credit)
    go.click(screen.written, inputs_kwargs=knobs, outputs=screen.parts, **QUIET)
    typed = {"typed": words, "place": place, "credit": credit}
    anew.click(screen.anew, inputs_kwargs=knobs | typed, outputs=screen.parts, **QUIET)
    stop.click(screen.stop_writing, None, None, queue=False, **QUIET)
    demo.load(_writers, None, knobs["writer"], **QUIET)
    gr.on(
        [part.change for part in (words, *room.values())],
        _measured,
        [words, *room.values()],
        [meter, place],
        trigger_mode="always_last",
        **QUIET,
    )
    meter.fix(_fixed, [words, *room.values()], [words, room["duration"]], **QUIET)
    for name, button in takers.items():
        handover.wire(demo, button, desks[name], tabs, [knobs["brief"], title, words, *room.values(), credit])


def _form(members: dict[str, Any]) -> tuple[dict[str, Any], gr.Button, gr.Button]:
    """The brief and the buttons first, then the knobs that matter, then the rest."""
    chat = set(fields(Chatting))
    fixed = {"writer": [("auto", "auto"), ("embedded", "embedded")]}

    def row(names: Any) -> dict[str, Any]:
        with gr.Row(elem_classes="knobs"):
            return {name: form.component(name, members[name], fixed.get(name), "lyrics") for name in names}

    knobs: dict[str, Any] = {"brief": form.component("brief", members["brief"], prefix="lyrics")}
    go, stop = desk.buttons("lyrics", "Write")
    knobs |= row(FIRST[1:])
    with gr.Accordion("Structure, language, seed", open=False):
        knobs |= row(name for name in members if name not in FIRST and name not in chat)
    with gr.Accordion("For a language model only", open=False):
        knobs |= row(name for name in members if name in chat)
    return knobs, go, stop


@dataclass(frozen=True)
class _Screen:
    """What shows how the writing goes, and the words."""

    go: gr.Button
    stop: gr.Button
    told: gr.HTML
    title: Any
    words: Any
    credit: gr.BrowserState  # what a writer wrote last, and who that was
    stops: dict[str | None, threading.Event] = field(default_factory=dict)  # by page: somebody wants it to stop

    @property
    def parts(self) -> list[Any]:
        return [self.go, self.stop, self.told, self.title, self.words, self.credit]

    async def written(self, caller: gr.Request, **held: Any) -> AsyncGenerator[Shown, None]:
        """A song as it is written."""
        asked = self._shown(caller, lambda: studio().writing(read_brief(form.said(WriteLyrics, held))))
        async with aclosing(asked) as going:
            async for shown in going:
                yield shown

    async def anew(
        self, caller: gr.Request, typed: str, place: str | None, credit: dict[str, str] | None, **held: Any
    ) -> AsyncGenerator[Shown, None]:
        """The words with one line or section of them written anew."""
        from lyrics import Part

        if not place:
            raise gr.Error("Choose a line or a section to write anew.", print_exception=False)
        section, _, line = place.partition(".")
        part = Part(Lyrics.parse(typed), int(section), int(line) if line else None)
        said = form.said(WriteLyrics, held | {"brief": held["brief"] or ANEW, "seed": None})
        before = credited(typed, credit)
        async with aclosing(self._shown(caller, lambda: studio().writing(read_brief(said), part))) as going:
            async for shown in going:
                shown.pop(self.title, None)
                if self.credit in shown:
                    by = f"{before + '; ' if before else ''}in part {shown[self.credit]['by']}"
                    shown[self.credit] = shown[self.credit] | {"by": one_line(by, LONGEST)}
                yield shown

    def stop_writing(self, caller: gr.Request) -> None:
        """Let what is written for this page come to its end."""
        if asked := self.stops.get(caller.session_hash):
            asked.set()

    async def _shown(
        self, caller: gr.Request, begin: Callable[[], AsyncGenerator["Written", None]]
    ) -> AsyncGenerator[Shown, None]:
        asked = self.stops[caller.session_hash] = threading.Event()
        try:
            await reading(studio)  # it may be opening still
            with seat():
                async with aclosing(begin()) as going:
                    async for now in going:
                        if asked.is_set():
                            break
                        status = {"text": now.stage, "fraction": None, "tone": "working"}
                        shown: Shown = {
                            self.told: status if now.stage else _idle(" ".join(now.notices) or WRITTEN, "done")
                        }
                        if now.lyrics.sections:
                            shown |= {self.title: now.title, self.words: str(now.lyrics)}
                        if not now.stage:
                            shown |= {self.credit: {"by": now.credit, "words": str(now.lyrics)}}
                        yield shown | self._buttons(working=bool(now.stage))
            if asked.is_set():
                yield self._buttons(working=False) | {self.told: _idle("Stopped.")}
        except StudioError as error:
            yield self._buttons(working=False) | {self.told: _idle(form.sentence(error), "error")}
            raise toast(error) from None
        finally:
            self.stops.pop(caller.session_hash, None)

    def _buttons(self, working: bool) -> Shown:
        return {self.go: gr.Button(visible=not working), self.stop: gr.Button(visible=working)}


def _idle(text: str = IDLE, tone: str = "idle") -> dict[str, Any]:
    return {"text": text, "fraction": None, "tone": tone}


def _writers() -> gr.Dropdown:
    """Who can write here, and who could: a model that is not here says how to get it when it is asked."""
    import checkpoints
    from writing import writers

    here = [writers.AUTO, writers.EMBEDDED, *writers.models()]
    more = [name for name in checkpoints.known(writers.ENGINE) if name not in here]
    return gr.Dropdown(choices=[*((one, one) for one in here), *((f"{one} (not here)", one) for one in more)])


def _measured(words: str, bpm: str, duration: str) -> tuple[dict[str, Any], gr.Dropdown]:
    """How the words fit, and what of them can be written anew."""
    from writing import fit

    try:
        sections, wrong = fit.measure(words, _room(bpm, duration)), " ".join(unclosed(words)[:1])
    except StudioError as error:
        sections, wrong = (), form.sentence(error)
    shown = [
        {
            "place": section.place,
            "name": section.name,
            "sentence": section.sentence,
            "lines": [{"text": one.text, "syllables": one.syllables, "colour": one.colour} for one in section.lines],
        }
        for section in sections
    ]
    return {"idle": "", "wrong": wrong, "sections": shown}, gr.Dropdown(_places(words), value=None)


def _room(bpm: str, duration: str) -> dict[str, Any]:
    """What is said of the song that the words are for."""
    return {name: value for name, value in form.said(Song, {"bpm": bpm, "duration": duration}).items() if value}


def _fixed(words: str, bpm: str, duration: str, event: gr.EventData) -> tuple[str, str]:
    """The words and the length of the song after one of the meter's fixes."""
    from writing import fixes

    what, section, line = (event._data[name] for name in ("what", "section", "line"))
    try:
        if what == "seconds":
            return words, str(fixes.more_seconds(words, _room(bpm, duration)))
        if what == "split":
            return fixes.split(words, section, line), duration
        return fixes.fewer_lines(words, _room(bpm, duration), section), duration
    except StudioError as error:
        raise toast(error) from None


def _places(words: str) -> list[tuple[str, str]]:
    """Sections and lines by their numbers: "2" is the third section, "2.0" its first line."""
    found = []
    for number, section in enumerate(Lyrics.parse(words).sections):
        if section.lines:
            found.append((f"[{section.name}]" if section.name else "the first lines", str(number)))
            found += [(line.text, f"{number}.{place}") for place, line in enumerate(section.lines)]
    return found
