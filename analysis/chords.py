"""Notes and beats -> the chord of every stretch of beats.

Every stretch of one to eight beats is a hypothesis; a linear model over its chroma (middle, high and low register, and
the bass of its first moment) and the key gives the odds of each major and minor chord, and dynamic programming picks
the stretches that can be expected to be right for longest (a semi-Markov model, Sarawagi and Cohen 2004). Sevenths are
written only where they are sure. Weights: see learnt.py.

Conventions: chords 0-11 are major on C to B, 12-23 minor; a key likewise.
"""

from dataclasses import dataclass

import numpy as np

from analysis.learnt import CHORD, SEVENTH
from analysis.notes import NOTES, explained, standing_out
from analysis.spectra import TONE_RATE
from song.heard import HeardChord
from song.key import Key

LENGTHS = (1, 2, 3, 4, 6, 8)  # beats of a hypothesis
_QUIET = 10 ** (-45 / 20)  # against the loudest tenth of the song: no chord sounds
_SURE = 0.85  # confidence from which a seventh is written
_COST = 0.35  # beats of being right that every chord must earn
_OFF_BAR = 0.35  # and as many again where it begins off the barline
_PITCHES = np.array(NOTES)
_REGISTERS = (
    np.clip((_PITCHES - 44) / 4, 0, 1) * np.clip((66 - _PITCHES) / 6, 0, 1),
    np.clip((_PITCHES - 62) / 6, 0, 1),
    np.clip((54 - _PITCHES) / 8, 0, 1),
)
SEVENTHS = {0: ("", "7", "maj7"), 1: ("m", "m7")}


@dataclass(frozen=True, eq=False)
class Stretches:
    """Hypotheses: stretch n reaches from edges[start[n]] to edges[stop[n]]; `chroma` is (stretches, 4 x 12)."""

    edges: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    chroma: np.ndarray
    audible: np.ndarray  # of each step between edges


def stretches(tones: np.ndarray, beats: np.ndarray, duration: float) -> Stretches:
    """All stretches between beats that a chord may fill."""
    edges = np.concatenate([[0.0], beats[(beats > 0.1) & (beats < duration - 0.1)], [duration]])
    count = len(edges) - 1
    pairs = [(at, at + size) for size in LENGTHS for at in range(count - size + 1)]
    start, stop = (np.array(side) for side in zip(*pairs, strict=True))
    spectrum = standing_out(tones)
    total = np.pad(np.cumsum(spectrum, axis=1), ((0, 0), (1, 0)))
    frames = np.clip(np.rint(edges * TONE_RATE).astype(int), 0, spectrum.shape[1])
    first, last = frames[start], np.maximum(frames[stop], frames[start] + 1).clip(max=spectrum.shape[1])
    first = np.minimum(first, last - 1)
    opening = np.minimum(last, first + np.maximum(4, (last - first) // 4))
    whole = np.log1p(5 * explained((total[:, last] - total[:, first]) / (last - first)))
    begin = np.log1p(5 * explained((total[:, opening] - total[:, first]) / (opening - first)))
    chroma = [_folded(whole, register) for register in _REGISTERS] + [_folded(begin, _REGISTERS[2])]
    loud = tones.max(axis=0)
    level = np.array(
        [loud[a : max(a + 1, b)].max() for a, b in zip(frames[:-1].clip(max=len(loud) - 1), frames[1:], strict=True)]
    )
    return Stretches(edges, start, stop, np.concatenate(chroma, axis=1), level > _QUIET * np.percentile(loud, 90))


def _folded(notes: np.ndarray, register: np.ndarray) -> np.ndarray:
    """(stretches, 12) of length 1."""
    weighted = notes * register[:, None]
    chroma = np.stack([weighted[pitch == _PITCHES % 12].sum(axis=0) for pitch in range(12)], axis=1)
    return chroma / (np.linalg.norm(chroma, axis=1, keepdims=True) + 1e-6)


def turned(weights: np.ndarray) -> np.ndarray:
    """Weights of one major and one minor chord on C, (2, parts x 12) -> all chords, (24, parts x 12)."""
    parts = weights.reshape(2, -1, 12)
    return np.stack([np.roll(parts[quality], root, axis=1).ravel() for quality in range(2) for root in range(12)])


def odds(found: Stretches, key: int | None) -> np.ndarray:
    """Odds of each chord in each stretch, (stretches, 24); with a key, chords that belong to it are likelier."""
    model = CHORD["keyed" if key is not None else "plain"]
    scores = found.chroma @ turned(np.array(model["chroma"])).T
    if key is not None:
        scores = scores + in_key(np.array(model["degrees"]), key)
    likely = np.exp(scores - scores.max(axis=1, keepdims=True))
    return likely / likely.sum(axis=1, keepdims=True)


def in_key(degrees: np.ndarray, key: int) -> np.ndarray:
    """Scores of chords above a tonic, (2 modes, 2 qualities, 12 degrees) -> the 24 chords in this key."""
    return np.roll(degrees[key // 12], key % 12, axis=1).ravel()


def progression(found: Stretches, downbeats: np.ndarray, key: Key) -> tuple[HeardChord, ...]:
    """The chords from beginning to end; "N" where nothing sounds."""
    number = key.tonic + 12 * key.minorish
    likely = odds(found, number)
    path = _best(found, likely, downbeats)
    heard: list[HeardChord] = []
    for at in path:
        label = int(likely[at].argmax())
        sure = float(likely[at, label])
        symbol = key.name(label % 12) + _suffix(found.chroma[at], label)
        if not found.audible[found.start[at] : found.stop[at]].any():
            symbol, sure = "N", 1.0
        begin, end = float(found.edges[found.start[at]]), float(found.edges[found.stop[at]])
        if heard and heard[-1].symbol == symbol and begin not in downbeats:
            last = heard.pop()
            share = (last.end - last.start) / (end - last.start)
            begin, sure = last.start, share * last.confidence + (1 - share) * sure
        heard.append(HeardChord(start=round(begin, 4), end=round(end, 4), symbol=symbol, confidence=round(sure, 3)))
    return tuple(heard)


def _best(found: Stretches, likely: np.ndarray, downbeats: np.ndarray) -> list[int]:
    """The stretches that, one after the other, can be expected to be right for longest."""
    count = len(found.edges) - 1
    on_bar = np.array([len(downbeats) > 0 and np.abs(downbeats - edge).min() < 0.02 for edge in found.edges])
    gain = likely.max(axis=1) * (found.stop - found.start) - _COST - _OFF_BAR * ~on_bar[found.start]
    best, came = np.full(count + 1, -np.inf), np.zeros(count + 1, int)
    best[0] = 0.0
    order = np.argsort(found.start, kind="stable")
    for at in order:
        total = best[found.start[at]] + gain[at]
        if total > best[found.stop[at]]:
            best[found.stop[at]], came[found.stop[at]] = total, at
    path, place = [], count
    while place > 0:
        path.append(int(came[place]))
        place = int(found.start[came[place]])
    return path[::-1]


def _suffix(chroma: np.ndarray, label: int) -> str:
    """ "" or "m", with the seventh where it is sure."""
    root, quality = label % 12, label // 12
    names = SEVENTHS[quality]
    above = np.roll(chroma.reshape(-1, 12), -root, axis=1).ravel()
    scores = np.array(SEVENTH[quality]) @ np.append(above, 1.0)
    likely = np.exp(scores - scores.max())
    likely /= likely.sum()
    best = int(likely.argmax())
    return names[best] if likely[best] >= _SURE else names[0]
