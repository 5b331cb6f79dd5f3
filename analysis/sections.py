"""Bars -> sections: where the song becomes another, and which of its parts are alike.

How much timbre, rhythm, harmony and loudness differ between the bars before and after each barline (Foote 2000, at
three scales) goes into a linear model, and dynamic programming picks the barlines, as sections are mostly four, eight
or sixteen bars long. Weights: see learnt.py.
"""

from itertools import pairwise

import numpy as np

from analysis.beats import at, folded, mean_after
from analysis.learnt import LENGTH, SECTION
from song.heard import HeardSection

SCALES = (1, 2, 4)  # bars compared on either side
LONGEST = 24  # bars
_ALIKE = 0.62  # correlation of bars from which two sections bear the same letter


def form(tones: np.ndarray, heard: np.ndarray, downbeats: np.ndarray, duration: float) -> tuple[HeardSection, ...]:
    """The sections from beginning to end. A song of one or two bars is one section."""
    bars = bar_features(tones, heard, downbeats)
    if len(downbeats) < 4:
        return (HeardSection(start=0.0, end=duration, label="A", confidence=0.5),)
    chances = boundary_odds(bars)
    picked = _best(chances)
    times = [0.0, *(float(downbeats[place]) for place in picked), duration]
    edges = [0, *picked, len(downbeats)]
    labels = _labels(bars["all"], edges)
    sure = [1.0, *(float(chances[place]) for place in picked)]
    return tuple(
        HeardSection(start=round(start, 4), end=round(end, 4), label=label, confidence=round(confidence, 3))
        for start, end, label, confidence in zip(times[:-1], times[1:], labels, sure, strict=True)
    )


def bar_features(tones: np.ndarray, heard: np.ndarray, downbeats: np.ndarray) -> dict[str, np.ndarray]:
    """What each bar is like, (bars, features) by kind, each feature in deviations over the song."""
    bar = float(np.median(np.diff(downbeats))) if len(downbeats) > 1 else 2.0
    level = np.log1p(1000 * tones)
    bands = level[: len(level) // 12 * 12].reshape(-1, 12, level.shape[1]).mean(axis=1)
    halves = [mean_after(part, downbeats + at_half, bar / 2) for part in folded(tones) for at_half in (0, bar / 2)]
    eighths = downbeats[:, None] + np.arange(8) * bar / 8
    near = np.linspace(-0.02, 0.05, 5)
    strikes = np.stack([at(channel, eighths[..., None] + near).max(axis=2) for channel in heard[:3]], axis=1)
    kinds = {
        "timbre": mean_after(bands, downbeats, bar).T,
        "rhythm": strikes.reshape(len(downbeats), -1),
        "harmony": np.concatenate(halves).T,
        "loudness": mean_after(level.mean(axis=0)[None], downbeats, bar).T,
        "strike": strikes[:, :, 0],
    }
    scaled = {kind: (rows - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-9) for kind, rows in kinds.items()}
    whole = [scaled[kind] / np.sqrt(scaled[kind].shape[1]) for kind in ("timbre", "rhythm", "harmony")]
    return scaled | {"all": np.concatenate(whole, axis=1)}


def boundary_odds(bars: dict[str, np.ndarray]) -> np.ndarray:
    """How likely a section begins with each bar, (bars,)."""
    scores = evidence(bars) @ SECTION
    return 1 / (1 + np.exp(-scores))


def evidence(bars: dict[str, np.ndarray]) -> np.ndarray:
    """What speaks for a section beginning with each bar, (bars, features)."""
    columns = [np.ones(len(bars["all"]))]
    for kind in ("timbre", "rhythm", "harmony", "loudness"):
        for scale in SCALES:
            differs = _differs(bars[kind], scale)
            columns += [differs, differs - _around(differs)]
    for scale in SCALES:
        columns.append(_louder(bars["loudness"][:, 0], scale))
    rhythm = bars["rhythm"]
    fill = np.linalg.norm(np.diff(rhythm, axis=0, prepend=rhythm[:1]), axis=1) / np.sqrt(rhythm.shape[1])
    return np.column_stack([*columns, bars["strike"], np.roll(fill, 1)])


def _before_after(rows: np.ndarray, scale: int) -> tuple[np.ndarray, np.ndarray]:
    """Means of up to `scale` bars before each bar and from it on."""
    total = np.pad(np.cumsum(rows, axis=0), ((1, 0), (0, 0)))
    here = np.arange(len(rows))
    start, stop = np.maximum(0, here - scale), np.minimum(len(rows), here + scale)
    before = (total[here] - total[start]) / np.maximum(1, here - start)[:, None]
    return before, (total[stop] - total[here]) / (stop - here)[:, None]


def _differs(rows: np.ndarray, scale: int) -> np.ndarray:
    before, after = _before_after(rows, scale)
    return np.linalg.norm(after - before, axis=1) / np.sqrt(rows.shape[1])


def _louder(level: np.ndarray, scale: int) -> np.ndarray:
    before, after = _before_after(level[:, None], scale)
    return (after - before)[:, 0]


def _around(values: np.ndarray) -> np.ndarray:
    """Mean of the two neighbours on either side."""
    padded = np.pad(values, 2, mode="edge")
    return (padded[:-4] + padded[1:-3] + padded[3:-1] + padded[4:]) / 4


def _best(chances: np.ndarray) -> list[int]:
    """Bars at which sections begin, the first bar left out: likely ones, at likely distances."""
    count = len(chances)
    gain = np.log(chances.clip(1e-4, 1 - 1e-4) / (1 - chances).clip(1e-4, 1))
    length = LENGTH
    best, came = np.full(count + 1, -np.inf), np.zeros(count + 1, int)
    best[0] = 0
    for stop in range(1, count + 1):
        starts = np.arange(max(0, stop - LONGEST), stop)
        total = best[starts] + length[stop - starts - 1]
        came[stop] = starts[total.argmax()]
        best[stop] = total.max() + (gain[stop] if stop < count else 0)
    path, place = [], int(came[count])
    while place > 0:
        path.append(place)
        place = int(came[place])
    return path[::-1]


def _labels(rows: np.ndarray, edges: list[int]) -> list[str]:
    """A letter for every section: that of the earlier one it is most like, or a new one."""
    labels: list[str] = []
    spans = list(pairwise(edges))
    for number, (start, stop) in enumerate(spans):
        likeness = [_likeness(rows[start:stop], rows[first:last]) for first, last in spans[:number]]
        best = int(np.argmax(likeness)) if likeness else -1
        fresh = chr(ord("A") + min(25, len(set(labels))))
        labels.append(labels[best] if likeness and likeness[best] >= _ALIKE else fresh)
    return labels


def _likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Mean correlation of bars in the same place."""
    count = min(len(one), len(other))
    a, b = one[:count], other[:count]
    both = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1) + 1e-9
    return float(((a * b).sum(axis=1) / both).mean())
