"""Notes and beats -> the chord of every stretch of beats.

Every stretch of one to eight beats is a hypothesis; a linear model over its chroma (middle, high and low register, and
the bass of its first moment) and the key gives the odds of every chord, and dynamic programming picks the likeliest row
of stretches (a semi-Markov model, Sarawagi and Cohen 2004). Sevenths are told apart, as they share their notes with
other triads, but written only where they are sure. Weights: see learnt.py.

Conventions: odds are (stretches, qualities, 12 roots from C); keys 0-11 are major on C to B, 12-23 minor.
"""

from dataclasses import dataclass

import numpy as np

from analysis.learnt import CHORD
from analysis.notes import NOTES, explained, standing_out
from analysis.spectra import TONE_RATE
from song.heard import HeardChord
from song.key import Key

LENGTHS = (1, 2, 3, 4, 6, 8)  # beats of a hypothesis
_QUIET = 10 ** (-45 / 20)  # against the loudest tenth of the song: no chord sounds
_SURE = 0.85  # odds from which a seventh is written
_WORST = -4.0  # the log odds of a wrong chord: no single beat settles it
# What a chord costs in log odds, more where it begins off the barline or lasts longer than a bar of four.
_COST, _HALF_BAR, _OFF_BAR, _LONG = 1.0, 1.0, 2.0, 2.0
_PITCHES = np.array(NOTES)
_REGISTERS = (
    np.clip((_PITCHES - 44) / 4, 0, 1) * np.clip((66 - _PITCHES) / 6, 0, 1),
    np.clip((_PITCHES - 62) / 6, 0, 1),
    np.clip((54 - _PITCHES) / 8, 0, 1),
)
QUALITIES = ("", "6", "7", "maj7", "m", "m7", "dim")
_MINOR = slice(4, 6)  # of these


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


def odds(found: Stretches, key: int | None) -> np.ndarray:
    """Odds of each chord in each stretch; with a key, chords that belong to it are likelier."""
    model = CHORD["keyed" if key is not None else "plain"]
    scores = np.einsum("nrf,qf->nqr", from_every_root(found.chroma), np.array(model["chroma"]), optimize=True)
    if key is not None:
        scores = scores + np.roll(np.array(model["degrees"])[key // 12], key % 12, axis=1)
    likely = np.exp(scores - scores.max(axis=(1, 2), keepdims=True))
    return likely / likely.sum(axis=(1, 2), keepdims=True)


def from_every_root(chroma: np.ndarray) -> np.ndarray:
    """(stretches, parts x 12) -> (stretches, 12 roots, parts x 12): each part of the chroma, counted from each root."""
    parts = chroma.reshape(len(chroma), -1, 12)
    return np.stack([np.roll(parts, -root, axis=2).reshape(len(chroma), -1) for root in range(12)], axis=1)


def triads(likely: np.ndarray) -> np.ndarray:
    """Odds of the 12 major and the 12 minor triads, whatever is added to them, (stretches, 24)."""
    major = likely[:, : _MINOR.start].sum(axis=1)
    return np.concatenate([major, likely[:, _MINOR].sum(axis=1)], axis=1)


def progression(found: Stretches, downbeats: np.ndarray, key: Key) -> tuple[HeardChord, ...]:
    """The chords from beginning to end; "N" where nothing sounds."""
    number = key.tonic + 12 * key.minorish
    likely = odds(found, number)
    heard: list[HeardChord] = []
    for at in _best(found, likely, downbeats):
        symbol, sure = _named(likely[at], key)
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
    """The stretches that, one after the other, are likeliest: half by the whole of them, half by each of their beats.

    A stretch over two chords may well sound like a third (Am and C are Am7): its beats then tell otherwise.
    """
    every = np.concatenate([triads(likely), likely[:, _MINOR.stop :].reshape(len(likely), -1)], axis=1)
    log_odds = np.log(every.clip(np.exp(_WORST)))
    beats = found.stop - found.start
    total = np.pad(np.cumsum(log_odds[beats == 1], axis=0), ((1, 0), (0, 0)))
    worth = 0.5 * (total[found.stop] - total[found.start]) + 0.5 * log_odds * beats[:, None]
    place = _beat_in_bar(found.edges, downbeats)[found.start]
    shift = np.where(place == 0, 0.0, np.where(place == 2, _HALF_BAR, _OFF_BAR))
    return _path(found, worth.max(axis=1) - _COST - shift - _LONG * (beats > 4))


def _beat_in_bar(edges: np.ndarray, downbeats: np.ndarray) -> np.ndarray:
    """How many beats after the barline each edge lies."""
    places: list[int] = []
    for edge in edges:
        on_bar = len(downbeats) > 0 and np.abs(downbeats - edge).min() < 0.03
        places.append(0 if on_bar or not places else places[-1] + 1)
    return np.array(places)


def _path(found: Stretches, gain: np.ndarray) -> list[int]:
    """The stretches without gap or overlap whose gains sum to most."""
    count = len(found.edges) - 1
    best, came = np.full(count + 1, -np.inf), np.zeros(count + 1, int)
    best[0] = 0.0
    for at in np.argsort(found.start, kind="stable"):
        total = best[found.start[at]] + gain[at]
        if total > best[found.stop[at]]:
            best[found.stop[at]], came[found.stop[at]] = total, at
    path, place = [], count
    while place > 0:
        path.append(int(came[place]))
        place = int(found.start[came[place]])
    return path[::-1]


def _named(likely: np.ndarray, key: Key) -> tuple[str, float]:
    """The likeliest triad of (qualities, 12), with what is added to it where that is sure; and how sure it is."""
    both = triads(likely[None])[0]
    label = int(both.argmax())
    rest = likely[_MINOR.stop :]
    if rest.max() > both[label]:
        quality, place = divmod(int(rest.argmax()), 12)
        return key.name(place) + QUALITIES[_MINOR.stop + quality], float(rest.max())
    root, minor = label % 12, label >= 12
    own = likely[_MINOR if minor else slice(0, _MINOR.start), root]
    added = int(own.argmax()) + (_MINOR.start if minor else 0)
    plain = "m" if minor else ""
    return key.name(root) + (QUALITIES[added] if own.max() >= _SURE else plain), float(both[label])
