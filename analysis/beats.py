"""Onsets and tone changes -> tempo, beats, meter and downbeats.

Tempo: the autocorrelation of the onsets proposes periods, and long lags make them exact, as most produced music keeps
one tempo (Percival and Tzanetakis 2014 score metrical levels alike). Which proposal is the quarter note is decided by a
linear model over how strongly its multiples repeat, how many onsets fall on a beat and how good its bars are. Beats: a
constant grid where it fits, else dynamic programming (Ellis 2007). Meter and downbeat: every bar length and phase is a
hypothesis, scored by a linear model over what sounds at its first beat, its other beats, off them and before the
barline. Weights: see learnt.py.

Conventions: times in seconds, periods are of a quarter note, channels are low, mid and high onsets and new tones.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft, signal

from analysis.learnt import BAR, TEMPO
from analysis.spectra import LOW, ONSET_RATE, TONE_RATE

METERS: dict[str, tuple[int, tuple[int, ...]]] = {  # eighths in a bar, and those that are felt as beats after the first
    "4/4": (8, (2, 4, 6)),
    "3/4": (6, (2, 4)),
    "6/8": (6, (3,)),
    "2/4": (4, (2,)),
    "5/4": (10, (2, 4, 6, 8)),
    "7/8": (7, (2, 4)),
}
BPM = (36.0, 250.0)
_MULTIPLES = np.array([1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1, 3 / 2, 2, 3, 4, 6, 8, 16])
_BUMPS = np.log2(np.array([45, 60, 75, 90, 105, 120, 135, 150, 175, 200]))  # where tempi are more or less likely
EARLY = 0.04  # a first beat may lie this many seconds before the song, by rounding or a short cut
_COMB = ((1, 1.0), (2, 1.0), (3, 0.5), (4, 1.0), (8, 1.0))


@dataclass(frozen=True, eq=False)
class Pulse:
    """Quarter notes of the whole song."""

    bpm: float
    bpm_confidence: float
    quarters: np.ndarray
    steady: float  # how well one constant tempo fits, 0-1


@dataclass(frozen=True, eq=False)
class Bars:
    """Meter and barlines. `beats` are the quarters counted from each barline on."""

    meter: str
    meter_confidence: float
    downbeats: np.ndarray
    downbeat_confidence: float
    beats: np.ndarray


def channels(onsets: np.ndarray, tones: np.ndarray) -> np.ndarray:
    """Low, mid and high onsets and how much new tone there is, (4, frames) at ONSET_RATE, each with deviation 1."""
    level = np.log1p(1000 * tones)
    rise = np.pad(np.maximum(0, level[:, 2:] - level[:, :-2]).mean(axis=0), 1)
    times = np.arange(onsets.shape[1]) / ONSET_RATE
    rise = np.interp(times, np.arange(len(rise)) / TONE_RATE, rise)
    rise = np.maximum(0, rise - signal.convolve(rise, np.full(201, 1 / 201), mode="same"))
    both = np.concatenate([onsets, rise[None]])
    return both / (both.std(axis=1, keepdims=True) + 1e-9)


def pulse(heard: np.ndarray, tones: np.ndarray) -> Pulse:
    """Tempo and quarter notes from `channels` and the tones."""
    bpms = tempi(heard)
    odds = _odds(evidence(bpms, heard, tones) @ TEMPO)
    best = int(odds.argmax())
    same = np.abs(bpms / bpms[best] - 1) < 0.01
    quarters, steady = follow(heard, 60 / bpms[best])
    bpm = 60 / float(np.median(np.diff(quarters))) if len(quarters) > 1 else float(bpms[best])
    return Pulse(round(bpm, 3), float(odds[same].sum()), quarters, steady)


def tempi(heard: np.ndarray) -> np.ndarray:
    """Tempi that the onsets may be read in, the most telling first."""
    total = _repeats(heard[:3].sum(axis=0))
    kept: list[float] = []
    for bpm in (_exact(proposal, total) for proposal in _proposals(total)):
        if all(abs(bpm / other - 1) > 0.004 for other in kept):
            kept.append(bpm)
    return np.array(kept)


def evidence(bpms: np.ndarray, heard: np.ndarray, tones: np.ndarray) -> np.ndarray:
    """What speaks for each tempo, (tempi, features): how strongly its multiples repeat, how many onsets fall on a beat,
    whether it is a tempo for such a sound, and how good the best bars are that can be made of it."""
    repeats = [_repeats(channel) for channel in heard]
    density = np.log2([_density(channel) for channel in heard])
    colour = np.log1p(1000 * tones).mean(axis=1).reshape(5, -1).mean(axis=1)
    whole = np.concatenate([colour - colour.mean(), heard.mean(axis=1), density])
    rows = []
    for bpm in bpms:
        lags = 60 / bpm * _MULTIPLES * ONSET_RATE
        strengths = [np.interp(lags, np.arange(len(channel)), channel) for channel in repeats]
        octave = np.log2(bpm) - 7
        near = np.exp(-0.5 * ((octave + 7 - _BUMPS) / 0.15) ** 2)
        in_beat = density - np.log2(bpm / 60)
        suits = [octave * whole, octave**2 * whole, [octave, (octave + 0.15) ** 2], near]
        rows.append(np.concatenate([*strengths, in_beat, in_beat**2, *suits, _bars_at(bpm, heard, tones)]))
    return np.array(rows)


def _density(channel: np.ndarray) -> float:
    """Onsets in a second."""
    peaks = (channel[1:-1] > channel[:-2]) & (channel[1:-1] >= channel[2:]) & (channel[1:-1] > 0.5)
    return max(0.05, float(peaks.sum()) * ONSET_RATE / len(channel))


def _bars_at(bpm: float, heard: np.ndarray, tones: np.ndarray) -> np.ndarray:
    """The best hypothesis about the bars at a tempo: what speaks for it, its score, and how far it leads."""
    grid = _grid(heard, 60 / bpm)
    _, _, rows = hypotheses(halves(grid, heard.shape[1] / ONSET_RATE), heard, tones)
    scores = rows @ BAR
    best = int(scores.argmax())
    return np.concatenate([rows[best], [scores[best], np.log(np.exp(scores - scores[best]).sum())]])


def _repeats(channel: np.ndarray) -> np.ndarray:
    """Autocorrelation by lag, 1 at 0."""
    size = fft.next_fast_len(2 * len(channel))
    power = np.abs(fft.rfft(channel - channel.mean(), size)) ** 2
    repeats = fft.irfft(power, size)[: len(channel)]
    shown = np.maximum(0.25, 1 - np.arange(len(channel)) / len(channel))
    return repeats / (repeats[0] + 1e-9) / shown


def _proposals(repeats: np.ndarray, count: int = 10) -> np.ndarray:
    """The tempi whose multiples repeat best."""
    bpms = np.geomspace(*BPM, 1000)
    lags = 60 / bpms * ONSET_RATE
    score = sum(weight * np.interp(lags * by, np.arange(len(repeats)), repeats) for by, weight in _COMB)
    peaks = np.flatnonzero((score[1:-1] > score[:-2]) & (score[1:-1] >= score[2:])) + 1
    return bpms[peaks[np.argsort(-score[peaks], kind="stable")][:count]] if len(peaks) else np.array([120.0])


def _exact(bpm: float, repeats: np.ndarray) -> float:
    """The tempo near `bpm` whose 4th, 8th, 16th and 32nd beats fall where the sound repeats."""
    for beats in (4, 8, 16, 32):
        lag = 60 / bpm * beats * ONSET_RATE
        if lag * 1.05 > len(repeats):
            break
        near = np.linspace(lag * (1 - 0.25 / beats), lag * (1 + 0.25 / beats), 161)
        bpm = 60 * beats * ONSET_RATE / near[np.interp(near, np.arange(len(repeats)), repeats).argmax()]
    return float(bpm)


def _odds(scores: np.ndarray) -> np.ndarray:
    likely = np.exp(scores - scores.max())
    return likely / likely.sum()


# --- beats ------------------------------------------------------------------------------------------------------------


def follow(heard: np.ndarray, period: float) -> tuple[np.ndarray, float]:
    """Quarter notes over the whole song, and how well a constant tempo fits it, 0-1.

    Beats that may speed up and slow down always catch more onsets. They are believed where they catch far more than the
    grid does, and come evenly: a tempo drifts, while stray onsets pull single beats about.
    """
    strength = heard[:3].sum(axis=0)
    grid = _grid(heard, period)
    tracked = _tracked(strength, period)
    if len(tracked) < 8:
        return grid, 1.0
    steady = min(1.0, _strength(strength, grid) / (_strength(strength, tracked) + 1e-9))
    uneven = float(np.median(np.abs(np.diff(tracked, 2)))) / period
    return (tracked, steady) if steady < 0.7 and uneven < 0.04 else (grid, steady)


def _grid(heard: np.ndarray, period: float) -> np.ndarray:
    """Quarters of one tempo."""
    phase = _phase(heard[:3].sum(axis=0), period)
    return np.arange(phase % period, heard.shape[1] / ONSET_RATE, period)


def at(channel: np.ndarray, times: np.ndarray) -> np.ndarray:
    return np.interp(times * ONSET_RATE, np.arange(len(channel)), channel)


def _strength(strength: np.ndarray, times: np.ndarray) -> float:
    return float(at(strength, times).mean())


def _phase(strength: np.ndarray, period: float) -> float:
    """Where the grid's first line lies: on the onsets of quarters, eighths counting half."""
    duration = len(strength) / ONSET_RATE
    phases = np.arange(0, period, 0.0025)
    lines = np.arange(0, duration - period, period)
    on = at(strength, phases[:, None] + lines).mean(axis=1)
    off = at(strength, phases[:, None] + lines + period / 2).mean(axis=1)
    return float(phases[(on + 0.3 * off).argmax()])


def _tracked(strength: np.ndarray, period: float) -> np.ndarray:
    """Beats that may speed up and slow down, by dynamic programming (Ellis 2007)."""
    lag = period * ONSET_RATE
    back = np.arange(round(lag * 0.5), round(lag * 2) + 1)
    cost = -100 * np.log(back / lag) ** 2 / 4
    level = signal.convolve(strength, signal.windows.gaussian(9, 1.5), mode="same")
    total = level.copy()
    came = np.full(len(level), -1)
    for now in range(back[0], len(level)):
        usable = back[back <= now]
        score = total[now - usable] + cost[: len(usable)]
        best = int(score.argmax())
        if score[best] > 0:
            total[now] += score[best]
            came[now] = now - usable[best]
    last = len(total) - int(lag) + int(total[-int(lag) :].argmax())
    beats = []
    while last >= 0:
        beats.append(last / ONSET_RATE)
        last = came[last]
    return np.array(beats[::-1])


# --- bars -------------------------------------------------------------------------------------------------------------


def bars(found: Pulse, heard: np.ndarray, tones: np.ndarray) -> Bars:
    """Meter, barlines and beats."""
    eighths = halves(found.quarters, heard.shape[1] / ONSET_RATE)
    names, phases, rows = hypotheses(eighths, heard, tones)
    odds = _odds(rows @ BAR)
    best = int(odds.argmax())
    meter, phase = names[best], phases[best]
    size = METERS[meter][0]
    of_meter = np.array([name == meter for name in names])
    downbeats = eighths[phase::size]
    counted = [place for start in range(phase, len(eighths), size) for place in range(start, start + size, 2)]
    before = list(range(phase - 2, -1, -2))[::-1]
    inside = [place for place in before + counted if place < len(eighths)]
    return Bars(
        meter, float(odds[of_meter].sum()), downbeats, float(odds[best] / odds[of_meter].sum()), eighths[inside]
    )


def halves(quarters: np.ndarray, duration: float) -> np.ndarray:
    """Eighths from the first to the last that lies in the song; the ends go on as their neighbours do."""
    if len(quarters) < 2:
        return np.arange(0, duration, 0.25)
    first, last = quarters[1] - quarters[0], quarters[-1] - quarters[-2]
    head = np.arange(quarters[0] - first, -EARLY, -first)[::-1]
    tail = np.arange(quarters[-1] + last, duration + last, last)
    whole = np.concatenate([head, quarters, tail])
    halves = np.interp(np.arange(0, len(whole) - 0.75, 0.5), np.arange(len(whole)), whole)
    return halves[(halves > -EARLY) & (halves < duration)].clip(0)


def hypotheses(eighths: np.ndarray, heard: np.ndarray, tones: np.ndarray) -> tuple[list[str], list[int], np.ndarray]:
    """Every meter and phase (in eighths), and what speaks for each, (hypotheses, features)."""
    events = _events(eighths, heard, tones)
    names, phases, rows = [], [], []
    for number, (name, (size, beats)) in enumerate(METERS.items()):
        repeats = _bar_repeats(events, size)
        for phase in range(size):
            names.append(name)
            phases.append(phase)
            is_meter = np.eye(len(METERS))[number]
            rows.append(np.concatenate([_profile(events, size, beats, phase).ravel(), repeats, is_meter]))
    return names, phases, np.array(rows)


def _events(eighths: np.ndarray, heard: np.ndarray, tones: np.ndarray) -> np.ndarray:
    """What happens at each eighth, (channels, eighths), in deviations: onsets, new harmony, new bass, loudness."""
    step = float(np.median(np.diff(eighths))) if len(eighths) > 1 else 0.25
    around = np.linspace(-0.2, 0.25, 10) * step
    near = np.stack([at(channel, eighths[:, None] + around).max(axis=1) for channel in heard])
    change = np.stack([_change(part, eighths, 2 * step) for part in folded(tones)])
    level = np.log1p(1000 * tones).mean(axis=0)
    louder = mean_after(level[None], eighths, 2 * step)[0] - mean_after(level[None], eighths - 2 * step, 2 * step)[0]
    events = np.concatenate([near, change, louder[None]])
    return (events - events.mean(axis=1, keepdims=True)) / (events.std(axis=1, keepdims=True) + 1e-9)


def folded(tones: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chroma of what lies above G3, and of what lies below, (12, frames) each."""
    level = np.log1p(300 * np.maximum(0, tones - np.median(tones, axis=0)))
    semitones = level.reshape(-1, 3, level.shape[1]).sum(axis=1)
    split = 55 - LOW
    upper, lower = semitones[split:], semitones[:split]
    treble = np.stack([upper[(pitch - 55) % 12 :: 12].sum(axis=0) for pitch in range(12)])
    bass = np.stack([lower[(pitch - LOW) % 12 :: 12].sum(axis=0) for pitch in range(12)])
    return treble, bass


def mean_after(values: np.ndarray, times: np.ndarray, length: float) -> np.ndarray:
    """Mean of (rows, frames) in the `length` seconds after each time."""
    total = np.pad(np.cumsum(values, axis=1), ((0, 0), (1, 0)))
    last = values.shape[1]
    start = np.clip(np.rint(times * TONE_RATE).astype(int), 0, last - 1)
    stop = np.clip(np.rint((times + length) * TONE_RATE).astype(int), start + 1, last)
    return (total[:, stop] - total[:, start]) / (stop - start)


def _change(chroma: np.ndarray, times: np.ndarray, length: float) -> np.ndarray:
    """One less the cosine of what sounds before and after each time."""
    before, after = mean_after(chroma, times - length, length), mean_after(chroma, times, length)
    both = np.linalg.norm(before, axis=0) * np.linalg.norm(after, axis=0)
    return 1 - (before * after).sum(axis=0) / (both + 1e-9)


def _bar_repeats(events: np.ndarray, size: int) -> np.ndarray:
    """How alike one bar is to the next, for each channel."""
    if events.shape[1] <= 2 * size:
        return np.zeros(len(events))
    return (events[:, size:] * events[:, :-size]).mean(axis=1)


def _profile(events: np.ndarray, size: int, beats: tuple[int, ...], phase: int) -> np.ndarray:
    """Means at the first beat, the middle one, the others, off the beat, and just before the bar, (channels, 5)."""
    place = (np.arange(events.shape[1]) - phase) % size
    middle = size // 2 if size % 4 == 0 else (beats[-1] if size == 7 else beats[len(beats) // 2])
    kinds = [
        place == 0,
        place == middle,
        np.isin(place, beats) & (place != middle),
        ~np.isin(place, (0, *beats)),
        place == size - 1,
    ]
    return np.stack([events[:, kind].mean(axis=1) if kind.any() else np.zeros(len(events)) for kind in kinds], axis=1)
