"""Notes, beats and bars -> the chord of every beat.

A network of one hidden layer looks at every beat from each of the twelve possible roots (so it knows no key by name):
at the beat, its neighbours, its half and whole bar, the bars around it, at all that is alike elsewhere in the song, and
at the song as a whole. It gives the odds of seven kinds of chord on each root. A second one looks again, at the same
and at what the first thought of all these places (stacking; Wolpert 1992): it knows what chords follow each other, and
which ones a key has. Dynamic programming (Viterbi 1967) lets chords last: a change costs nothing on a barline. Sevenths
are told apart, as they share their notes with other triads, but written only where they are sure. Weights: see
learnt.py.

Conventions: odds are (beats, qualities, 12 roots from C); keys 0-11 are major on C to B, 12-23 minor.
"""

from dataclasses import dataclass

import numpy as np

from analysis.learnt import CHORD, CONTEXT, Net
from analysis.notes import NOTES, explained, standing_out
from analysis.spectra import TONE_RATE
from song.heard import HeardChord
from song.key import Key

QUALITIES = ("", "6", "7", "maj7", "m", "m7", "dim")
_MINOR = slice(4, 6)  # of these
_QUIET = 10 ** (-45 / 20)  # against the loudest tenth of the song: no chord sounds
_SURE = 0.85  # odds from which a seventh is written
_WORST = -4.0  # the log odds of a wrong chord: no single beat settles it
_CHANGE = 0.5  # what a change costs off the barline, in log odds
_PITCHES = np.array(NOTES)
_REGISTERS = (  # middle, high, low
    np.clip((_PITCHES - 44) / 4, 0, 1) * np.clip((66 - _PITCHES) / 6, 0, 1),
    np.clip((_PITCHES - 62) / 6, 0, 1),
    np.clip((54 - _PITCHES) / 8, 0, 1),
)
_ALIKE = 8  # beats on either side that make two places alike
_SHARP = 0.04  # how much alike, in cosine, before a place counts e times as much


@dataclass(frozen=True, eq=False)
class Seen:
    """What sounds in every beat: beat n reaches from edges[n] to edges[n + 1].

    `chroma` is (beats, parts, 12): three registers and the bass of the first moment, then what surrounds the beat.
    `alike` is (beats, beats): how much each beat tells of another, adding up to 1.
    """

    edges: np.ndarray
    place: np.ndarray  # beats since the barline
    chroma: np.ndarray
    alike: np.ndarray
    audible: np.ndarray


def seen(tones: np.ndarray, beats: np.ndarray, downbeats: np.ndarray, duration: float) -> Seen:
    """What there is to see of the harmony."""
    edges = np.concatenate([[0.0], beats[(beats > 0.1) & (beats < duration - 0.1)], [duration]])
    spectrum = standing_out(tones)
    total = np.pad(np.cumsum(spectrum, axis=1), ((0, 0), (1, 0)))
    frames = np.clip(np.rint(edges * TONE_RATE).astype(int), 0, spectrum.shape[1])
    first = np.minimum(frames[:-1], spectrum.shape[1] - 1)
    last = np.maximum(frames[1:], first + 1)
    opening = np.minimum(last, first + 4)
    whole = np.log1p(5 * explained((total[:, last] - total[:, first]) / (last - first)))
    begin = np.log1p(5 * explained((total[:, opening] - total[:, first]) / (opening - first)))
    parts = [_folded(whole, register) for register in _REGISTERS] + [_folded(begin, _REGISTERS[2])]
    loud = tones.max(axis=0)
    level = np.array([loud[a:b].max() for a, b in zip(first, last, strict=True)])
    place = _beat_in_bar(edges, downbeats)
    own = np.stack(parts, axis=1)
    alike = _alike(own)
    return Seen(edges, place, _surrounded(own, place, alike), alike, level > _QUIET * np.percentile(loud, 90))


def _folded(notes: np.ndarray, register: np.ndarray) -> np.ndarray:
    """(beats, 12) of length 1."""
    weighted = notes * register[:, None]
    chroma = np.stack([weighted[pitch == _PITCHES % 12].sum(axis=0) for pitch in range(12)], axis=1)
    return chroma / (np.linalg.norm(chroma, axis=1, keepdims=True) + 1e-6)


def _beat_in_bar(edges: np.ndarray, downbeats: np.ndarray) -> np.ndarray:
    """How many beats after the barline each beat begins."""
    places: list[int] = []
    for edge in edges[:-1]:
        on_bar = len(downbeats) > 0 and np.abs(downbeats - edge).min() < 0.03
        places.append(0 if on_bar or not places else places[-1] + 1)
    return np.array(places)


def _surrounded(own: np.ndarray, place: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """(beats, parts, 12): each beat's own four parts, and what they are around it and wherever the song is alike."""
    mean, here, (barline, end) = _Means(own), np.arange(len(own)), _bars(place)
    half, size = here - place % 2, np.maximum(1, end - barline)
    around = [
        mean(here - 1, here),
        mean(here + 1, here + 2),
        mean(half, np.minimum(half + 2, end)),
        mean(barline, end),
        mean(barline - size, barline),
        mean(end, end + size),
        np.broadcast_to(own.mean(axis=0), own.shape),
    ]
    bass = [own[half.clip(0)][:, 3:], own[barline.clip(0)][:, 3:]]
    elsewhere = np.tensordot(alike, own, axes=(1, 0))
    return np.concatenate([own, *(part[:, :3] for part in around), *bass, elsewhere], axis=1).astype(np.float32)


class _Means:
    """Mean of the beats from one to before another, zero where there are none."""

    def __init__(self, values: np.ndarray):
        self.total = np.pad(np.cumsum(values, axis=0), ((1, 0), (0, 0), (0, 0)))

    def __call__(self, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
        start, stop = (place.clip(0, len(self.total) - 1) for place in (start, stop))
        return (self.total[stop] - self.total[start]) / np.maximum(1, stop - start)[:, None, None]


def _bars(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first beat of every beat's bar, and the first of the next bar."""
    here = np.arange(len(place))
    ends = np.append(np.flatnonzero(place == 0), len(place))
    return here - place, ends[np.searchsorted(ends, here, side="right").clip(max=len(ends) - 1)]


def _alike(own: np.ndarray) -> np.ndarray:
    """How much each beat tells of another: music repeats itself, and one time or another the bass plays (Mauch, Noland
    and Dixon 2009)."""
    upper = own[:, :2].reshape(len(own), -1)
    upper = upper / (np.linalg.norm(upper, axis=1, keepdims=True) + 1e-6)
    single = upper @ upper.T
    whole, count = np.zeros_like(single), np.zeros(len(own))
    for shift in range(-_ALIKE, _ALIKE + 1):
        weight = 1 - abs(shift) / (_ALIKE + 1)
        here = slice(max(0, -shift), max(0, len(own) - max(0, shift)))
        there = slice(max(0, shift), max(0, len(own) - max(0, -shift)))
        whole[here, here] += weight * single[there, there]
        count[here] += weight
    alike = 0.7 * whole / np.sqrt(np.outer(count, count)) + 0.3 * single
    weights = np.exp((alike - 1) / _SHARP)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def odds(found: Seen) -> np.ndarray:
    """Odds of each chord in each beat, (beats, qualities, 12)."""
    return looked(CONTEXT, again(found, looked(CHORD, found.chroma)))


def looked(net: Net, seen: np.ndarray) -> np.ndarray:
    """Odds of each chord in each beat, (beats, qualities, 12), by a network that looks at `seen`, (beats, parts, 12),
    from every root."""
    kinds = len(QUALITIES)
    turned = np.concatenate([np.roll(net["eyes"], root, axis=2) for root in range(12)])
    values = (seen.reshape(len(seen), -1) @ turned.reshape(len(turned), -1).T).reshape(len(seen), 12, -1)
    hidden = np.maximum(0, values[..., :-kinds] + net["bias"])
    scores = np.swapaxes(hidden @ net["out"] + values[..., -kinds:] + net["prior"], 1, 2).astype(float)
    likely = np.exp(scores - scores.max(axis=(1, 2), keepdims=True))
    return likely / likely.sum(axis=(1, 2), keepdims=True)


def again(found: Seen, likely: np.ndarray) -> np.ndarray:
    """What there is to see once the odds of every beat are known, (beats, parts, 12)."""
    mean, here, (barline, end) = _Means(likely), np.arange(len(likely)), _bars(found.place)
    size = np.maximum(1, end - barline)
    around = [
        mean(here - 1, here),
        mean(here + 1, here + 2),
        mean(barline, end),
        mean(barline - size, barline),
        mean(end, end + size),
        mean(barline - 2 * size, barline - size),
        mean(end + size, end + 2 * size),
        mean(barline - 4 * size, barline),
        mean(end, end + 4 * size),
        np.broadcast_to(likely.mean(axis=0), likely.shape),
        np.tensordot(found.alike, likely, axes=(1, 0)),
    ]
    return np.concatenate([found.chroma, likely, *around], axis=1).astype(np.float32)


def triads(likely: np.ndarray) -> np.ndarray:
    """Odds of the 12 major and the 12 minor triads, whatever is added to them, (beats, 24)."""
    major = likely[:, : _MINOR.start].sum(axis=1)
    return np.concatenate([major, likely[:, _MINOR].sum(axis=1)], axis=1)


def every_chord(likely: np.ndarray) -> np.ndarray:
    """Odds of all that is told apart, (beats, 36): the triads, and whatever is neither major nor minor."""
    return np.concatenate([triads(likely), likely[:, _MINOR.stop :].reshape(len(likely), -1)], axis=1)


def progression(found: Seen, likely: np.ndarray, key: Key) -> tuple[HeardChord, ...]:
    """The chords from beginning to end, from their `odds`; "N" where nothing sounds. The key spells them."""
    path = np.where(found.audible, likeliest(every_chord(likely), found.place), -1)
    heard: list[HeardChord] = []
    starts = np.flatnonzero(np.diff(path, prepend=-2))
    for start, stop in zip(starts, np.append(starts[1:], len(path)), strict=True):
        symbol, sure = ("N", 1.0) if path[start] < 0 else _named(likely[start:stop].mean(axis=0), int(path[start]), key)
        begin, end = float(found.edges[start]), float(found.edges[stop])
        heard.append(HeardChord(start=round(begin, 4), end=round(end, 4), symbol=symbol, confidence=round(sure, 3)))
    return tuple(heard)


def likeliest(every: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The chord of every beat, as a column of (beats, chords), that together are likeliest."""
    log_odds = np.log(every.clip(np.exp(_WORST)))
    cost = np.where(place == 0, 0.0, _CHANGE)
    total, came = log_odds[0], np.zeros(every.shape, int)
    for beat in range(1, len(every)):
        stay = np.arange(every.shape[1])
        best = int(total.argmax())
        move = total[best] - cost[beat] > total
        came[beat] = np.where(move, best, stay)
        total = np.where(move, total[best] - cost[beat], total) + log_odds[beat]
    path = [int(total.argmax())]
    for beat in range(len(every) - 1, 0, -1):
        path.append(int(came[beat, path[-1]]))
    return np.array(path[::-1])


def _named(likely: np.ndarray, label: int, key: Key) -> tuple[str, float]:
    """The name of a column of `every_chord`, with what is added to a triad where that is sure; and how sure that is."""
    if label >= 24:
        quality, root = divmod(label - 24, 12)
        return key.name(root) + QUALITIES[_MINOR.stop + quality], float(likely[_MINOR.stop + quality, root])
    root, minor = label % 12, label >= 12
    own = likely[_MINOR if minor else slice(0, _MINOR.start), root]
    added = int(own.argmax()) + (_MINOR.start if minor else 0)
    plain = "m" if minor else ""
    return key.name(root) + (QUALITIES[added] if own.max() >= _SURE else plain), float(own.sum())
