"""The character of one song: how it was recorded and mixed, and with which of the instruments that would all do.

Songs of one style would otherwise be one song with other notes. Real records of one genre differ in room, weight,
brightness, width, density and in every single sound, and they do so coherently: one studio, one taste. So a few axes
are drawn for the song, everything follows them, and each part adds a little of its own.

What the words ask for stays: an instrument that was named keeps its patch, and a mood that says something about an
axis decides its side. All chance is `chance(seed, style, "character", ...)`.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from composer.chance import chance
from composer.style import Flavour, Mix, Part

__all__ = ["Character", "apply", "character"]

_FIXED = ("drums", "bass")  # they stay in the middle
_LOOSE = {"drums": 1.5, "bass": 1.5, "chords": 2.0, "lead": 1.5, "texture": 2.5, "vocals": 0.5}  # dB of the balance
_LEANS: dict[str, tuple[str, float]] = {  # mood -> the axis about which it has an opinion, and which
    "dark": ("bright", -1.0), "calm": ("dense", -1.0), "dreamy": ("space", 1.0), "aggressive": ("dense", 1.0),
    "romantic": ("bright", -1.0), "happy": ("bright", 1.0), "epic": ("space", 1.0), "energetic": ("dense", 1.0),
}  # fmt: skip


class Cousin(NamedTuple):
    """Another instrument for the same place: its patch, General MIDI program and name."""

    patch: str
    program: int
    name: str


# Who may stand in for whom without anybody calling it another style.
COUSINS: dict[str, tuple[Cousin, ...]] = {
    "piano": (Cousin("piano_upright", 1, "Upright piano"), Cousin("piano_felt", 0, "Felt piano")),
    "piano_upright": (Cousin("piano", 0, "Piano"),),
    "piano_felt": (Cousin("piano", 0, "Piano"), Cousin("piano_upright", 1, "Upright piano")),
    "electric_piano": (Cousin("wurlitzer", 5, "Wurlitzer"),),
    "wurlitzer": (Cousin("electric_piano", 4, "Rhodes"),),
    "organ": (Cousin("organ_bubble", 17, "Combo organ"),),
    "bass_finger": (Cousin("bass_pick", 34, "Picked bass"),),
    "bass_pick": (Cousin("bass_finger", 33, "Bass guitar"),),
    "bass_synth": (Cousin("bass_pulse", 38, "Pulse bass"),),
    "bass_pulse": (Cousin("bass_synth", 38, "Synth bass"),),
    "pad_warm": (Cousin("pad_poly", 90, "Poly pad"), Cousin("pad_strings", 50, "String machine")),
    "pad_poly": (Cousin("pad_warm", 89, "Warm pad"), Cousin("pad_strings", 50, "String machine")),
    "pad_strings": (Cousin("pad_poly", 90, "Poly pad"),),
    "pad_dark": (Cousin("pad_warm", 89, "Warm pad"), Cousin("pad_strings", 50, "String machine")),
    "pad_glass": (Cousin("pad_poly", 90, "Poly pad"), Cousin("choir_ooh", 53, "Choir")),
    "stab": (Cousin("stab_rave", 90, "Rave stab"), Cousin("supersaw", 81, "Supersaw")),
    "supersaw": (Cousin("stab_rave", 90, "Rave stab"), Cousin("pad_poly", 90, "Poly synth")),
    "stab_rave": (Cousin("supersaw", 81, "Supersaw"), Cousin("stab", 90, "Chord stab")),
    "pluck": (Cousin("pluck_glass", 88, "Glass pluck"), Cousin("lead_pulse", 80, "Pulse synth")),
    "lead_saw": (Cousin("lead_pulse", 80, "Pulse lead"), Cousin("lead_sync", 81, "Sync lead")),
    "lead_pulse": (Cousin("lead_saw", 81, "Saw lead"), Cousin("lead_brass", 62, "Synth brass")),
    "lead_square": (Cousin("lead_pulse", 80, "Pulse lead"), Cousin("lead_saw", 81, "Saw lead")),
    "lead_brass": (Cousin("lead_saw", 81, "Saw lead"),),
    "lead_sync": (Cousin("lead_pulse", 80, "Pulse lead"),),
    "lead_soft": (Cousin("lead_whistle", 78, "Whistle lead"), Cousin("lead_square", 80, "Square lead")),
    "mallet": (Cousin("vibraphone", 11, "Vibraphone"), Cousin("kalimba", 108, "Kalimba")),
    "vibraphone": (Cousin("mallet", 11, "Vibes"),),
    "marimba": (Cousin("kalimba", 108, "Kalimba"),),
    "bells": (Cousin("bell_fm", 14, "Bells"), Cousin("music_box", 10, "Music box")),
    "bell_fm": (Cousin("bells", 9, "Glockenspiel"),),
    "music_box": (Cousin("kalimba", 108, "Kalimba"), Cousin("bells", 9, "Glockenspiel")),
    "guitar_nylon": (Cousin("guitar_steel", 25, "Steel guitar"),),
    "guitar_steel": (Cousin("guitar_nylon", 24, "Nylon guitar"),),
    "guitar_clean": (Cousin("guitar_electric", 27, "Electric guitar"),),
    "guitar_electric": (Cousin("guitar_clean", 27, "Clean guitar"),),
    "guitar_distorted": (Cousin("guitar_crunch", 29, "Crunch guitar"),),
    "guitar_crunch": (
        Cousin("guitar_distorted", 30, "Distorted guitar"),
        Cousin("guitar_electric", 27, "Electric guitar"),
    ),
    "trumpet": (Cousin("trombone", 57, "Trombone"),),
    "violin": (Cousin("strings_chamber", 48, "Chamber strings"),),
    "clarinet": (Cousin("oboe", 68, "Oboe"),),
    "acid": (Cousin("lead_sync", 81, "Sync lead"),),
    "strings": (Cousin("strings_chamber", 49, "Chamber strings"),),
    "strings_chamber": (Cousin("strings", 48, "Strings"),),
    "brass": (Cousin("brass_soft", 60, "Soft brass"),),
    "choir": (Cousin("choir_ooh", 53, "Choir"),),
    "choir_ooh": (Cousin("choir", 52, "Choir"),),
    "texture_vinyl": (Cousin("texture_tape", 122, "Tape hiss"),),
    "texture_tape": (Cousin("texture_vinyl", 122, "Vinyl crackle"),),
}
KITS: dict[str, tuple[str, ...]] = {  # kits that a producer of one would also reach for
    "lofi": ("boombap", "soul"), "boombap": ("lofi", "soul", "funk"), "house": ("techno", "pop", "funk"),
    "techno": ("house", "trap", "dubstep"), "trap": ("drill", "dubstep"), "drill": ("trap",), "rock": ("pop", "punk"),
    "punk": ("rock",), "metal": ("rock", "punk"), "pop": ("rock", "soul", "house"), "funk": ("soul", "pop"),
    "soul": ("funk", "pop"), "jazz": ("brushes", "soul"), "brushes": ("jazz",), "dnb": ("funk", "dubstep", "boombap"),
    "dubstep": ("trap", "dnb"), "synthwave": ("pop", "house"), "country": ("rock", "soul"), "reggae": ("soul", "funk"),
    "afrobeat": ("funk", "latin"), "latin": ("afrobeat", "funk"), "orchestral": ("epic",), "epic": ("orchestral",),
    "ambient": ("orchestral", "lofi"), "celtic": ("country",), "chip": (),
}  # fmt: skip


@dataclass(frozen=True)
class Character:
    """The axes of a song, each about -1.5 to 1.5, 0 the style as it is written."""

    bright: float
    weight: float  # bass and low drums
    middle: float  # hollow or full
    space: float  # dry or far away
    wide: float
    dense: float  # how hard everything is pressed
    old: float  # clean or worn
    mirrored: bool  # left is right


def character(style: str, seed: int, moods: tuple[str, ...] = ()) -> Character:
    """The axes of one song."""
    rng = chance(seed, style, "character")
    axes = dict(zip(("bright", "weight", "middle", "space", "wide", "dense", "old"), _draw(rng, 7), strict=True))
    for mood in moods:
        if mood in _LEANS:
            axis, side = _LEANS[mood]
            axes[axis] = side * abs(axes[axis])
    return Character(**axes, mirrored=bool(rng.random() < 0.5))


def apply(
    style: str, band: dict[str, Part], mix: Mix, seed: int, named: tuple[str, ...] = (), moods: tuple[str, ...] = ()
) -> tuple[dict[str, Part], Mix]:
    """The band and the mix of one song of a style. `named` roles keep the instrument that was asked for."""
    whole = character(style, seed, moods)
    kept = {band[role].patch for role in named if role in band} | {part.patch for part in band.values() if _fixed(part)}
    stand_ins = _cousins(band, kept, style, seed)
    changed = {}
    for role, part in band.items():
        rng = chance(seed, style, "character", part.patch)  # one instrument in two roles is still one instrument
        flavour = _flavour(role, whole, rng)
        cousin = stand_ins.get(part.patch)
        player = replace(part, patch=cousin.patch, program=cousin.program, name=cousin.name) if cousin else part
        changed[role] = _placed(role, replace(player, flavour=flavour), whole, chance(seed, style, "character", role))
    return _names_apart(changed, band), _mix(mix, whole, chance(seed, style, "character", "mix"))


def kit_of(kit: str, lanes: str, seed: int) -> str:
    """The kit from which a group of lanes ("snare", "hats" ...) is taken: most often its own."""
    rng = chance(seed, kit, "character", "kit", lanes)
    others = KITS.get(kit, ())
    return others[int(rng.integers(len(others)))] if others and rng.random() < 0.4 else kit


def _draw(rng: np.random.Generator, count: int) -> list[float]:
    """Normal numbers whose extremes are pulled in."""
    return [round(1.5 * float(np.tanh(value / 1.2)), 4) for value in rng.standard_normal(count)]


def _fixed(part: Part) -> bool:
    return part.patch in KITS


def _cousins(band: dict[str, Part], kept: set[str], style: str, seed: int) -> dict[str, Cousin]:
    """patch -> who plays instead, for about half of those who have a cousin that does not play already."""
    taken = {part.patch for part in band.values()}
    found: dict[str, Cousin] = {}
    for patch in dict.fromkeys(part.patch for part in band.values()):
        rng = chance(seed, style, "character", "cousin", patch)
        others = [cousin for cousin in COUSINS.get(patch, ()) if cousin.patch not in taken]
        if patch not in kept and others and rng.random() < 0.5:
            found[patch] = others[int(rng.integers(len(others)))]
            taken.add(found[patch].patch)
    return found


def _names_apart(changed: dict[str, Part], band: dict[str, Part]) -> dict[str, Part]:
    """A name becomes a track: where two would be the same, the old one is kept."""
    names = [part.name for part in changed.values()]
    return {
        role: replace(part, name=band[role].name) if names.count(part.name) > 1 else part
        for role, part in changed.items()
    }


def _flavour(role: str, whole: Character, rng: np.random.Generator) -> Flavour:
    a, b, c, d, e, f, g, h, i, k, m = _draw(rng, 11)
    return Flavour(
        bright=0.5 * whole.bright + 0.45 * a,
        attack=0.5 * b,
        decay=0.25 * whole.space + 0.5 * c,
        release=0.3 * whole.space + 0.4 * d,
        detune=0.3 * whole.wide + 0.4 * e,
        drive=0.45 * whole.old + 0.3 * whole.dense + 0.3 * f,
        chorus=max(0.0, 0.2 * whole.wide + 0.25 * g) if role not in _FIXED else 0.0,
        body=0.12 * h,
        tune=1.6 * i,
        snap=1.3 * whole.bright + 1.4 * k,
        tilt=1.6 * whole.bright + 2.0 * m,
        ring=4.5 * float(rng.uniform(-1, 1)),
        ring_hertz=float(250 * 2 ** rng.uniform(0, 3.6)),
    )


def _placed(role: str, part: Part, whole: Character, rng: np.random.Generator) -> Part:
    """Level, side, width, room, echo and pump of one part."""
    level, side, width, send, pump = _draw(rng, 5)
    lufs = part.lufs + _LOOSE.get(role, 2.0) * level + (1.2 * whole.weight if role == "bass" else 0.0)
    pan = (-part.pan if whole.mirrored else part.pan) + (0.0 if role in _FIXED or role == "vocals" else 0.16 * side)
    echo = part.delay * 2 ** (0.7 * float(rng.normal()))
    if part.delay == 0 and role in ("lead", "arp", "counter", "chords") and rng.random() < 0.2 + 0.1 * whole.space:
        echo = float(rng.uniform(0.12, 0.3))
    dry = role == "bass" or part.patch.startswith("texture")
    send_least = 0.06 if role == "drums" else 0.02  # some rooms are heard on the drums first of all
    return replace(
        part,
        lufs=round(lufs, 2),
        pan=round(max(-0.6, min(0.6, pan)), 3),
        width=round(min(1.0, part.width * 2 ** (0.4 * whole.wide + 0.4 * width)), 3),
        reverb=part.reverb
        if dry
        else round(min(0.8, (part.reverb + send_least) * 2 ** (0.85 * whole.space + 0.5 * send)), 3),
        delay=round(min(0.5, echo), 3),
        duck=round(min(0.8, part.duck * 2 ** (0.7 * pump + 0.2 * whole.dense)), 3),
    )


def _mix(mix: Mix, whole: Character, rng: np.random.Generator) -> Mix:
    """Room, pump, width, tone, warmth and glue of the whole."""
    slope = np.linspace(-1, 1, 6)
    low = np.array([1.0, 0.45, 0.0, 0.0, 0.0, 0.0])
    belly = np.array([-0.3, 0.3, 1.0, 0.8, -0.2, -0.4])
    shift = 1.5 * whole.bright * slope + 1.5 * whole.weight * low + 1.0 * whole.middle * belly
    shift = shift + np.array([0.7 * value for value in _draw(rng, 6)])
    tone = np.array(mix.tone) + np.clip(shift, -TONE_DB, TONE_DB)
    drive = mix.drive + 0.22 * max(-1.0, whole.old) + 0.06 * float(rng.normal())
    return replace(
        mix,
        reverb_seconds=round(min(6.0, max(0.35, mix.reverb_seconds * 2 ** (0.55 * whole.space))), 3),
        duck_seconds=round(min(0.5, mix.duck_seconds * 2 ** (0.3 * float(rng.normal()))), 3),
        width=round(min(1.9, max(0.7, mix.width * 2 ** (0.5 * whole.wide))), 3),
        tone=tuple(round(float(value), 2) for value in tone),  # type: ignore[arg-type]
        drive=round(min(1.0, max(0.0, drive)), 3),
        glue=round(min(4.5, max(1.2, mix.glue * 2 ** (0.45 * whole.dense))), 3),
    )


TONE_DB = 2.8  # how far a song's tone may lie from its style's, in any band
