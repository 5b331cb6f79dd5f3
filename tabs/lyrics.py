"""Lyrics: a brief in, words out, and how they fit a song."""

import contextlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from song.errors import StudioError
from song.lyrics import Lyrics
from song.request import Making, Singing, Song, fields
from song.writing import Chatting, WriteLyrics, read_brief
from tabs import desk, form, studio, widgets
from tabs.desk import QUIET, Desk, Shown, toast

if TYPE_CHECKING:
    from lyrics import Written

IDLE = "Say what the song is about, then press Write. Or type words of your own."
FIRST = ("brief", "tone", "rhyme", "lines", "writer")  # the rest lies in accordions
ROOMY = ("bpm", "duration")  # of the song that the words are for
ANEW = "a song"  # the brief of words that somebody typed


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
                takers = {name: gr.Button(f"Use in {name.capitalize()}", elem_id=f"lyrics-{name}") for name in desks}
            with gr.Row():
                place = gr.Dropdown([], label="A line or a section", elem_id="lyrics-place", allow_custom_value=False)
                anew = gr.Button("Write it anew", elem_id="lyrics-anew")
            meter = widgets.fit({"idle": "", "sections": []})
    knobs = {name: knobs[name] for name in members}
    screen = _Screen(go, stop, told, title, words)
    writing: list[Any] = [
        go.click(screen.written, inputs_kwargs=knobs, outputs=screen.parts, **QUIET),
        anew.click(screen.anew, inputs_kwargs={**knobs, "typed": words, "place": place}, outputs=screen.parts, **QUIET),
    ]
    stop.click(screen.stopped, None, [go, stop, told], cancels=writing, queue=False, **QUIET)
    demo.load(_writers, None, knobs["writer"], **QUIET)
    gr.on(
        [part.change for part in (words, *room.values())],
        _measured,
        [words, *room.values()],
        [meter, place],
        trigger_mode="always_last",
        **QUIET,
    )
    for name, button in takers.items():
        _hand_over(button, desks[name], tabs, [title, words, *room.values()])


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
    with gr.Accordion(f"{Chatting.__doc__} (the embedded writer reads none of these)", open=False):
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

    @property
    def parts(self) -> list[Any]:
        return [self.go, self.stop, self.told, self.title, self.words]

    def written(self, **held: Any) -> Iterator[Shown]:
        """A song as it is written."""
        yield from self._shown(lambda: studio().write(read_brief(form.said(WriteLyrics, held))))

    def anew(self, typed: str, place: str | None, **held: Any) -> Iterator[Shown]:
        """The words with one line or section of them written anew."""
        from lyrics import Part

        if not place:
            raise gr.Error("Choose a line or a section to write anew.", print_exception=False)
        section, _, line = place.partition(".")
        part = Part(Lyrics.parse(typed), int(section), int(line) if line else None)
        said = form.said(WriteLyrics, held | {"brief": held["brief"] or ANEW, "seed": None})
        for shown in self._shown(lambda: studio().write(read_brief(said), part)):
            yield {what: value for what, value in shown.items() if what is not self.title}

    def stopped(self) -> Shown:
        return self._buttons(working=False) | {self.told: _idle("Stopped.")}

    def _shown(self, begin: Callable[[], Generator["Written"]]) -> Iterator[Shown]:
        try:
            with contextlib.closing(begin()) as going:
                for now in going:
                    status = {"text": now.stage, "fraction": 0.0, "tone": "working"}
                    shown = {self.told: status if now.stage else _idle(" ".join(now.notices))}
                    if now.lyrics.sections:
                        shown |= {self.title: now.title, self.words: str(now.lyrics)}
                    yield shown | self._buttons(working=bool(now.stage))
        except StudioError as error:
            yield self._buttons(working=False) | {self.told: _idle(form.sentence(error), "error")}
            raise toast(error) from None

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

    said = {name: value for name, value in form.said(Song, {"bpm": bpm, "duration": duration}).items() if value}
    try:
        sections, wrong = fit.measure(words, said), fit.unclosed(words)
    except StudioError as error:
        sections, wrong = (), form.sentence(error)
    shown = [
        {
            "name": section.name,
            "sentence": section.sentence,
            "lines": [{"text": one.text, "syllables": one.syllables, "colour": one.colour} for one in section.lines],
        }
        for section in sections
    ]
    return {"idle": "", "wrong": wrong, "sections": shown}, gr.Dropdown(_places(words), value=None)


def _places(words: str) -> list[tuple[str, str]]:
    """Sections and lines by their numbers: "2" is the third section, "2.0" its first line."""
    found = []
    for number, section in enumerate(Lyrics.parse(words).sections):
        if section.lines:
            found.append((f"[{section.name}]" if section.name else "the first lines", str(number)))
            found += [(line.text, f"{number}.{place}") for place, line in enumerate(section.lines)]
    return found


def _hand_over(button: gr.Button, taker: desk.Desk, tabs: gr.Tabs, given: list[Any]) -> None:
    """Put the words, the title, the tempo and the length into the form of a mode, and show it."""
    names = [name for name in ("title", "lyrics", *ROOMY) if name in taker.knobs]

    def use(title: str, words: str, bpm: str, duration: str, kept: dict[str, Any] | None) -> dict[Any, Any]:
        told = {"title": title, "lyrics": words, "bpm": bpm, "duration": duration}
        told = {name: told[name] for name in names if told[name] or name in ("title", "lyrics")}
        news = {taker.knobs[name]: value for name, value in told.items()}
        return {tabs: gr.Tabs(selected=taker.name), taker.kept: (kept or {}) | told} | news

    outputs = [tabs, taker.kept, *(taker.knobs[name] for name in names)]
    button.click(use, [*given, taker.kept], outputs, **QUIET)
