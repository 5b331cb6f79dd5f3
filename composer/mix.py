"""Stems -> mix -> master: balance, space, width and dynamics, from numbers in the plan.

Every stem is brought to the loudness that its part has in the style, so the balance does not depend on which patch or
SoundFont plays. What leaves the desk as stems, the reverb among them, adds up to the mix, sample by sample.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

import dsp
from composer import automation, strip
from composer.crew import together
from composer.stanzas import BACKING, VOCALS
from composer.style import Part
from composer.synth.drums import kicks
from composer.voice import desk
from dsp.hands import each
from song.audio import SAMPLE_RATE
from song.progress import Progress, part, silent
from song.score import Score

if TYPE_CHECKING:
    from composer.plan import Plan

MASTER_LUFS = -18.0  # where the master is left; how loud a song is released is decided later
REVERB = "reverb"  # the stem in which all sends meet
BANDS = (35, 120, 300, 900, 2800, 7000, 16_000)  # hertz; the six bands of Mix.tone lie between
# Power per octave of records, dB below the lowest band: about 5 dB per octave steeper than white (Pestana et al. 2013,
# sixty years of hits), and a little more in the top octave.
REFERENCE = (0.0, -2.5, -5.5, -8.5, -12.0, -17.0)
DULL_DB = 5.0  # less of the top octave than it should have is left to the equaliser
# What saturation, glue and the limiter take from each band afterwards: the mean over a song of every style, released.
LATER_DB = np.array([1.5, 0.9, -0.9, -0.8, -0.6, -0.1])
LEAVE_DB, MOST_DB = 0.8, 8.0  # what the master leaves of a song's own tone, and how far it goes in a band
_LOW_CUTS = {"drums": 24.0, "bass": 28.0, "texture": 60.0, "chords": 100.0, "pad": 110.0, "lead": 130.0}
_STEADY = automation.STEADY
_PLAIN = Part("", 0, "", -24.0)
_STILL = np.zeros(0)
_STRETCH = 64 * strip.GRID  # frames that are added up at a time


@dataclass(frozen=True, eq=False)
class Mixdown:
    """float32 (2, frames) each: the stems, the room last, their sum, and what `mastered` makes of it."""

    stems: dict[str, np.ndarray]
    mix: np.ndarray
    master: np.ndarray


def mixdown(stems: dict[str, np.ndarray], score: Score, plan: "Plan", progress: Progress = silent) -> Mixdown:
    """Mix dry stems and master the mix. The arrays handed in are used up: they become the stems of the result."""
    placed, mix = mixed(stems, score, plan, part(progress, 0.0, 0.75))
    return Mixdown(placed, mix, mastered(mix.copy(), plan, part(progress, 0.75, 1.0)))


def mixed(
    stems: dict[str, np.ndarray], score: Score, plan: "Plan", progress: Progress = silent
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Stems as they leave the desk, the room last, and their sum. The arrays handed in are used up."""
    frames = round(plan.duration * SAMPLE_RATE)
    beat = 60 / score.bpm
    hits = [kicks(track.notes, score.bpm) for track in score.tracks if track.drums]
    duck = dsp.duck_curve(
        frames, SAMPLE_RATE, np.concatenate(hits) if hits else np.zeros(0, np.int64), plan.mix.duck_seconds
    )
    hands = automation.moves(plan, frames)
    silence = np.zeros(0, np.float32)
    sung = [note.end for track in score.tracks if track.role != "texture" for note in track.notes]
    last = score.seconds(max(sung, default=0.0))

    voice = desk.presence(stems[VOCALS]) if VOCALS in stems else silence

    def channel(role: str) -> None:
        stem, player = stems[role], plan.band.get(role, _PLAIN)
        if role == "drums":
            glue = plan.mix.glue
            dsp.compress_inplace(stem, SAMPLE_RATE, -12 - 2 * glue, 1 + 0.8 * glue, 0.012, 0.12)
        elif role in (VOCALS, BACKING):
            desk.polish(stem)
        loudness, natural = strip.trim(stem, _LOW_CUTS.get(role, 120.0), player.flavour)
        gain = 10 ** ((player.lufs - loudness) / 20) if loudness > dsp.SILENCE_LUFS else 0.0
        if player.delay > 0:
            dsp.echo(stem, SAMPLE_RATE, min(1.2, 0.75 * beat), player.delay)
        if role not in _STEADY:
            desk.give_way(stem, voice)
        still = role in _STEADY
        level, breadth = (_STILL, _STILL) if still else (hands.level, hands.width)
        if len(asked := automation.fader(plan, role, frames)):
            level = level * asked if len(level) else asked
        sweep = _STILL if still else hands.cutoff
        lag = 0.009 + 0.0017 * (sorted(stems).index(role) % 5)  # not the same comb on every part
        strip.place(
            stem,
            gain,
            player.pan,
            player.width,
            silence if role == "drums" else duck,
            player.duck,
            sweep,
            lag,
            natural,
            level,
            breadth,
        )
        _end(stem, plan, last, dry=True)

    together(channel, stems, part(progress, 0.0, 0.7), "Mixing")
    mix, sent = np.zeros((2, 2, frames), np.float32)
    _blend(stems, plan, hands.throw, mix, sent)
    room = _room(sent, plan, duck)
    progress(0.9, "Mixing")
    each(lambda start: strip.add(mix, room, start, min(frames, start + _STRETCH)), range(0, frames, _STRETCH))
    progress(1.0, "Mixing")
    return {**stems, REVERB: room}, mix


def _blend(stems: dict[str, np.ndarray], plan: "Plan", throw: np.ndarray, mix: np.ndarray, sent: np.ndarray) -> None:
    """Add the stems to the mix and to what is sent to the room, always in the same order, in stretches that stay in the
    processor's cache."""
    frames = mix.shape[1]
    sends = {role: plan.band.get(role, _PLAIN).reverb for role in stems}

    def stretch(start: int) -> None:
        end = min(frames, start + _STRETCH)
        for role, stem in stems.items():
            strip.add(mix, stem, start, end)
            if sends[role] > 0:
                strip.send(sent, stem, sends[role], _STILL if role in ("drums", "bass") else throw, start, end)

    each(stretch, range(0, frames, _STRETCH))


def _room(sent: np.ndarray, plan: "Plan", duck: np.ndarray) -> np.ndarray:
    """The room that all parts share, (2, frames), a little out of the way of the kick."""
    dsp.filter_inplace(sent, dsp.highpass(220, SAMPLE_RATE))
    seconds = plan.mix.reverb_seconds
    room = dsp.reverb(sent, SAMPLE_RATE, seconds, 0.45, min(0.04, 0.012 + 0.008 * seconds))
    # A room answers with more power the longer it rings: this keeps a send of 1 about as loud as what was sent.
    depth = 0.35 * max((player.duck for player in plan.band.values()), default=0.0)
    strip.place(room, 1.05 / max(0.3, seconds) ** 0.5, 0.0, 0.45, duck, depth, _STILL)
    _end(room, plan, plan.duration, dry=False)
    return room


def _end(stem: np.ndarray, plan: "Plan", last: float, dry: bool) -> None:
    """Bring a stem to zero by the last sample, in place.

    `fade` goes slowly; `stop` lets the last chord, which ends after `last` seconds, be cut and only its room ring on;
    `ring` lets it die and takes what is left at the very end.
    """
    start = end = plan.duration
    if plan.ending == "fade":
        start -= plan.fade_seconds
    elif plan.ending == "stop" and dry:
        start = min(last, plan.duration - 0.25)
        end = start + 0.2
    else:
        start -= min(2.5, max(0.4, 0.6 * (plan.duration - plan.bars * plan.bar_seconds)))
    a, b = round(max(0.0, start) * SAMPLE_RATE), min(stem.shape[1], round(end * SAMPLE_RATE))
    stem[:, a:b] = dsp.fade(stem[:, a:b], SAMPLE_RATE, 0.0, (b - a) / SAMPLE_RATE)
    stem[:, b:] = 0


def mastered(sound: np.ndarray, plan: "Plan", progress: Progress = silent) -> np.ndarray:
    """Rumble out, tone towards the style's, width, level, warmth, glue; in place on `sound`, the sum of the stems."""
    looks = _looks(sound)
    air = _excite(looks, plan.mix.tone)
    stages = np.concatenate([dsp.highpass(28, SAMPLE_RATE), *_tone_stages(_tone(looks), plan.mix.tone)])
    level, sums = strip.colour(sound, stages, air)
    progress(0.5, "Mastering")
    gain = 10 ** ((MASTER_LUFS - level) / 20) if level > dsp.SILENCE_LUFS else 1.0
    strip.widen(sound, _width(sums, plan.mix.width), dsp.highpass(150, SAMPLE_RATE), gain, plan.mix.drive)
    dsp.compress_inplace(sound, SAMPLE_RATE, MASTER_LUFS + 3, plan.mix.glue, 0.025, 0.2)
    progress(1.0, "Mastering")
    return sound


def _width(sums: np.ndarray, wanted: float) -> float:
    """Side gain that gives a mix the correlation that a width means: 0.7 is 0.86, 1.2 is 0.78, from 1.7 on it is 0.7.

    `sums` is power of the middle, power of the sides and their product. A mix with hardly any sides is not blown up to
    more than three times, nor one with too much narrowed to a line.
    """
    power, sides, shared = float(sums[0]) + 1e-12, float(sums[1]), float(sums[2])
    goal = min(0.88, max(0.7, 0.985 - 0.172 * wanted))
    low, high = 0.35, 3.0
    for _ in range(24):  # the correlation falls as the gain rises
        gain = (low + high) / 2
        wide = gain * gain * sides
        alike = (power - wide) / max(1e-12, (power + wide) ** 2 - 4 * gain * gain * shared * shared) ** 0.5
        low, high = (gain, high) if alike > goal else (low, gain)
    return (low + high) / 2


def tone(sound: np.ndarray) -> np.ndarray:
    """Power per octave in the six BANDS, dB, mean 0, of (2, frames): what the sound is like over its whole length."""
    return _tone(_looks(sound))


def _looks(sound: np.ndarray) -> np.ndarray:
    """Looks at a sound, evenly over its length: one a second, 60 to 120 of them, (looks, 2, 8192)."""
    size = 8192
    looks = np.zeros((min(120, max(60, sound.shape[1] // SAMPLE_RATE)), 2, size), np.float32)
    for look, start in zip(looks, np.linspace(0, max(0, sound.shape[1] - size), len(looks)).astype(int), strict=True):
        piece = sound[:, start : start + size]
        look[:, : piece.shape[1]] = piece
    return looks


def _tone(looks: np.ndarray) -> np.ndarray:
    size, few = looks.shape[2], 10
    window = np.hanning(size).astype(np.float32)

    def heard(first: int) -> np.ndarray:
        lines = np.fft.rfft(looks[first : first + few] * window)
        return (lines.real**2 + lines.imag**2).sum(axis=(0, 1), dtype=np.float64)

    power = np.sum(each(heard, range(0, len(looks), few)), axis=0)
    hertz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    bands = [power[(hertz >= a) & (hertz < b)].sum() / np.log2(b / a) for a, b in pairwise(BANDS)]
    decibels = 10 * np.log10(np.array(bands) + 1e-12)
    return decibels - decibels.mean()


def _excite(looks: np.ndarray, wanted: tuple[float, ...]) -> float:
    """Where an equaliser would have to lift what is not there, overtones of the treble become the air: added to the
    looks, in place, and how much of them the whole needs."""
    goal = np.array(REFERENCE) + np.array(wanted)
    missing = float((goal - goal.mean() - _tone(looks))[5]) - DULL_DB
    if missing <= 0 or not looks.any():
        return 0.0
    rows = looks.transpose(1, 0, 2).reshape(2, -1)
    air = np.abs(dsp.filter(rows, strip.AIR[[0, 0]]))  # even overtones, no level
    dsp.filter_inplace(air, strip.AIR[[1, 1]])
    top = dsp.filter(rows, strip.AIR[[1, 1]])
    # From one look to the next the filters click: that is over long before frame 512.
    have, made = (float((one.reshape(2, len(looks), -1)[:, :, 512:] ** 2).mean(dtype=np.float64)) for one in (top, air))
    if made <= 0:
        return 0.0
    amount = min(8.0, (have * (10 ** (missing / 10) - 1) / made) ** 0.5)
    looks += np.float32(amount) * air.reshape(2, len(looks), -1).transpose(1, 0, 2)
    return amount


def _tone_stages(heard: np.ndarray, wanted: tuple[float, ...]) -> list[np.ndarray]:
    """Gentle equaliser from what the mix is to what it should be: all but LEAVE_DB of the way, MOST_DB at most."""
    goal = np.array(REFERENCE) + np.array(wanted)
    error = goal - goal.mean() + LATER_DB - heard
    change = np.clip(np.sign(error) * np.maximum(0, np.abs(error) - LEAVE_DB), -MOST_DB, MOST_DB)
    gains = np.linalg.solve(_OVERLAP, change - change.mean())
    return _equaliser(np.clip(gains, -1.3 * MOST_DB, 1.3 * MOST_DB))


def _equaliser(gains: np.ndarray) -> list[np.ndarray]:
    """A stage for each of the six BANDS, gains in dB."""
    stages = [dsp.low_shelf(130, gains[0], SAMPLE_RATE)]
    for low, high, gain in zip(BANDS[1:], BANDS[2:-1], gains[1:-1], strict=False):
        stages.append(dsp.peak((low * high) ** 0.5, gain, SAMPLE_RATE, 0.9))
    stages.append(dsp.high_shelf(7500, gains[-1], SAMPLE_RATE))
    return stages


def _overlap() -> np.ndarray:
    """What a dB on each stage does to each band, (bands, stages): the stages reach into their neighbours."""
    matrix = np.zeros((6, 6))
    for k in range(6):
        (stage,) = _equaliser(np.eye(6)[k] * 6.0)[k]
        for row, (low, high) in enumerate(pairwise(BANDS)):
            turn = np.exp(-2j * np.pi * np.geomspace(low, high, 9) / SAMPLE_RATE)
            answer = np.polyval(stage[2::-1], turn) / np.polyval([stage[4], stage[3], 1.0], turn)
            matrix[row, k] = 20 * np.log10(np.abs(answer)).mean() / 6.0
    return matrix


_OVERLAP = _overlap()
