"""Words that are taken over from the Lyrics tab into the form of a mode, ready to be sung there."""

from typing import Any

import gradio as gr

from song.lyrics import Lyrics
from song.names import one_line
from song.request import Singing
from tabs.desk import QUIET, Desk, Shown, around

ALWAYS = ("title", "lyrics", "lyricist", "instrumental")
ROOMY = ("bpm", "duration")  # of the song that the words are for
ANEW = "a song"  # the brief of words that somebody typed
LONGEST = 480  # characters of who wrote them
NO_WORDS = "There are no words yet; write some, or type them."
NOBODY = "No engine that is here sings new words in this mode; use them in Generate."


def button(desk: Desk) -> gr.Button:
    """The button that hands over. Where only a model sings, it shows once one is here."""
    name = f"Use in {desk.name.capitalize()}"
    return gr.Button(name, elem_id=f"lyrics-{desk.name}", min_width=120, visible=issubclass(desk.mode, Singing))


def wire(demo: gr.Blocks, button: gr.Button, taker: Desk, tabs: gr.Tabs, given: list[Any]) -> None:
    """Let the button fill the form and show it. `given` holds brief, title, words, tempo, length, and who wrote them.

    The accordion with the words opens, an engine that sings them is chosen where the chosen one does not, and the
    status line says what is left to do. Where a song needs a prompt and has none, the brief becomes it.
    """
    names = [name for name in (*ALWAYS, *ROOMY, "prompt", "engine") if name in taker.knobs]

    def use(*held: Any) -> Shown:
        brief, title, words, bpm, duration, credit, prompt, engine, kept = held
        singing = taker.reader("lyrics", engine)
        if not words.strip() or singing is None:
            raise gr.Error(NOBODY if words.strip() else NO_WORDS, print_exception=False)
        told = {"title": title, "lyrics": words, "lyricist": credited(words, credit), "instrumental": False}
        told |= {name: value for name, value in zip(ROOMY, (bpm, duration), strict=True) if value}
        if singing != engine:
            told["engine"] = singing
        if _needs_prompt(taker) and not prompt.strip():
            told["prompt"] = brief.strip() or ANEW
        told = {name: value for name, value in told.items() if name in names}
        news = {taker.knobs[name]: value for name, value in told.items()} | taker.opened(["lyrics"])
        status = {"text": _arrived(taker, told), "fraction": None, "tone": "done"}
        return {tabs: gr.Tabs(selected=taker.name), taker.kept: (kept or {}) | told, taker.screen.status: status} | news

    box = around(taker.knobs["lyrics"])
    outputs = [tabs, taker.kept, taker.screen.status, box, *(taker.knobs[name] for name in names)]
    button.click(use, [*given, taker.knobs["prompt"], taker.knobs["engine"], taker.kept], outputs, **QUIET)
    demo.load(lambda: gr.Button(visible=taker.reader("lyrics") is not None), None, button, **QUIET)


def _needs_prompt(taker: Desk) -> bool:
    return bool(taker.mode.model_fields["prompt"].is_required())


def _arrived(taker: Desk, told: dict[str, Any]) -> str:
    """Where the words are, what was chosen for them, and what is left to do."""
    box = around(taker.knobs["lyrics"])
    said = [f"The words are under {box.label}"] if box else []
    if "engine" in told:
        said.append(f"the engine that sings them is {told['engine']}")
    if "prompt" in told:
        said.append(f'the prompt is "{one_line(told["prompt"], 80)}"')
    ready = "Press Generate, or say first what it should sound like."
    return f"{', '.join(said)}. {ready if _needs_prompt(taker) else taker.screen.idle['text']}"


def credited(words: str, credit: dict[str, str] | None) -> str:
    """Who wrote some words, as far as they are still those of a writer; "" where they are not."""
    theirs, mine = _lines(credit["words"] if credit else ""), _lines(words)
    if credit is None or not set(theirs) & set(mine):
        return ""
    return credit["by"] if mine == theirs else one_line(f"{credit['by']}; edited", LONGEST)


def _lines(words: str) -> list[str]:
    return [line.text for section in Lyrics.parse(words).sections for line in section.lines]
