"""A request in ACE-Step's words: caption, lyrics, metadata and lengths, within what it was trained on.

The limits are upstream's own (acestep/constants.py and its INFERENCE.md): 512 characters of caption, 4,096 of lyrics,
30-300 bpm, 2/4, 3/4, 4/4 and 6/8, major and minor keys, 10-600 s. What lies beyond is refused in a sentence; nothing is
cut.
"""

import math
from dataclasses import dataclass
from typing import Any

from composer import stanzas
from composer.language import foreign
from composer.original import spoken
from composer.plan import STYLES
from composer.syllables import syllables
from settings import settings
from song import regions
from song.errors import BadRequest
from song.heard import Heard
from song.key import Key
from song.lyrics import Lyrics
from song.request import Cover, Edit, Extend, Generate
from song.source import Source

SHORTEST, LONGEST = 10.0, 600.0  # seconds
USUAL = 30.0  # seconds of an instrumental whose length nobody said
USUAL_BPM, USUAL_METER = 110.0, (4, 4)  # by which words are measured where no tempo and no meter are said
TURBO_STEPS, TURBO_SHIFTS = 8, (1.0, 2.0, 3.0)  # what turbo checkpoints were distilled to
FEWEST_STEPS = 32  # of base and sft
CAPTION, LYRICS = 512, 4096  # characters
METERS = {"2/4": "2", "3/4": "3", "4/4": "4", "6/8": "6"}
SCALES = ("major", "minor")
INSTRUMENTAL = "[Instrumental]"
UNKNOWN = "unknown"  # a language that the model is to hear from the words
VOICES = {"auto": "", "low": "sung by a low voice", "high": "sung by a high voice"}


class NotNumbers(Exception):
    """What the model computes are no numbers any more."""


@dataclass(frozen=True)
class Told:
    """What the model is told. Empty or None: it is left to the model."""

    caption: str
    lyrics: str = INSTRUMENTAL
    language: str = UNKNOWN
    bpm: int | None = None
    key: str = ""
    meter: str = ""

    @property
    def sung(self) -> bool:
        return self.lyrics != INSTRUMENTAL

    def shown(self) -> dict[str, Any]:
        """As the plan shows it: what was left to the model is left out."""
        meter = next((meter for meter, name in METERS.items() if name == self.meter), None)
        known = {"bpm": self.bpm, "key": self.key or None, "meter": meter}
        known["vocal_language"] = self.language if self.sung else None
        return {"words": self.caption} | {name: value for name, value in known.items() if value is not None}


def told(request: Any, source: Source | None = None, heard: Heard | None = None) -> Told:
    """A request in the model's words. What the knobs leave open, the words decide, then what was `heard` of a source.
    Raises BadRequest."""
    lyrics, language = _lyrics(request, source), request.vocal_language or UNKNOWN
    caption = _caption(request, source, lyrics != INSTRUMENTAL)
    bpm, key, meter = (getattr(request, name, None) for name in ("bpm", "key", "meter"))
    if key and Key.parse(key).mode not in SCALES:
        raise BadRequest("key", "ACE-Step knows major and minor keys only; name one of them, or leave it empty")
    if meter and meter not in METERS:
        raise BadRequest("meter", f"ACE-Step knows {', '.join(METERS)} only; choose one of them, or leave it empty")
    said = _said(request.prompt)
    bpm, key, meter = bpm or said[0], key or said[1], meter or said[2]
    if heard is not None:
        bpm, meter = bpm or heard.bpm, meter or heard.meter
        key = key or (heard.key if Key.parse(heard.key).mode in SCALES else None)
    return Told(caption, lyrics, language, round(bpm) if bpm else None, key or "", METERS.get(meter or "", ""))


def _said(prompt: str) -> tuple[float | None, str | None, str | None]:
    """Tempo, key and meter that the words name, where ACE-Step knows them; the caption has the words anyway."""
    said = spoken(prompt)
    bpm = said.bpm if said.bpm and 30 <= said.bpm <= 300 else None
    key = str(said.key) if said.key and said.key.mode in SCALES else None
    meter = f"{said.meter[0]}/{said.meter[1]}" if said.meter else None
    return bpm, key, meter if meter in METERS else None


def seconds(request: Any, original: float = 0.0) -> float:
    """How long the take will be where no planner decides it, see `unsaid`. `original` are the seconds of its source.
    Raises BadRequest for what cannot be."""
    if isinstance(request, Edit):
        spans(request, original)
        return original
    if isinstance(request, Extend):
        return request.seconds + original
    if isinstance(request, Cover):
        return _covered(request, original)
    return _within(request.duration or spoken(request.prompt).seconds or _fitting(request))


def unsaid(request: Any) -> bool:
    """Whether nobody says how long a song with words is: then a planner decides, or the words do."""
    if not isinstance(request, Generate) or request.duration or spoken(request.prompt).seconds:
        return False
    return bool(_sung(request))


def longest() -> float:
    """Seconds that a song may have here at most."""
    return max(SHORTEST, min(LONGEST, settings().max_duration))


def _fitting(request: Any) -> float:
    """Seconds of a song whose length nobody said: USUAL where nobody sings, else what the words take, within bounds."""
    needed = _sung(request)
    return min(longest(), max(SHORTEST, needed)) if needed else USUAL


def _sung(request: Any) -> float:
    """Whole seconds that the words take to sing at an easy pace, all of them once; 0 where there is nothing to sing."""
    text = _lyrics(request, None)
    lyrics = Lyrics.parse(text)
    count = syllables if foreign(text) else stanzas.syllables
    if not any(count(line.text) for line in lyrics.lines):
        return 0.0
    bpm, _, meter = _said(request.prompt)
    bpm, meter = request.bpm or bpm or USUAL_BPM, request.meter or meter
    beats = tuple(map(int, meter.split("/"))) if meter in METERS else USUAL_METER
    return math.ceil(stanzas.seconds(lyrics, bpm, (beats[0], beats[1]), count))


def length_notice(request: Any) -> str:
    """Who decided how long a song is whose length nobody said, and no planner decided."""
    needed, whole = _sung(request), _fitting(request)
    if needed > whole:
        return f"The words take about {needed:g} s to sing, and more than {whole:g} s cannot be made: take some out."
    return f"Nobody said how long the song is: it has {whole:g} s, what its words take to sing."


def spans(request: Any, original: float) -> tuple[regions.Region, ...]:
    """What of a song is made anew: where a track is added or taken out, all of it where nothing is said."""
    found = regions.inside(request.regions, original)
    if request.task in ("extract", "complete") and found:
        raise BadRequest("regions", f"{request.task} is for the whole song; leave it empty")
    if not found and request.task == "repaint":
        raise BadRequest("regions", 'is missing; say which seconds should be made anew, like "12-24"')
    if not request.track and request.task in ("add", "extract"):
        raise BadRequest("track", f"is missing; say which track to {request.task}, for instance drums")
    if any(end - start > LONGEST for start, end in found or ((0.0, original),)):
        raise BadRequest("regions", f"ACE-Step hears {LONGEST:g} seconds at once; choose a shorter region, or song")
    if request.track and request.task == "repaint":
        raise BadRequest("track", "means nothing to a repaint; say in the words what should change, or choose a task")
    return found or ((0.0, original),)


def check_numbers(request: Any) -> None:
    """Numbers that do not go together. Raises BadRequest."""
    if request.cfg_interval_start > request.cfg_interval_end:
        raise BadRequest("cfg_interval_start", "lies behind cfg_interval_end; make it smaller")
    if request.precision == "int8":
        raise BadRequest("precision", "int8 is for MusicGen; ACE-Step computes in bf16 or fp32")


def untrained(turbo: bool, steps: int, shift: float) -> tuple[str, ...]:
    """What lies outside of what a checkpoint was trained for, or of what upstream advises (its INFERENCE.md)."""
    if turbo:
        odd = [f"{steps} steps"] if steps != TURBO_STEPS else []
        odd += [f"a shift of {shift:g}"] if shift not in TURBO_SHIFTS else []
        made_for = f"was trained for {TURBO_STEPS} steps and a shift of 1, 2 or 3"
    else:
        odd, made_for = [f"{steps} steps"] if steps < FEWEST_STEPS else [], f"wants {FEWEST_STEPS} to 64 steps"
    return (f"The checkpoint {made_for}; it was asked for {' and '.join(odd)}.",) if odd else ()


def notices(request: Any) -> tuple[str, ...]:
    """What is asked for otherwise than it was said."""
    bpm = getattr(request, "bpm", None)
    if bpm and bpm != round(bpm):
        return (f"ACE-Step counts whole beats a minute: {bpm:g} bpm were asked for as {round(bpm)}.",)
    return ()


def _covered(request: Any, original: float) -> float:
    if not (request.prompt or request.style):
        raise BadRequest("style", "is missing; name a style, or say in the words how the cover should sound")
    if request.duration and original and request.duration > original + 0.5:
        raise BadRequest("duration", f"a cover is as long as its original, {original:.4g} s, at most; ask for less")
    return _within(min(request.duration or original, original or LONGEST) or LONGEST)


def _within(length: float) -> float:
    if not SHORTEST <= length <= LONGEST:
        raise BadRequest("duration", f"ACE-Step makes {SHORTEST:g} to {LONGEST:g} seconds; {length:.4g} were asked for")
    return length


def _caption(request: Any, source: Source | None, sung: bool) -> str:
    style = STYLES[request.style].name if request.style in STYLES else request.style
    prompt = request.prompt
    if not prompt and not style and source and source.recipe:
        own = (source.recipe.request.prompt, source.recipe.plan.get("style_name"))
        prompt = next((words for words in own if words and len(words) <= CAPTION), "")
    voice = VOICES[getattr(request, "singer", "auto")]
    return _short("prompt", ", ".join(filter(None, (prompt, style, voice if sung else ""))), CAPTION)


def _lyrics(request: Any, source: Source | None) -> str:
    """What is sung; what our own take was sung to, where a part of it is made anew and nobody says otherwise."""
    if isinstance(request, Generate | Cover):
        lyrics = "" if request.instrumental else request.lyrics
    else:
        own = source.recipe.request if source and source.recipe else None
        theirs = "" if getattr(own, "instrumental", False) else getattr(own, "lyrics", "")
        lyrics = request.lyrics or theirs
    return _short("lyrics", lyrics, LYRICS) or INSTRUMENTAL


def _short(field: str, text: str, most: int) -> str:
    if len(text) > most:
        raise BadRequest(field, f"ACE-Step reads {most} characters of it, these are {len(text)}; shorten it")
    return text
