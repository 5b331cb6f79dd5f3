"""Log-frequency spectrum -> the melody, where one stands out.

Notes by non-negative least squares in every frame; dynamic programming follows the line that is strong, high and moves
little, and leaves it where nothing stands out (after Salamon and Gomez 2012). A linear model of how clearly each note
was heard says how sure it is; only those that are more likely right than wrong are returned. Weights: see learnt.py.
"""

import numpy as np

from analysis.learnt import MELODY
from analysis.notes import NOTES, explained, standing_out
from analysis.spectra import TONE_RATE
from song.heard import HeardNote

_RANGE = (57, 91)  # A3 to G6
_SILENCE = 0.35  # what a frame without melody is worth, against a note that has all of the frame's strength
_MOVE = 0.25  # cost of every change
_FAR = 0.02  # and of each semitone


def tune(tones: np.ndarray) -> tuple[HeardNote, ...]:
    """The notes of the melody that were heard with confidence."""
    found, rows = candidates(tones)
    if not found:
        return ()
    sure = _sure(rows)
    return tuple(
        HeardNote(start=round(start, 3), end=round(end, 3), pitch=pitch, confidence=round(float(chance), 3))
        for (start, end, pitch), chance in zip(found, sure, strict=True)
        if chance >= 0.5
    )


def _sure(rows: np.ndarray) -> np.ndarray:
    scores = (rows @ MELODY).clip(-30, 30)
    return 1 / (1 + np.exp(-scores))


def candidates(tones: np.ndarray) -> tuple[list[tuple[float, float, int]], np.ndarray]:
    """Every note of the line that was followed, (start, end, pitch), and how clear it was, (notes, features)."""
    strength = np.log1p(5 * explained(standing_out(tones)))
    low, high = (pitch - NOTES[0] for pitch in _RANGE)
    inside = strength[low:high] * np.linspace(0.8, 1.2, high - low)[:, None]
    loud = tones.max(axis=0) / (np.percentile(tones.max(axis=0), 90) + 1e-9)
    share = inside / (inside.max(axis=0) + 0.3 * np.percentile(inside.max(axis=0), 75) + 1e-9) * (loud > 0.02)
    line = _followed(share)
    changes = np.flatnonzero(np.diff(line)) + 1
    found, rows = [], []
    for start, stop in zip(np.r_[0, changes], np.r_[changes, len(line)], strict=True):
        row = int(line[start])
        if row < 0 or stop - start < 2:
            continue
        found.append(((start - 0.5) / TONE_RATE if start else 0.0, (stop - 0.5) / TONE_RATE, row + _RANGE[0]))
        rows.append(_clearness(inside, share, row, start, stop))
    if not found:
        return [], np.zeros((0, 0))
    clear = np.array(rows)
    often = np.full((len(clear), 1), (line >= 0).mean())  # a song that sings all the time may well not sing at all
    return found, np.hstack([clear, clear[:, 1:5] - clear[:, 1:5].mean(axis=0), often])


def _clearness(inside: np.ndarray, share: np.ndarray, row: int, start: int, stop: int) -> np.ndarray:
    own = inside[row, start:stop]
    others = np.delete(inside[:, start:stop], [r for r in (row - 1, row, row + 1) if 0 <= r < len(inside)], axis=0)
    before = inside[row, max(0, start - 2)]
    return np.array(
        [
            1.0,
            share[row, start:stop].mean(),
            own.mean() / (others.max(axis=0).mean() + 1e-6),
            own.mean() / (others.sum(axis=0).mean() + 1e-6),
            own.mean(),
            np.log(stop - start),
            row / 12,
            (own[:2].max() - before) / (own.max() + 1e-6),
        ]
    )


def _followed(share: np.ndarray) -> np.ndarray:
    """The best line, as a row per frame, -1 where there is none."""
    notes = len(share)
    away = np.abs(np.subtract.outer(np.arange(notes), np.arange(notes)))
    cost = np.full((notes + 1, notes + 1), _MOVE)
    cost[:notes, :notes] = np.where(away > 0, _MOVE + _FAR * np.minimum(away, 12), 0)
    cost[notes, notes] = 0
    worth = np.vstack([share, np.full((1, share.shape[1]), _SILENCE)])
    total = worth[:, 0]
    came = np.zeros((share.shape[1], notes + 1), np.int16)
    for frame in range(1, share.shape[1]):
        ways = total[:, None] - cost
        came[frame] = ways.argmax(axis=0)
        total = ways.max(axis=0) + worth[:, frame]
    line = np.empty(share.shape[1], int)
    line[-1] = int(total.argmax())
    for frame in range(share.shape[1] - 1, 0, -1):
        line[frame - 1] = came[frame, line[frame]]
    return np.where(line == notes, -1, line)
