"""Lyrics: a brief in, words out, and how they fit a song."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from song.errors import StudioError
from song.lyrics import Lyrics
from song.request import Making, Singing, Song, fields
from song.writing import WriteLyrics, read_brief
from tabs import desk, form, widgets
from tabs.desk import QUIET, Desk, toast

IDLE = "Say what the song is about, then press Write. Or type words of your own."
FIRST = ("brief", "tone", "rhyme", "lines")  # the rest lies in an accordion
ROOMY = ("bpm", "duration")  # of the song that the words are for


def build(tabs: gr.Tabs, desks: dict[str, Desk]) -> None:
    """Draw the tab and wire it. `desks` are the modes that take words over."""
    members = fields(WriteLyrics)
    with gr.Row(elem_classes="desk"):
        with gr.Column(scale=6, min_width=320, elem_classes="form-side"):
            knobs: dict[str, Any] = {"brief": form.component("brief", members["brief"], prefix="lyrics")}
            go = gr.Button("Write", variant="primary", size="lg", elem_id="lyrics-go", elem_classes="go")
            with gr.Row(elem_classes="knobs"):
                knobs |= {name: form.component(name, members[name], prefix="lyrics") for name in FIRST[1:]}
            with gr.Accordion("Structure, language, seed", open=False), gr.Row(elem_classes="knobs"):
                rest = [name for name in members if name not in FIRST]
                knobs |= {name: form.component(name, members[name], prefix="lyrics") for name in rest}
        with gr.Column(scale=5, min_width=320, elem_classes="result-side"):
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
            meter = widgets.fit({"idle": IDLE, "sections": []})
    knobs = {name: knobs[name] for name in members}
    go.click(_written, inputs_kwargs=knobs, outputs=[title, words], **QUIET)
    gr.on(
        [part.change for part in (words, *room.values())],
        _measured,
        [words, *room.values()],
        [meter, place],
        trigger_mode="always_last",
        **QUIET,
    )
    anew.click(_anew, inputs_kwargs={**knobs, "words": words, "place": place}, outputs=words, **QUIET)
    for name, button in takers.items():
        _hand_over(button, desks[name], tabs, [title, words, *room.values()])


def _written(**held: Any) -> Iterator[tuple[str, str]]:
    """The words as they are written, section by section."""
    import lyrics

    try:
        for written in lyrics.growing(read_brief(form.said(WriteLyrics, held))):
            yield written.title, str(written.lyrics)
    except StudioError as error:
        raise toast(error) from None


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
    return {"idle": "" if words.strip() else IDLE, "wrong": wrong, "sections": shown}, gr.Dropdown(
        _places(words), value=None
    )


def _places(words: str) -> list[tuple[str, str]]:
    """Sections and lines by their numbers: "2" is the third section, "2.0" its first line."""
    found = []
    for number, section in enumerate(Lyrics.parse(words).sections):
        if section.lines:
            found.append((f"[{section.name}]" if section.name else "the first lines", str(number)))
            found += [(line.text, f"{number}.{place}") for place, line in enumerate(section.lines)]
    return found


def _anew(words: str, place: str | None, **held: Any) -> str:
    """The words with one line or section of them written anew."""
    import secrets

    from lyrics import rewritten

    if not place:
        raise gr.Error("Choose a line or a section to write anew.", print_exception=False)
    section, _, line = place.partition(".")
    try:
        request = read_brief(form.said(WriteLyrics, held | {"brief": held["brief"] or "a song"}))
        number = int(line) if line else None
        return str(rewritten(Lyrics.parse(words), int(section), number, request, secrets.randbelow(2**32)))
    except StudioError as error:
        raise toast(error) from None


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
