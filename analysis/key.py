"""Chroma and chords -> the key.

A linear model over what sounds how much above each possible tonic, in three registers, which chords fill the song, and
which begin and end it: a scale alone does not tell C major from A minor. Weights: see learnt.py.
"""

import numpy as np

from analysis.chords import Stretches, odds, triads
from analysis.learnt import KEY
from song.key import Key


def tonality(found: Stretches) -> tuple[Key, float]:
    """The key, major or minor, and how sure it is."""
    scores = evidence(found) @ np.array(KEY)
    likely = np.exp(scores - scores.max())
    likely /= likely.sum()
    best = int(likely.argmax())
    return Key(best % 12, "minor" if best >= 12 else "major"), float(likely[best])


def evidence(found: Stretches) -> np.ndarray:
    """What speaks for each of the 24 keys, (keys, features)."""
    steps = found.stop - found.start
    single = (steps == 1) & found.audible[found.start]
    chroma = found.chroma[single] if single.any() else found.chroma[steps == 1]
    longer = np.flatnonzero(steps == min(4, steps.max()))
    likely = triads(odds(found, None)[longer])
    registers = chroma.mean(axis=0).reshape(-1, 12)[:3]
    places = [likely.mean(axis=0), likely[0], likely[_last_audible(found, longer)]]
    parts = np.concatenate([registers, *(place.reshape(2, 12) for place in places)])
    rows = []
    for tonic in range(12):
        rows.append(np.roll(parts, -tonic, axis=1).ravel())
    above = np.array(rows)
    nothing = np.zeros_like(above)
    return np.concatenate([np.hstack([above, nothing]), np.hstack([nothing, above])])


def _last_audible(found: Stretches, among: np.ndarray) -> int:
    ends = [number for number, at in enumerate(among) if found.audible[found.stop[at] - 1]]
    return ends[-1] if ends else len(among) - 1
