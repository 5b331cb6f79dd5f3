"""Chroma and chords -> the key.

A linear model over what sounds how much above each possible tonic, in three registers, which chords fill the song, and
which begin and end it: a scale alone does not tell C major from A minor. Weights: see learnt.py.
"""

import numpy as np

from analysis.chords import Seen, triads
from analysis.learnt import KEY
from song.key import Key

_ENDS = 4  # beats that begin and end a song


def tonality(found: Seen, likely: np.ndarray) -> tuple[Key, float]:
    """The key, major or minor, and how sure it is; `likely` are the odds of the chords."""
    scores = evidence(found, likely) @ KEY
    odds = np.exp(scores - scores.max())
    odds /= odds.sum()
    best = int(odds.argmax())
    return Key(best % 12, "minor" if best >= 12 else "major"), float(odds[best])


def evidence(found: Seen, likely: np.ndarray) -> np.ndarray:
    """What speaks for each of the 24 keys, (keys, features)."""
    heard = np.flatnonzero(found.audible) if found.audible.any() else np.arange(len(found.audible))
    registers = found.chroma[heard, :3].mean(axis=0)
    chords = triads(likely)
    places = [chords[heard].mean(axis=0), chords[heard[:_ENDS]].mean(axis=0), chords[heard[-_ENDS:]].mean(axis=0)]
    parts = np.concatenate([registers, *(place.reshape(2, 12) for place in places)])
    above = np.array([np.roll(parts, -tonic, axis=1).ravel() for tonic in range(12)])
    nothing = np.zeros_like(above)
    return np.concatenate([np.hstack([above, nothing]), np.hstack([nothing, above])])
