"""The page's own widgets: a static template, and a script that writes user text as text nodes only.

Gradio pastes values into templates as code (`${...}`), so no template here holds a value.
"""

from pathlib import Path
from typing import Any

import gradio as gr

from song.take import Kept

HERE = Path(__file__).parent


def script(name: str) -> str:
    return (HERE / f"{name}.js").read_text("utf-8")


def widget(name: str, template: str, value: Any = None, id: str = "") -> gr.HTML:
    """`value` is plain JSON for the script of this name; the template stays as it is.

    No subclass of gr.HTML: Gradio writes a .pyi file beside every subclass.
    """
    return gr.HTML(value, html_template=template, js_on_load=script(name), apply_default_css=False, elem_id=id or name)


def status(value: dict[str, Any], id: str = "status") -> gr.HTML:
    """What is going on: {text, fraction or None, tone}."""
    bar = 'role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax="100"'
    line = '<p class="line" role="status" aria-live="polite"></p>'
    return widget("status", f'<div class="status">{line}<div class="bar" {bar} hidden><i></i></div></div>', value, id)


def live(id: str = "live") -> gr.HTML:
    """A song in the making, to be heard: {job, play}, or None while there is none. `play` lets it begin by itself."""
    button = '<button type="button" class="plainbutton"></button><span class="time"></span>'
    words = '<p class="said" role="status"></p>'
    return widget("live", f'<div class="live" hidden><audio></audio>{button}{words}</div>', id=id)


def card(id: str = "card") -> gr.HTML:
    """One take: what was planned, what came out, and its files. Event `again` carries its id, `open` {id, mode},
    `reuse` {id, plan}: whether what was planned goes into the form, too."""
    return widget("card", '<article class="card" hidden></article>', id=id)


def wave(id: str) -> gr.HTML:
    """A song to start from: its waveform, a player and, where regions are asked for, handles to drag.

    Event `regions` carries {text}: the regions as the knob of that name writes them.
    """
    return widget("wave", '<div class="wave" role="group" aria-label="Original"></div>', id=id)


def fit(value: dict[str, Any]) -> gr.HTML:
    """How words fit a song: {idle, wrong, sections: [{place, name, sentence, lines: [{text, syllables, colour}]}]}.

    Event `fix` carries {what, section, line}: "seconds", "split" or "fewer".
    """
    return widget("fit", '<div class="fit" role="status" aria-label="How the words fit"></div>', value)


def shelf() -> gr.HTML:
    """The library's rows. Event `act` carries {what, id, on}, `open` and `reuse` are a card's."""
    return widget("shelf", '<div class="shelf"></div>')


def clock(seconds: float) -> str:
    """Seconds as a player shows them."""
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def facts(kept: Kept) -> str:
    """A take's figures in one line."""
    recipe = kept.recipe
    parts = [clock(recipe.duration), f"seed {recipe.seed}", f"{recipe.facts.lufs:.1f} LUFS"]
    return " / ".join([*parts, recipe.engine, f"made in {recipe.seconds_spent:.1f} s"])


def sheet(kept: Kept) -> dict[str, Any]:
    """A take as the card shows it."""
    plan = kept.recipe.plan
    keys = ("name", "bars", "seconds", "energy")
    return {
        "id": kept.id,
        "title": kept.recipe.title,
        "words": plan.get("words", ""),
        "sections": [{key: section.get(key, 0) for key in keys} for section in plan.get("sections", [])],
        "chart": plan.get("chart", ""),
        "notices": list(kept.recipe.notices),
        "proof": proof(kept),
        "kinds": kept.kinds,
        "facts": facts(kept),
        "sold": sold(kept),
        "sung": kept.recipe.lyrics is not None,
    }


def sold(kept: Kept) -> list[str]:
    """What the ledger says: the answer with its reason, and what made the take."""
    return [f"May I sell this? {kept.ledger.reason}", kept.ledger.made_with]


def proof(kept: Kept) -> list[str] | None:
    """What an edit left alone, in words."""
    found = kept.recipe.proof
    if found is None or not found.compared:  # all of it is new
        return None
    spans = ", ".join(f"{region.start:.2f}-{region.end:.2f} s" for region in found.regions)
    seams = [
        f"Seam at {seam.at:.2f} s: level {seam.level_step_db:+.1f} dB, crossfade {seam.crossfade_ms:.0f} ms"
        for seam in found.seams
    ]
    return [f"{found.changed_outside} of {found.compared} samples changed outside {spans}", *seams]


def row(kept: Kept) -> dict[str, Any]:
    """A take as the shelf shows it."""
    recipe, plan = kept.recipe, kept.recipe.plan
    bpm = plan.get("bpm")
    parts = [plan.get("style_name"), bpm and f"{bpm:g} bpm", plan.get("key"), clock(recipe.duration)]
    return {
        "id": kept.id,
        "title": recipe.title,
        "facts": " / ".join([*(part for part in parts if part), f"{recipe.created.astimezone():%-d %b %H:%M}"]),
        "words": plan.get("words", ""),
        "duration": recipe.duration,
        "kinds": kept.kinds,
        "sold": sold(kept),
        "sung": kept.recipe.lyrics is not None,
        "favourite": kept.favourite,
    }
