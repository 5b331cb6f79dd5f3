"""New sound onto old. Every sample of the old one outside the regions stays as it is; what was done is written down.

The new part brings its own loudness and keeps below the ceiling by its own gain; nothing is mastered afterwards.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

import dsp
import post_process
from dsp.splice import loudness_around, ramp, resampled
from song.audio import SAMPLE_RATE, Audio
from song.take import Splice

CEILING = -1.0 - post_process.MARGIN_DB  # dBTP
NEAR = 0.06  # seconds; an edge of a region that lies so near to a beat is meant to be on it
_LOOK = 3.0  # seconds on either side of a joint that its levels are compared over
_SWIFT, _SMOOTH = 0.006, 0.020  # seconds of crossfade: between sounds that are almost the same, and between others
_TAIL = 0.25  # seconds that an intro may ring into the song
_LOUDEST, _QUIETEST = -7.0, -45.0  # LUFS that a new part may be given
_BEND = 6.0  # dB that the level of a new part may be bent by, to meet its neighbours
_LOST = 4.0  # seconds of an original, more than its last chord, that its owner should be told of
_RETURN = 6.0  # seconds in which it comes back to its own
_BRIEF = 0.3  # seconds that are too short to tell a level from
_QUIET = 1e-3  # root mean square of what nobody hears as music


@dataclass(frozen=True, eq=False)
class Joined:
    """A song put together: its final sound, where it was joined, its two layers, and what the user should know."""

    audio: Audio
    splice: Splice
    notices: tuple[str, ...] = ()

    def layers(self) -> dict[str, Audio]:
        """What is left of the original, and what is new: together they are the song."""
        kept = np.zeros_like(self.audio.samples)
        offset, original = self.splice.offset, self.splice.original.samples
        low, high = max(0, offset), min(kept.shape[1], offset + original.shape[1])
        kept[:, low:high] = original[:, low - offset : high - offset]
        for first, last in self.splice.regions:
            kept[:, first:last] = 0
        return {
            "original": Audio(kept, self.audio.sample_rate),
            "new": Audio(self.audio.samples - kept, self.audio.sample_rate),
        }


@dataclass(frozen=True, eq=False)
class Piece:
    """New sound, (2, frames) at the studio's rate, for a region of a song: it goes in at `start` seconds of the song
    and leaves at `end`; its own second `lead_in` falls on `start`. `within` is the region as it was asked for."""

    samples: np.ndarray
    start: float
    end: float
    lead_in: float
    within: tuple[float, float]


def continued(source: Audio, new: np.ndarray, at: float, bpm: float) -> Joined:
    """`new` from second `at` of the source on, over half a beat of crossfade."""
    rate, old = source.sample_rate, source.samples
    cut = min(round(at * rate), source.frames)
    cross = max(0, min(round(30 / bpm * rate), source.frames - cut, round(new.shape[1] * rate / SAMPLE_RATE)))
    wanted = loudness_around(old, rate, max(0, cut - round(_LOOK * rate)), cut)
    fresh = resampled(new, SAMPLE_RATE, rate)
    fresh, notices = _levelled(fresh, rate, dsp.loudness(old[:, :cut], rate))
    fresh *= _bend(fresh, rate, wanted, cross)
    tail = old[:, cut : cut + cross]
    # Where the original is still playing, it strikes the beat and the new part comes up under it; where it only rings,
    # the new part strikes itself.
    playing = _rms(tail) > 0.5 * _rms(old[:, max(0, cut - cross) : cut])
    rise = ramp(cross) if playing else np.minimum(1, np.arange(cross) / max(1, round(0.003 * rate))).astype(np.float32)
    fresh[:, :cross] *= rise
    fresh[:, :cross] += tail * ramp(cross)[::-1]
    fresh = _below(fresh, rate, tail)
    if (lost := (source.frames - cut) / rate) > _LOST:
        notices = (*notices, f"The last {lost:.1f} s of the original made way for the new part.")
    sound = np.concatenate([old[:, :cut], fresh], axis=1)
    return _joined(source, sound, 0, ((cut, sound.shape[1]),), ((cut, cross),), notices)


def begun(source: Audio, new: np.ndarray, seconds: float, at: float, bpm: float) -> Joined:
    """`new`, whose bars take `seconds`, before second `at` of the source; it rings on into the first half beat."""
    rate, old = source.sample_rate, source.samples
    first, bars, half = round(at * rate), round(seconds * rate), round(30 / bpm * rate)
    pickup = min(first, half)
    pickup = pickup if pickup and _rms(old[:, first - pickup : first]) > _QUIET else 0
    ring = max(0, min(half - pickup, round(_TAIL * rate), source.frames - first))
    fresh = resampled(new, SAMPLE_RATE, rate)[:, : bars + ring]
    fresh = np.pad(fresh, ((0, 0), (0, bars + ring - fresh.shape[1])))
    wanted = loudness_around(old, rate, first, first + round(_LOOK * rate))
    fresh, notices = _levelled(fresh, rate, min(wanted, dsp.loudness(old[:, first:], rate)))
    fresh *= _bend(fresh[:, ::-1], rate, wanted, ring)[:, ::-1]
    fresh = _below(fresh, rate, old[:, first - pickup : first + ring])
    if pickup:
        fresh[:, bars - pickup : bars] *= ramp(pickup)[::-1]
        fresh[:, bars - pickup : bars] += old[:, first - pickup : first] * ramp(pickup)
        fresh[:, :bars] = _below(fresh[:, :bars], rate, old[:, first - pickup : first])
    sound = np.concatenate([fresh[:, :bars], old[:, first:]], axis=1)
    tail = fresh[:, bars:] * ramp(ring, power=False)[::-1]
    ring = _rung(sound[:, bars : bars + ring], tail, rate)
    return _joined(source, sound, bars - first, ((0, bars + ring),), ((bars - pickup, pickup + ring),), notices)


def patched(source: Audio, pieces: Iterable[Piece]) -> Joined:
    """New music in some regions, each as loud as what was there."""
    rate, sound = source.sample_rate, source.samples.copy()
    regions: list[tuple[int, int]] = []
    seams: list[tuple[int, int]] = []
    notices: list[str] = []
    for piece in pieces:
        first, last = round(piece.start * rate), min(round(piece.end * rate), source.frames)
        cross = min(round(_SMOOTH * rate), (last - first) // 2)
        # Before the beat where the region leaves room for that, so that the beat itself is struck.
        early = cross if first - cross >= _up(piece.within[0], rate) and round(piece.lead_in * rate) > cross else 0
        a, b = max(first - early, 0), last
        begin = round(piece.lead_in * rate) - (first - a)
        fresh = resampled(piece.samples, SAMPLE_RATE, rate)[:, begin : begin + b - a]
        fresh = np.pad(fresh, ((0, 0), (0, b - a - fresh.shape[1])))
        fresh, said = _levelled(fresh, rate, _level_there(source, a, b))
        fresh *= _glide(source.samples, fresh, rate, a)
        seams += _laid(sound, fresh, a, b, cross, power=True)
        sound[:, a:b] = _below(sound[:, a:b], rate, source.samples[:, a:b])
        regions.append((a, b))
        notices += said
    return _joined(source, sound, 0, tuple(regions), tuple(seams), tuple(dict.fromkeys(notices)))


def rewritten(source: Audio, new: Audio, spans: Iterable[tuple[float, float]], beat: float) -> Joined:
    """Regions of another rendering of the same song, at the level that it has outside them. `beat` in seconds."""
    rate, sound = source.sample_rate, source.samples.copy()
    regions = tuple(_on_beats(span, beat, rate, source.frames) for span in spans)
    gain = _gain(source.samples, new.samples, regions)
    fresh = new.samples * np.float32(gain)
    fresh = dsp.limit(fresh, rate, CEILING) if gain > 1 else fresh
    seams: list[tuple[int, int]] = []
    for first, last in regions:
        cross = min(round(_SWIFT * rate), (last - first) // 2)
        seams += _laid(sound, fresh[:, first:last], first, last, cross, power=False)
    return _joined(source, sound, 0, regions, tuple(seams), ())


def _laid(
    sound: np.ndarray, fresh: np.ndarray, first: int, last: int, cross: int, power: bool
) -> list[tuple[int, int]]:
    """Lay `fresh` over frames `first` to `last`, in place, with a crossfade inside at either end; the seams. There is
    none where the song itself begins or ends."""
    rise, fall = ramp(cross, power), ramp(cross, power)[::-1]
    begin, end = (first + cross if first > 0 else first), (last - cross if last < sound.shape[1] else last)
    sound[:, begin:end] = fresh[:, begin - first : end - first]
    seams = []
    if first > 0:
        sound[:, first:begin] = sound[:, first:begin] * fall + fresh[:, :cross] * rise
        seams.append((first, cross))
    if last < sound.shape[1]:
        sound[:, end:last] = sound[:, end:last] * rise + fresh[:, end - first :] * fall
        seams.append((end, cross))
    return seams


def _joined(
    source: Audio,
    sound: np.ndarray,
    offset: int,
    regions: tuple[tuple[int, int], ...],
    seams: tuple[tuple[int, int], ...],
    notices: tuple[str, ...],
) -> Joined:
    audio = Audio(np.ascontiguousarray(sound, dtype=np.float32), source.sample_rate)
    return Joined(audio, Splice(source, offset, regions, seams), notices)


# --- levels -----------------------------------------------------------------------------------------------------------


def _levelled(new: np.ndarray, rate: int, wanted: float) -> tuple[np.ndarray, tuple[str, ...]]:
    """`new` at `wanted` LUFS on the whole, and what could not be reached."""
    if min(dsp.loudness(new, rate), wanted) <= dsp.SILENCE_LUFS:
        return dsp.limit(new, rate, CEILING), ()
    target = min(_LOUDEST, max(_QUIETEST, wanted))
    finished = post_process.finish(Audio(new, rate), target_lufs=target)
    short = target - finished.lufs
    said = f"The new part is {short:.1f} LU quieter than it should be: making it louder would crush it."
    return finished.audio.samples, (said,) if short > 1 else ()


def _bend(new: np.ndarray, rate: int, wanted: float, cross: int) -> np.ndarray:
    """Gain for every frame of `new`, (1, frames), that has `wanted` LUFS where it meets the old sound, behind `cross`
    frames of it, and comes back to its own level within another _RETURN seconds."""
    look = round(_LOOK * rate)
    here = loudness_around(new, rate, cross, min(new.shape[1], cross + look))
    audible = min(here, wanted) > dsp.SILENCE_LUFS
    step = float(np.clip(wanted - here, -_BEND, _BEND)) if audible else 0.0
    back = np.clip((np.arange(new.shape[1]) - cross - look) / (_RETURN * rate), 0, 1)
    return (10 ** (step * (1 - back[None]) / 20)).astype(np.float32)


def _level_there(source: Audio, first: int, last: int) -> float:
    """LUFS of a region, or of what is around it where it is all but silent."""
    rate, look = source.sample_rate, round(_LOOK * source.sample_rate)
    there = loudness_around(source.samples, rate, first, last)
    around = loudness_around(source.samples, rate, max(0, first - look), min(source.frames, last + look))
    return there if there > around - 12 else around


def _glide(old: np.ndarray, new: np.ndarray, rate: int, first: int) -> np.ndarray:
    """Gain for every frame of `new`, which goes in at frame `first`: at either end as loud as what it meets there, and
    in between from the one to the other, evenly in dB."""
    last, look = first + new.shape[1], min(round(_LOOK * rate), new.shape[1])
    meetings = ((first - look, first, 0, look), (last, last + look, new.shape[1] - look, new.shape[1]))
    steps: list[float] = []
    for low, high, begin, end in meetings:
        low, high = max(0, low), min(old.shape[1], high)
        if high - low < round(_BRIEF * rate):  # the song begins or ends here
            continue
        there, here = loudness_around(old, rate, low, high), loudness_around(new, rate, begin, end)
        audible = min(there, here) > dsp.SILENCE_LUFS
        steps.append(float(np.clip(there - here, -_BEND, _BEND)) if audible else 0.0)
    if not steps:
        return np.ones(1, np.float32)
    return (10 ** (np.linspace(steps[0], steps[-1], new.shape[1]) / 20)).astype(np.float32)


def _below(sound: np.ndarray, rate: int, old: np.ndarray) -> np.ndarray:
    """`sound` under the ceiling, or under the original's own peak where that is higher."""
    ceiling = max(CEILING, dsp.true_peak(old, rate)) if old.shape[1] else CEILING
    return dsp.limit(sound, rate, ceiling) if dsp.true_peak(sound, rate) > ceiling else sound


def _rung(there: np.ndarray, tail: np.ndarray, rate: int) -> int:
    """Add what rings on to what is there, in place and as loud as the ceiling allows; the frames that it took."""
    ceiling = max(CEILING, dsp.true_peak(there, rate)) if there.shape[1] else CEILING
    for gain in (1.0, 0.5, 0.25):
        sum_of_both = there + tail * np.float32(gain)
        if there.shape[1] and dsp.true_peak(sum_of_both, rate) <= ceiling:
            there[:] = sum_of_both
            return int(there.shape[1])
    return 0


def _gain(old: np.ndarray, new: np.ndarray, regions: tuple[tuple[int, int], ...]) -> float:
    """What brings `new` to the level of `old` outside the regions, where both play the same; 1 if nothing is left."""
    outside = np.ones(old.shape[1], bool)
    for first, last in regions:
        outside[first:last] = False
    a, b = (sound[:, ::7][:, outside[::7]].astype(np.float64) for sound in (old, new))
    power = float((b * b).sum())
    if power < 1e-3 or a.shape[1] < 1000:
        return 1.0
    return float(np.clip((a * b).sum() / power, 0.5, 2.0))


def _rms(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) if sound.size else 0.0


# --- places -----------------------------------------------------------------------------------------------------------


def _on_beats(span: tuple[float, float], beat: float, rate: int, frames: int) -> tuple[int, int]:
    """The region in frames, never larger than it was asked for. An edge near to a beat is put just before it, so that
    the crossfade is over when the beat is struck."""
    start, end = span
    ahead = round(start / beat + 0.499 - 1e-6) * beat  # the beat at or after the start
    if 0 < ahead - start <= NEAR:
        start = max(start, ahead - _SWIFT - 0.002)
    behind = int(end / beat + 1e-6) * beat
    if 0 <= end - behind <= NEAR and end < frames / rate - 0.01:
        end = behind - 0.003
    return _up(start, rate), min(frames, int(end * rate + 1e-6))


def _up(seconds: float, rate: int) -> int:
    return int(np.ceil(seconds * rate - 1e-6))
