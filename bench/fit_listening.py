"""Learns the weights of analysis/learnt.py from songs of ours whose truth is known, and says how well they do on songs
that were left out. Seeds 1 to 20 only: the bench measures on others.

    python bench/fit_listening.py --seeds 6 --folder songs

Every model is a softmax over hypotheses with shared weights and a quadratic penalty, fitted by L-BFGS.
"""

import argparse
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # in the place of this folder, whose composer.py would be taken for the composer

from analysis import beats, chords, key, melody, sections, spectra  # noqa: E402  (found by the line above)
from bench.songs import Truth, songs  # noqa: E402

Row = tuple[np.ndarray, np.ndarray]  # features of every hypothesis, and how right each is, summing to 1
TAUGHT = 120  # of the many stretches of a song, so many teach chords


class Heard:
    """What is learnt from, of one song."""

    def __init__(self, audio: Any, truth: Truth):
        self.truth = truth
        sound = spectra.mono(audio)
        self.tones, _ = spectra.tones(sound)
        self.channels = beats.channels(spectra.onsets(sound), self.tones)
        self.key = truth.tonic + 12 * truth.minorish

    def tempo(self) -> Row:
        bpms = beats.tempi(self.channels)
        rows = beats.evidence(bpms, self.channels, self.tones)
        return rows, _share(np.abs(bpms / self.truth.bpm - 1) < 0.01)

    def bar(self) -> Row:
        bpms = beats.tempi(self.channels)
        nearest = bpms[np.abs(bpms / self.truth.bpm - 1).argmin()]
        quarters, _ = beats.follow(self.channels, 60 / nearest)
        eighths = beats.halves(quarters, self.truth.duration)
        names, phases, rows = beats.hypotheses(eighths, self.channels, self.tones)
        away = [
            np.abs(eighths[phase :: beats.METERS[name][0], None] - self.truth.downbeats).min(axis=1).mean()
            if name == self.truth.meter
            else np.inf
            for name, phase in zip(names, phases, strict=True)
        ]
        return rows, _share(np.array(away) == min(away))

    def stretches(self) -> chords.Stretches:
        return chords.stretches(self.tones, self.truth.beats, self.truth.duration)

    def chord_shares(self, found: chords.Stretches) -> np.ndarray:
        """How much of each stretch each chord fills, (stretches, qualities, 12); suspended ones are left out."""
        shares = np.zeros((len(found.start), len(chords.QUALITIES), 12))
        begin, end = found.edges[found.start], found.edges[found.stop]
        for start, stop, root, above in self.truth.chords:
            quality = _quality({step % 12 for step in above})
            if quality is not None:
                overlap = np.minimum(end, stop) - np.maximum(begin, start)
                shares[:, chords.QUALITIES.index(quality), root] += np.maximum(0, overlap) / (end - begin)
        return shares


def _quality(above: set[int]) -> str | None:
    if 3 in above and 4 not in above:
        return ("m7" if 10 in above else "m") if 7 in above or 6 not in above else "dim"
    if 4 in above and not (8 in above and 7 not in above):
        return "7" if 10 in above else "maj7" if 11 in above else "6" if 9 in above else ""
    return None


def _share(right: np.ndarray) -> np.ndarray:
    return right / max(1, right.sum())


def fitted(rows: list[Row], penalty: float) -> np.ndarray:
    """Weights that make the right hypotheses likely."""
    features = np.concatenate([row for row, _ in rows])
    target = np.concatenate([right for _, right in rows])
    sizes = [len(row) for row, _ in rows]
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    group = np.repeat(np.arange(len(rows)), sizes)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        scores = (features @ weights.astype(features.dtype)).astype(float)
        scores -= np.maximum.reduceat(scores, first)[group]
        log_odds = scores - np.log(np.add.reduceat(np.exp(scores), first))[group]
        mass = np.add.reduceat(target, first)[group]
        slope = (np.exp(log_odds) * mass - target).astype(features.dtype) @ features + penalty * weights
        return float(-(target * log_odds).sum() + penalty / 2 * (weights**2).sum()), slope

    return minimize(loss, np.zeros(features.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 400}).x


def model(rows: list[Row], penalty: float) -> np.ndarray:
    """Weights of features that weigh alike while they are learnt, whatever their units."""
    deviation = np.concatenate([row for row, _ in rows]).std(axis=0)
    deviation[deviation < 1e-6] = 1.0
    return fitted([(row / deviation, right) for row, right in rows if right.any()], penalty) / deviation


def checked(name: str, rows: list[Row], truths: list[Truth], penalty: float) -> np.ndarray:
    """The model of all rows; prints how often that of one half of the seeds is right about the other half."""
    right = []
    for half in (0, 1):
        taught = model([row for row, truth in zip(rows, truths, strict=True) if truth.seed % 2 == half], penalty)
        for (row, target), truth in zip(rows, truths, strict=True):
            if truth.seed % 2 != half:
                right.append(target[(row @ taught).argmax()] > 0)
                if not right[-1]:
                    print(f"    {name} wrong: {truth.name}")
    print(f"{name}: {np.mean(right):.3f} of {len(right)} songs left out", flush=True)
    return model(rows, penalty)


def chord_model(heard: list[Heard], keyed: bool, penalty: float = 3.0) -> dict[str, np.ndarray]:
    """Weights of the chroma seen from a chord's root for each quality, and with a key of each of its degrees."""
    seen, shares, keys = _stretches_taught(heard)
    size = (len(chords.QUALITIES), seen.shape[2])
    degrees = (2, len(chords.QUALITIES), 12)
    from_tonic = (np.arange(12)[None] - keys[:, None] % 12) % 12  # (stretches, roots)
    minor = keys // 12
    split = size[0] * size[1]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights, of_key = flat[:split].reshape(size), flat[split:].reshape(degrees)
        scores = np.swapaxes(seen @ weights.T.astype(np.float32), 1, 2).astype(float)
        if keyed:
            scores += np.take_along_axis(of_key[minor], from_tonic[:, None, :].repeat(size[0], axis=1), axis=2)
        scores -= scores.max(axis=(1, 2), keepdims=True)
        log_odds = scores - np.log(np.exp(scores).sum(axis=(1, 2), keepdims=True))
        off = np.exp(log_odds) * shares.sum(axis=(1, 2), keepdims=True) - shares
        by_weight = np.tensordot(off.astype(np.float32), seen, axes=([0, 2], [0, 1]))
        by_key = np.zeros(degrees)
        if keyed:
            np.add.at(by_key, (minor[:, None, None], np.arange(size[0])[:, None], from_tonic[:, None, :]), off)
        slope = np.concatenate([by_weight.ravel(), by_key.ravel()]) + penalty * flat
        return float(-(shares * log_odds).sum() + penalty / 2 * (flat**2).sum()), slope

    found = minimize(loss, np.zeros(split + 2 * size[0] * 12), jac=True, method="L-BFGS-B", options={"maxiter": 150}).x
    model = {"chroma": found[:split].reshape(size)}
    return model | {"degrees": found[split:].reshape(degrees)} if keyed else model


def _stretches_taught(heard: list[Heard]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Chroma from every root, shares of the chords, and the key, of some stretches of each song."""
    seen, shares, keys = [], [], []
    for one in heard:
        found = one.stretches()
        filled = one.chord_shares(found)
        inside = np.flatnonzero(filled.sum(axis=(1, 2)) > 0.9)
        inside = inside[:: max(1, len(inside) // TAUGHT)]
        seen.append(chords.from_every_root(found.chroma[inside]).astype(np.float32))
        shares.append(filled[inside])
        keys.append(np.full(len(inside), one.key))
    return np.concatenate(seen), np.concatenate(shares), np.concatenate(keys)


def boundary_rows(one: Heard) -> list[Row]:
    """Each bar but the first: does a section begin with it?"""
    downbeats = one.truth.downbeats[:-1]
    seen = sections.evidence(sections.bar_features(one.tones, one.channels, downbeats))
    begins = np.abs(downbeats[:, None] - one.truth.bounds).min(axis=1) < 0.1
    return [
        (np.stack([np.zeros_like(row), row]), np.array([1.0 - begin, begin]))
        for row, begin in zip(seen[1:], begins[1:], strict=True)
    ]


def lengths(truths: list[Truth]) -> np.ndarray:
    """Log odds of sections of 1, 2, 3 ... bars, against the most frequent."""
    counts = np.full(sections.LONGEST, 0.5)
    for truth in truths:
        bar = truth.downbeats[1] - truth.downbeats[0]
        for size in np.rint(np.diff(truth.bounds) / bar).astype(int):
            if 1 <= size <= len(counts):
                counts[size - 1] += 1
    return np.log(counts / counts.max())


def melody_rows(one: Heard) -> list[Row]:
    """Each note that was followed: does the lead play its pitch class there for most of it?"""
    found, rows = melody.candidates(one.tones)
    right = [_plays(one.truth, start, end, pitch) for start, end, pitch in found]
    return [
        (np.stack([np.zeros_like(row), row]), np.array([1.0 - yes, yes])) for row, yes in zip(rows, right, strict=True)
    ]


def _plays(truth: Truth, start: float, end: float, pitch: int) -> bool:
    shared = [min(end, b) - max(start, a) for a, b, other in truth.lead if (other - pitch) % 12 == 0]
    return max(shared, default=0.0) > 0.5 * (end - start)


def main() -> None:
    parser = argparse.ArgumentParser(description="Learn what analysis knows of music.")
    parser.add_argument("--seeds", type=int, default=6, help="1 to this, at most 20")
    parser.add_argument("--folder", type=Path, help="where songs are kept; a temporary one without")
    parser.add_argument("--check", action="store_true", help="only say how well it does, write nothing")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="studio-songs-"))
    folder.mkdir(exist_ok=True)
    heard = [Heard(audio, truth) for audio, truth in songs(folder, range(1, min(20, asked.seeds) + 1), cut=True)]
    truths = [one.truth for one in heard]
    learnt: dict[str, Any] = {}
    learnt["BAR"] = beats.BAR = checked("bar", [one.bar() for one in heard], truths, 5.0)
    learnt["TEMPO"] = checked("tempo", [one.tempo() for one in heard], truths, 5.0)
    learnt["CHORD"] = {"plain": chord_model(heard, False), "keyed": chord_model(heard, True)}
    chords.CHORD.update(learnt["CHORD"])
    learnt["SECTION"] = model([row for one in heard for row in boundary_rows(one)], 5.0)
    learnt["LENGTH"] = lengths(truths)
    learnt["MELODY"] = model([row for one in heard for row in melody_rows(one)], 5.0)
    keys = [(key.evidence(one.stretches()), np.eye(24)[one.key]) for one in heard]
    learnt["KEY"] = checked("key", keys, truths, 2.0)
    if not asked.check:
        write(learnt)


def write(learnt: dict[str, Any]) -> None:
    """analysis/learnt.py: its own words, then the numbers."""
    place = ROOT / "analysis" / "learnt.py"
    head = place.read_text().partition("# fmt: off\n")[0]
    body = [f"{name}: Any = {_literal(value)}\n" for name, value in learnt.items()]
    place.write_text(head + "# fmt: off\n" + "".join(body))


def _literal(value: Any) -> str:
    """Numbers to four digits, in lines that fit the page."""
    if isinstance(value, dict):
        return "{\n" + "".join(f"{name!r}: {_literal(part)},\n" for name, part in value.items()) + "}"
    numbers = np.vectorize(lambda number: float(f"{number:.4g}"))(np.asarray(value))
    return "\n".join(textwrap.wrap(repr(numbers.tolist()), 106)).replace("\n", "\n ")


if __name__ == "__main__":
    main()
