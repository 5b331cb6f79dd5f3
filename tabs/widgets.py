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


def widget(name: str, template: str, value: Any = None) -> gr.HTML:
    """`value` is plain JSON for the script of this name; the template stays as it is.

    No subclass of gr.HTML: Gradio writes a .pyi file beside every subclass.
    """
    return gr.HTML(value, html_template=template, js_on_load=script(name), apply_default_css=False, elem_id=name)


def status(value: dict[str, Any]) -> gr.HTML:
    """What is going on: {text, fraction or None, tone}."""
    bar = 'role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax="100"'
    line = '<p class="line" role="status" aria-live="polite"></p>'
    return widget("status", f'<div class="status">{line}<div class="bar" {bar} hidden><i></i></div></div>', value)


def card() -> gr.HTML:
    """One take: what was planned, what came out, and its files. Event `again` carries the take's id."""
    return widget("card", '<article class="card" hidden></article>')


def shelf() -> gr.HTML:
    """The library's rows. Event `act` carries {what, id, on}, event `reuse` the take's id."""
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
        "notices": list(kept.recipe.notices),
        "facts": facts(kept),
    }


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
        "favourite": kept.favourite,
    }
