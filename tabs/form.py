"""A request class -> the components that fill it. A knob is declared in song/request.py and nowhere else."""

import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import gradio as gr

from song.errors import BadRequest
from song.request import Knobs, fields, groups, limits

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
Choices = Sequence[tuple[str, str]]
AUTO: tuple[str, str] = ("auto", "")  # an empty text is "not said", see song/request.py
# What a musician calls a knob, where its name alone would not do.
LABELS = {
    "bpm": "Tempo, bpm",
    "duration": "Length, seconds",
    "target_lufs": "Loudness, LUFS",
    "ceiling_dbtp": "True peak, dBTP",
    "fade_in": "Fade in, seconds",
    "fade_out": "Fade out, seconds",
    "seconds": "Length to add, seconds",
    "stride": "Stride, seconds",
    "infer_method": "Method",
    "cfg_interval_start": "CFG interval start",
    "cfg_interval_end": "CFG interval end",
    "use_adg": "Adaptive dual guidance",
    "side": "Where to add it",
    "chords": "Chord grid",
    "form": "Sections",
    "regions": "Regions, seconds",
    "loras": "LoRAs",
    "use_cot_caption": "Let it write the caption",
    "use_cot_metas": "Let it choose tempo, key, meter",
    "use_cot_language": "Let it choose the language",
    "lm_temperature": "LM temperature",
    "lm_top_k": "LM top k",
    "lm_top_p": "LM top p",
    "lm_guidance": "LM guidance",
    "lm_negative_prompt": "LM negative prompt",
    "source": "Original",
    "lines": "Lines in a section",
    "source_bpm": "Heard tempo, bpm",
    "source_key": "Heard key",
    "source_meter": "Heard meter",
    "source_downbeat": "First bar begins at, seconds",
    "source_chords": "Heard chords",
}


def label(name: str) -> str:
    """The knob's name as the page writes it."""
    return LABELS.get(name, name.replace("_", " ").capitalize())


# What an empty text says, where it is not "auto".
HINTS = {
    "lyricist": "nobody is named",
    "lyrics": "[verse]\nA line to sing\n\n[chorus]\nAnother line",
    "structure": "verse, chorus, verse, chorus, bridge, chorus",
    "language": "as the brief",
    "regions": "drag, or type 12-24",
    "loras": "none; or name:0.8, other:1.2",
    "band": "piano, upright bass, brushes",
    "form": "intro 4, verse 8, chorus 8, outro 4",
    "chords": "| Am | F | C | G |",
    "planner": "the smallest that is here",
    "lm_negative_prompt": "muddy, off key",
    "cover-prompt": "In what style? bossa nova, with nylon guitar and flute",
    "extend-prompt": "How does it go on? Empty: as it was",
    "edit-prompt": "What changes? new drums in the chorus; no bass; quieter piano",
}


def named(prefix: str, name: str) -> str:
    """The id of a part of a tab."""
    return f"{prefix}-{name}" if prefix else name


def plain(annotation: Any) -> tuple[Any, bool]:
    """The type behind `Annotated` and `| None`, and whether None is allowed."""
    if get_origin(annotation) is Annotated:
        return plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [part for part in get_args(annotation) if part is not type(None)]
        return plain(inner[0])[0], len(inner) < len(get_args(annotation))
    return annotation, False


def component(name: str, field: Any, choices: Choices | None = None, prefix: str = "") -> gr.components.Component:
    """The component that fits one declared knob. Only the request checks ranges, so that one sentence says no.

    `prefix` is the mode's name, which keeps the ids of several tabs apart; Generate's are plain.
    """
    kind, optional = plain(field.annotation)
    ui = field.json_schema_extra or {}
    look: dict[str, Any] = {"label": label(name), "info": field.description, "elem_id": named(prefix, f"knob-{name}")}
    if get_origin(kind) is Literal:
        choices = choices or [*([AUTO] if optional else []), *((value, value) for value in get_args(kind))]
    if names := ui.get("names"):  # numbers with names; any other number can be typed
        choices = [(f"{said} ({value:g})", value) for said, value in names.items()]
    if choices is not None:
        # Custom values: a page that outlived a restart may hold a choice that the new process has not listed yet.
        return gr.Dropdown(list(choices), value=unsaid(field), allow_custom_value=True, min_width=150, **look)
    if kind is bool:
        return gr.Checkbox(value=field.default, **look)
    low, high = limits(field)
    if kind is str or optional or low is None or high is None:
        # Optional numbers, too: an empty gr.Number shows 0 and says 0.
        hint = HINTS.get(named(prefix, name)) or HINTS.get(name, "auto")
        if name in ("prompt", "brief"):  # its tip is what the empty box says
            tip = look.pop("info")
            hint = tip if field.is_required() else hint
        lines = ui.get("lines", 1)
        look |= {"elem_classes": "wide"} if lines > 1 else {}
        return gr.Textbox(value="", lines=lines, max_lines=4 * lines - 3, placeholder=hint, min_width=150, **look)
    return gr.Slider(low, high, value=field.default, step=ui["step"], buttons=[], min_width=220, **look)


def unsaid(field: Any) -> Any:
    """What a component holds while nobody has said anything."""
    return "" if field.is_required() or field.default is None else field.default


def build(
    part: type[Knobs], choices: Mapping[str, Choices], without: Sequence[str] = (), prefix: str = ""
) -> dict[str, Any]:
    """One group of knobs as components, by name, in the order of the class."""
    members = {name: field for name, field in next(groups(part))[1].items() if name not in without}
    return {name: component(name, field, choices.get(name), prefix) for name, field in members.items()}


def said(mode: type[Knobs], held: Mapping[str, Any]) -> dict[str, Any]:
    """What the components hold, as plain values for `song.request.read`: numbers that were typed become numbers."""
    return {name: _number(fields(mode)[name], value) for name, value in held.items()}


def _number(field: Any, value: Any) -> Any:
    if plain(field.annotation)[0] not in (int, float) or not isinstance(value, str):
        return value
    if not value.strip():
        return None
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value  # the request says what is wrong with it


def held(request: Knobs) -> dict[str, Any]:
    """A request as its components hold it: the inverse of `said`."""
    values = request.model_dump(mode="json")
    return {name: _shown(field, values[name]) for name, field in fields(type(request)).items()}


def _shown(field: Any, value: Any) -> Any:
    if value is None:
        return unsaid(field)
    typed = plain(field.annotation)[1] and isinstance(value, int | float)
    return f"{value:.12g}" if typed else value


def sentence(error: Exception) -> str:
    """An error as the page says it: the knob by the name that the form shows."""
    text = str(error)
    if isinstance(error, BadRequest):
        text = f"{label(error.field)}: {text.removeprefix(f'{error.field}: ')}"
    return text
