"""Drum kits: which hit sounds for which pitch, how a kit is tuned, and how a drum track is played.

Pitches are those of General MIDI percussion; the studio adds some of its own below and above them. Hits are made once
per kit in three round-robin variants and kept. `RISER` and `REVERSE_CYMBAL` end where their note ends.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import njit

import dsp
from composer import character
from composer.chance import chance
from composer.style import Flavour
from composer.synth import chips, strikes
from composer.synth.kits import KITS, Kit
from dsp.filters import FUSED
from song.audio import SAMPLE_RATE
from song.score import Note

SNAP, RISER, IMPACT, REVERSE_CYMBAL, SUB_DROP, BRUSH, TAIKO = 26, 27, 28, 29, 30, 33, 87
BODHRAN, BODHRAN_TIP, CASCARA, SURDO, DJEMBE = 88, 89, 90, 91, 92
KICKS = (35, 36)  # what ducks the others
OPEN_HAT, CLOSING_HATS = 46, (42, 44, 46)
GATED = (38, 39, 40, 41, 43, 45, 47, 48, 50)  # what a gated room answers to
VARIANTS = 3
# Groups of lanes that a producer picks and tunes together.
_LANES: dict[str, tuple[int, ...]] = {
    "kick": (35, 36), "snare": (37, 38, 40), "clap": (SNAP, 39), "hats": (42, 44, 46), "cymbals": (49, 51, 53, 57),
    "toms": (41, 43, 45, 47, 48, 50), "low": (IMPACT, SUB_DROP, TAIKO, BODHRAN, SURDO), "hand": (),
}  # fmt: skip
_LANE_OF = {pitch: lane for lane, pitches in _LANES.items() for pitch in pitches}


class Place(NamedTuple):
    """A hit, how loud it is beside a kick, and where it stands, -1 left to 1 right."""

    hit: strikes.Hit
    level: float
    pan: float = 0.0


PLACES: dict[int, Place] = {
    SNAP: Place(strikes.snap, 0.42, 0.1), BRUSH: Place(strikes.brush, 0.25, -0.1),
    IMPACT: Place(strikes.impact, 0.9), SUB_DROP: Place(strikes.sub_drop, 0.8), TAIKO: Place(strikes.taiko, 0.95),
    35: Place(strikes.kick, 0.95), 36: Place(strikes.kick, 1.0), 37: Place(strikes.rim, 0.38, -0.12),
    38: Place(strikes.snare, 0.74, 0.04), 39: Place(strikes.clap, 0.62, -0.05),
    40: Place(lambda kit, rng: strikes.snare(kit, rng, 1.14), 0.74, 0.04),
    41: Place(strikes.tom(74), 0.7, -0.5), 43: Place(strikes.tom(88), 0.7, -0.35), 45: Place(strikes.tom(104), 0.68,
        -0.15),
    47: Place(strikes.tom(124), 0.66, 0.08), 48: Place(strikes.tom(148), 0.64, 0.28), 50: Place(strikes.tom(176),
        0.62, 0.42),
    42: Place(strikes.closed_hat, 0.26, 0.28), 44: Place(strikes.pedal_hat, 0.2, 0.28), 46: Place(strikes.open_hat,
        0.25, 0.28),
    49: Place(strikes.crash, 0.42, -0.4), 57: Place(strikes.second_crash, 0.42, 0.45), 51: Place(strikes.ride, 0.3,
        -0.38),
    53: Place(strikes.ride_bell, 0.34, -0.38), 54: Place(strikes.tambourine, 0.26, 0.35), 56: Place(strikes.cowbell,
        0.34, -0.25),
    60: Place(strikes.hand_drum(390, 0.06, 0.5), 0.45, 0.32), 61: Place(strikes.hand_drum(285, 0.08, 0.4), 0.45,
        0.22),
    62: Place(strikes.hand_drum(245, 0.05, 0.9), 0.45, -0.3), 63: Place(strikes.hand_drum(236, 0.13, 0.3), 0.48,
        -0.3),
    64: Place(strikes.hand_drum(172, 0.17, 0.3), 0.5, -0.2), 69: Place(strikes.cabasa, 0.22, -0.4),
    70: Place(strikes.shaker, 0.24, 0.4), 82: Place(strikes.shaker, 0.24, 0.4),
    65: Place(strikes.timbale(232), 0.5, 0.25), 66: Place(strikes.timbale(178), 0.52, 0.1),
    67: Place(strikes.agogo(884), 0.28, -0.3), 68: Place(strikes.agogo(662), 0.28, -0.3),
    73: Place(strikes.guiro(0.07), 0.24, -0.45), 74: Place(strikes.guiro(0.24), 0.26, -0.45),
    75: Place(strikes.claves, 0.3, 0.3), 76: Place(strikes.woodblock(1150), 0.3, 0.2),
    77: Place(strikes.woodblock(820), 0.3, 0.2), 80: Place(strikes.muted_triangle, 0.18, 0.38),
    81: Place(strikes.triangle, 0.2, 0.38),
    BODHRAN: Place(strikes.bodhran(88, 0.16, 0.35), 0.8, -0.1),
    BODHRAN_TIP: Place(strikes.bodhran(164, 0.06, 0.8), 0.5, 0.1),
    CASCARA: Place(strikes.cascara, 0.28, 0.3), SURDO: Place(strikes.surdo, 0.85, -0.05),
    DJEMBE: Place(strikes.hand_drum(104, 0.2, 0.45), 0.6, -0.25),
}  # fmt: skip
# What a General MIDI file may ask for and we have nothing better to answer with.
_NEAREST = {34: 37, 52: 57, 55: 49, 58: 56, 59: 51, 71: 75, 72: 75, 83: 54, 84: 81, 85: 75, 86: SURDO}  # fmt: skip


@lru_cache(maxsize=1024)
def one_shot(kit: str, pitch: int, variant: int) -> np.ndarray:
    """One hit, float32 (2, frames), peak at the level of its place; ends in silence."""
    place, taste = PLACES[pitch], KITS[kit]
    make = chips.HITS.get(pitch, place.hit) if taste.chip else place.hit
    return _finished(make(taste, chance(0, kit, pitch, variant)), taste, place.level, pitch)


@lru_cache(maxsize=64)
def swell(kit: str, pitch: int, seconds: float) -> np.ndarray:
    """A riser or reverse cymbal that lasts `seconds`."""
    make = strikes.riser if pitch == RISER else strikes.reverse_cymbal
    sound = make(KITS[kit], chance(0, kit, pitch), seconds)
    return sound * np.float32(0.4 / np.abs(sound).max())


def _finished(sound: np.ndarray, kit: Kit, level: float, pitch: int) -> np.ndarray:
    """Room, dust, level, and a clean end."""
    if kit.room and pitch not in (*KICKS, SUB_DROP, IMPACT):
        dry = np.pad(sound, ((0, 0), (0, int(0.9 * kit.room_seconds * SAMPLE_RATE))))
        send = dsp.filter(dry, dsp.highpass(220, SAMPLE_RATE))  # low drums keep a dry foundation
        answer = dsp.reverb(send, SAMPLE_RATE, kit.room_seconds, 0.5, 0.009)
        if kit.gate and pitch in GATED:
            open_ = round(kit.gate * SAMPLE_RATE)
            answer[:, open_:] = 0
            answer[:, :open_] = dsp.fade(2.2 * answer[:, :open_], SAMPLE_RATE, 0.0, 0.03)
        sound = dry + np.float32(1.6 * kit.room) * answer
    sound = sound / np.float32(np.abs(sound).max())
    if kit.dust:
        sound = np.tanh(np.float32(1 + 1.2 * kit.dust) * sound)
        sound = dsp.filter(sound, dsp.lowpass(12_000 - 5000 * kit.dust, SAMPLE_RATE, 0.6))
    sound = dsp.filter(sound, dsp.highpass(24, SAMPLE_RATE))
    sound *= np.float32(level / np.abs(sound).max())
    loud = np.flatnonzero(np.abs(sound).max(axis=0) > 3e-5)
    return dsp.fade(np.ascontiguousarray(sound[:, : loud[-1] + 1]), SAMPLE_RATE, 0.0, 0.02)


def render(
    out: np.ndarray,
    notes: Sequence[Note],
    bpm: float,
    kit: str,
    seed: int,
    flavour: Flavour | None = None,
    song: int = 0,
) -> None:
    """Adds a drum track to `out`, float32 (2, frames). With a flavour the kit is that of the song with seed `song`:
    tuned, damped, and put together from the kits that a producer of this one would also reach for."""
    kit = kit if kit in KITS else "house"
    hits = Hits(kit, flavour, song)
    beat = 60 / bpm * SAMPLE_RATE
    chokes = sorted(note.start for note in notes if note.pitch in CLOSING_HATS)
    for note in notes:
        velocity = note.velocity / 127
        if note.pitch in (RISER, REVERSE_CYMBAL):
            sound = swell(kit, note.pitch, round(note.duration * 60 / bpm, 2))
            start = round(note.end * beat) - sound.shape[1]
            _strike(out, sound, start, velocity, velocity, 1.0, sound.shape[1])
            continue
        pitch = note.pitch if note.pitch in PLACES else _NEAREST.get(note.pitch, 37)
        # What a hit sounds like depends on where it stands alone, so an edited bar leaves all others as they were.
        dice = (round(note.start * 480) * 7919 + pitch * 104_729 + seed) * 2_654_435_761 % 2**32
        sound, louder = hits.hit(pitch, dice % VARIANTS)
        gain = louder * velocity**1.5 * (0.95 + 0.1 * (dice >> 8 & 255) / 255)
        place = PLACES[pitch]
        angle = (place.pan + 1) * math.pi / 4
        cut = sound.shape[1]
        if pitch == OPEN_HAT:
            after = bisect_right(chokes, note.start + 0.01)
            cut = min(cut, round((chokes[after] - note.start) * beat)) if after < len(chokes) else cut
        soft = 1 - math.exp(-2 * math.pi * 2600 * 2 ** (3.4 * velocity) / SAMPLE_RATE)  # a soft hit is a dull hit
        start = round(note.start * beat)
        _strike(out, sound, start, gain * math.cos(angle) * 1.414, gain * math.sin(angle) * 1.414, soft, cut)


class Hits:
    """The hits of one song's kit, each made when it is first struck."""

    def __init__(self, kit: str, flavour: Flavour | None, song: int) -> None:
        self._kit, self._flavour = kit, flavour
        self._lanes = {lane: self._taste(lane, song) for lane in _LANES} if flavour else {}
        self._made: dict[tuple[int, int], tuple[np.ndarray, float]] = {}

    def _taste(self, lane: str, song: int) -> tuple[str, float, float, float, float]:
        """(kit, playing speed, damping in dB per second, low-pass coefficient, level) of a group of lanes."""
        assert self._flavour is not None
        a, b, c = chance(song, self._kit, "character", lane).standard_normal(3).clip(-1.8, 1.8)
        rare = lane in ("kick", "low")  # a kick that is tuned away is another style's
        tune = 0.5 * self._flavour.tune + (0.8 if rare else 1.6) * a
        damp = max(0.0, (14.0 if rare else 24.0) * (b - 0.5 * self._flavour.decay))
        dull = min(18_000.0, 13_000 * 2.0 ** (self._flavour.bright + 0.4 * c))
        level = 1.0 if lane == "kick" else 10 ** ((self._flavour.snap + 1.8 * c) / 20)
        kit = character.kit_of(self._kit, lane, song)
        return kit, 2 ** (tune / 12), damp, 1 - math.exp(-2 * math.pi * dull / SAMPLE_RATE), level

    def hit(self, pitch: int, variant: int) -> tuple[np.ndarray, float]:
        """float32 (2, frames) and how loud it is beside the kit as it is written."""
        key = (pitch, variant)
        if key not in self._made:
            if not self._lanes:
                self._made[key] = one_shot(self._kit, pitch, variant), 1.0
            else:
                kit, speed, damp, soft, level = self._lanes[_LANE_OF.get(pitch, "hand")]
                sound = one_shot(kit, pitch, variant)
                made = np.zeros((2, int((sound.shape[1] - 4) / speed)), np.float32)
                _retune(sound, made, speed, 10 ** (-damp / 20 / SAMPLE_RATE), soft)
                self._made[key] = made, level
        return self._made[key]


def kicks(notes: Sequence[Note], bpm: float) -> np.ndarray:
    """Frames at which the kick sounds, int64."""
    return np.array([round(note.start * 60 / bpm * SAMPLE_RATE) for note in notes if note.pitch in KICKS], np.int64)


@njit(cache=True, nogil=True)
def _retune(sound, made, speed, fall, soft):
    # Plays a hit faster or slower, damps it and takes highs away.
    frames = made.shape[1]
    for side in range(2):
        source, row = sound[side], made[side]
        level, low = 1.0, 0.0
        for i in range(frames):
            at = i * speed
            whole = int(at)
            f = at - whole
            a = source[whole - 1] if whole > 0 else 0.0
            b, c, d = source[whole], source[whole + 1], source[whole + 2]
            y = b + 0.5 * f * (c - a + f * (2.0 * a - 5.0 * b + 4.0 * c - d + f * (3.0 * (b - c) + d - a)))
            low += (level * y - low) * soft
            level *= fall
            row[i] = low
        for i in range(min(frames, 480)):
            row[frames - 1 - i] *= i / 480.0


@njit(cache=True, nogil=True, forceinline=True, fastmath=FUSED)
def _strike(out, sound, start, gain_left, gain_right, soft, cut):
    fade = 480  # a choked cymbal is silent within 10 ms, without a click
    low_left = low_right = 0.0
    keep = 1.0 - soft
    end = min(sound.shape[1], cut + fade)
    first, last = max(0, -start), min(end, out.shape[1] - start)
    whole = last if cut >= sound.shape[1] else min(last, max(first, cut))
    for i in range(first, whole):
        low_left = sound[0, i] * soft + low_left * keep
        low_right = sound[1, i] * soft + low_right * keep
        out[0, start + i] += gain_left * low_left
        out[1, start + i] += gain_right * low_right
    for i in range(whole, last):
        low_left = sound[0, i] * soft + low_left * keep
        low_right = sound[1, i] * soft + low_right * keep
        shade = max(0.0, cut + fade - i) / fade
        out[0, start + i] += gain_left * shade * low_left
        out[1, start + i] += gain_right * shade * low_right
