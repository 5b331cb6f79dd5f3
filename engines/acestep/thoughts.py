"""What is thought of a song before it is made: by the planner, or by the composer where no planner is here.

What the user gave always wins. Only songs from words are planned: all others have their original to go by.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import checkpoints
from composer import plan as composing
from composer.plan import STYLES
from engines.acestep import asked
from engines.acestep.asked import UNKNOWN, Told
from engines.acestep.planner import Asked, Chance, Metas, Planned, Planner, given
from engines.acestep.planner.prompt import NOTHING
from song.errors import BadRequest, CannotMake, StudioError
from song.progress import Progress
from song.request import Generate

ENGINE, KIND = "acestep", "planner"
GET = "studio models get acestep-5hz-lm-0.6b"


@dataclass(frozen=True)
class Thought:
    """A song, thought over: what the model is told now, the codes it follows, and what the take shows of it."""

    told: Told
    seconds: float
    codes: str = ""
    shown: dict[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)


def places() -> dict[str, Path]:
    """Folders with a whole planner by name, in alphabetical order."""
    return {one.name: one.path for one in checkpoints.there() if one.problem is None and one.kind == KIND}


def chosen(request: Any) -> Path | None:
    """The planner for a request, the smallest where it names none; None where none is here. Raises BadRequest for one
    that is not here."""
    there = places()
    if not request.planner:
        return min(there.values(), key=lambda folder: (checkpoints.size(folder), folder.name), default=None)
    if request.planner not in there:
        raise _not_here(request.planner, there)
    return there[request.planner]


def decides_length(request: Any) -> bool:
    """Whether a planner will decide how long the song is. Raises BadRequest for one that is not here."""
    if request.mode != "generate" or not request.thinking or chosen(request) is None:
        return False
    return bool(request.use_cot_metas) and asked.unsaid(request)


def question(request: Any, told: Told, seconds: float | None, sound: bool) -> Asked:
    """A request in the planner's words. `seconds` is None where the planner decides them; `sound` says whether the
    checkpoint can follow codes."""
    language = None if told.language == UNKNOWN else told.language
    known, _ = given(told.bpm, told.key or None, told.shown().get("meter"), seconds, language)
    return Asked(
        caption=told.caption,
        lyrics=told.lyrics,
        given=known,
        seconds=seconds,
        seed=request.seed or 0,
        rewrite=request.use_cot_caption,
        metadata=request.use_cot_metas,
        language=request.use_cot_language and told.sung,
        sound=sound,
        chance=Chance(request.lm_temperature, request.lm_top_k, request.lm_top_p, request.lm_guidance),
        negative=request.lm_negative_prompt or NOTHING,
        longest=int(asked.longest()),
    )


def planned(
    planner: Planner, wanted: Asked, told: Told, progress: Progress, seeds: tuple[int, ...] = ()
) -> list[Thought]:
    """What the planner thinks of a song, and of it with other `seeds`; of it alone where the memory is too small for
    more. Raises CannotMake, NotEnoughMemory, Cancelled."""
    every = (wanted.seed, *seeds)
    if not seeds:
        return [_thought(planner, wanted, told, planner.plan(wanted, progress))]
    try:
        return [_thought(planner, wanted, told, one, len(seeds)) for one in planner.plans(wanted, every, progress)]
    except CannotMake as lack:  # one alone may fit
        alone = _thought(planner, wanted, told, planner.plan(wanted, progress))
        said = f"It was planned alone, since it could not be planned side by side with its variations. {lack}"
        return [replace(alone, notices=(*alone.notices, said))]


def _thought(planner: Planner, wanted: Asked, told: Told, found: Planned, beside: int = 0) -> Thought:
    notices, seconds = found.notices, wanted.seconds or found.metas.duration
    assert seconds is not None, "it is said, or decided"
    if wanted.seconds is None:
        notices = (*notices, f"Nobody said how long the song is: {planner.name} decided on {seconds:g} s.")
    if beside:
        alone = "made again alone, it may be planned otherwise"
        notices = (*notices, f"Planned side by side with other variations ({beside}): {alone}.")
    if not wanted.sound:
        notices = (*notices, "The checkpoint cannot follow the planner's codes, so it was told its words only.")
    return Thought(
        _told(told, found.metas),
        seconds,
        found.audio_codes,
        _shown(planner.name, wanted, found),
        notices,
        {"planner": f"{planner.name} {checkpoints.fingerprint(planner.folder)}"},
    )


def unplanned(request: Any, told: Told, seconds: float) -> Thought:
    """A song that nobody thinks over."""
    return Thought(told, seconds, notices=(asked.length_notice(request),) if asked.unsaid(request) else ())


def composed(request: Any, wanted: Asked, told: Told, seconds: float) -> Thought:
    """Tempo, key and meter as the composer would choose them for these words, whatever the seed."""
    plain = unplanned(request, told, seconds)
    lacking = [name for name in ("bpm", "keyscale", "timesignature") if wanted.open(name)]
    if not lacking:
        return plain
    known = request.style if request.style in STYLES else None
    words = request.prompt if known else ", ".join(filter(None, (request.prompt, request.style)))
    bpm, key, meter = told.bpm, told.key or None, told.shown().get("meter")
    song = composing.plan(
        Generate(prompt=words, style=known, duration=request.duration, bpm=bpm, key=key, meter=meter, seed=0)
    )
    metas, _ = given(song.bpm, str(song.key), song.as_json()["meter"])
    filled = Metas(**{name: value for name, value in metas.known().items() if name in lacking})
    facts = (f"{filled.bpm} bpm" if filled.bpm else "", filled.keyscale, filled.meter)
    said = ", ".join(filter(None, facts))
    notice = f"No planner is here, so the composer's plan decided: {said}. Get one with: {GET}."
    return replace(plain, told=_told(told, filled), notices=(*plain.notices, *((notice,) if said else ())))


def _told(told: Told, metas: Metas) -> Told:
    """With all that was decided, and what was given as it was."""
    return replace(
        told,
        caption=metas.caption or told.caption,
        language=told.language if told.language != UNKNOWN else metas.language or UNKNOWN,
        bpm=told.bpm or metas.bpm,
        key=told.key or metas.keyscale or "",
        meter=told.meter or str(metas.timesignature or ""),
    )


def _shown(name: str, wanted: Asked, found: Planned) -> dict[str, Any]:
    """The plan as the take keeps it: who decided what, and how many codes the song follows."""
    decided = {field: value for field, value in found.metas.known().items() if wanted.open(field)}
    return {"planner": name, "planned": decided, "codes": len(found.codes)}


def _not_here(name: str, there: dict[str, Path]) -> StudioError:
    """Why a planner cannot be had: it is broken, it could be fetched, or nobody knows it."""
    if why := checkpoints.broken(name):
        return why
    if any(one.kind == KIND and known == name for known, one in checkpoints.known(ENGINE).items()):
        try:
            checkpoints.need(name)
        except StudioError as error:
            return error
    here = f"there is {', '.join(there)}" if there else f"there is none at all; get one with: {GET}"
    return BadRequest("planner", f"there is none of this name here; {here}")
