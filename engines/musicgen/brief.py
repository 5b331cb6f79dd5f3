"""What is asked of MusicGen: of which checkpoint, for how many seconds, in which words."""

from pathlib import Path
from typing import Any

import checkpoints
from composer.original import spoken
from composer.plan import STYLES
from engines.musicgen import found
from song import regions
from song.errors import BadRequest, EngineMissing, StudioError
from song.heard import Heard
from song.request import Cover, Edit, Extend, Generate
from song.source import Source

SHORTEST, LONGEST = 1.0, 300.0  # seconds
USUAL = 30.0  # seconds of a song whose length nobody said
_GUIDES = ("chords", "form", "meter")  # knobs that the composer writes a guide for


def chosen(request: Any) -> tuple[str, Path]:
    """The checkpoint for a request. Raises BadRequest for one that is not here or cannot do it, EngineMissing."""
    places = found.places()
    if not places:
        raise EngineMissing(f"MusicGen has no checkpoint here; get one with: {found.GET}.")
    tuneful = {name: folder for name, folder in places.items() if found.kind(folder) == "musicgen_melody"}
    follows = request.mode == "cover" or guided(request)
    if request.checkpoint != "auto":
        if request.checkpoint not in places:
            raise _not_here(request.checkpoint, places)
        if follows and request.checkpoint not in tuneful:
            raise BadRequest("checkpoint", "cannot follow a melody; choose one with melody in its name")
        return request.checkpoint, places[request.checkpoint]
    if not follows:
        plain = {name: one for name, one in places.items() if found.kind(one) == "musicgen"}
        return smallest(plain or tuneful or places)
    if tuneful:
        return smallest(tuneful)
    what = "A cover" if request.mode == "cover" else "A song on given chords, form or meter"
    raise BadRequest("checkpoint", f"{what} needs a melody checkpoint; get one with: studio models get musicgen-melody")


def _not_here(name: str, places: dict[str, Path]) -> StudioError:
    """Why a checkpoint cannot be had: it is broken, it could be fetched, or nobody knows it."""
    if why := checkpoints.broken(name):
        return why
    if name in checkpoints.known("musicgen"):
        try:
            checkpoints.need(name)
        except StudioError as error:
            return error
    return BadRequest("checkpoint", f"there is none of this name here; there is {', '.join(places)}")


def guided(request: Any) -> bool:
    """True where the composer writes a guide that the song follows."""
    return any([getattr(request, name, None) for name in _GUIDES])  # noqa: C419 (each of them is looked at)


def smallest(places: dict[str, Path]) -> tuple[str, Path]:
    """The checkpoint with the fewest bytes of weights, and its folder."""
    sizes = {name: sum(one.stat().st_size for one in folder.glob("*.safetensors")) for name, folder in places.items()}
    name = min(places, key=lambda one: (sizes[one], one))
    return name, places[name]


def duration(request: Any, original: float) -> float:
    """Seconds of the whole song; `original` are those of its source. Raises BadRequest."""
    seconds = new_seconds(request, original)
    if seconds < SHORTEST and isinstance(request, Generate | Cover):
        raise BadRequest("duration", f"MusicGen makes at least {SHORTEST:g} second; ask for more")
    if seconds > LONGEST:
        field = "seconds" if isinstance(request, Extend) else "duration"
        raise BadRequest(field, f"MusicGen makes at most {LONGEST:g} seconds; ask for less")
    return original if isinstance(request, Edit) else seconds + original * isinstance(request, Extend)


def new_seconds(request: Any, original: float = 0.0) -> float:
    """How much music is to be made. Raises BadRequest."""
    if isinstance(request, Extend):
        if request.side == "start":
            raise cannot_begin()
        return request.seconds
    if isinstance(request, Edit):
        spans = regions.inside(request.regions, original)
        if not spans:
            raise BadRequest("regions", 'is missing; say which seconds should be made anew, like "12-24"')
        return sum(end - start for start, end in spans)
    if request.mode == "cover":
        if not (request.prompt or request.style):
            raise BadRequest("style", "is missing; name a style, or say in the words how the cover should sound")
        return request.duration or original
    return request.duration or spoken(request.prompt).seconds or USUAL


def cannot_begin() -> BadRequest:
    return BadRequest("side", "MusicGen only goes on after the end; for music before the start choose the composer")


def worded(request: Any, source: Source | None = None, heard: Heard | None = None) -> str:
    """The request in one line, as the captions are that MusicGen learnt from."""
    style = STYLES[request.style].name if request.style in STYLES else request.style
    prompt = request.prompt
    if not prompt and not style and source and source.recipe:
        prompt = source.recipe.request.prompt or source.recipe.plan.get("style_name", "")
    bpm, key = (getattr(request, name, None) for name in ("bpm", "key"))
    if heard is not None:
        bpm, key = bpm or heard.bpm, key or heard.key
    return ", ".join(filter(None, (prompt, style, f"{bpm:.4g} bpm" if bpm else "", key)))
