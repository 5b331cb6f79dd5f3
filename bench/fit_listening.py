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

sys.path.insert(0, str(Path(__file__).resolve().parent))

from songs import ROOT, Truth, songs

from analysis import beats, chords, key, melody, sections, spectra

Row = tuple[np.ndarray, np.ndarray]  # features of every hypothesis, and how right each is, summing to 1
TAUGHT = 70  # of the many stretches of a song, so many teach chords


class Heard:
    """What is learnt from, of one song."""

    def __init__(self, audio: Any, truth: Truth):
        self.truth = truth
        sound = spectra.mono(audio)
        self.tones, _ = spectra.tones(sound)
        self.channels = beats.channels(spectra.onsets(sound), self.tones)
        self.key = truth.tonic + 12 * truth.minorish

    def tempo(self) -> Row:
        bpms, rows = beats.readings(self.channels)
        return rows, _share(np.abs(bpms / self.truth.bpm - 1) < 0.01)

    def bar(self) -> Row:
        bpms, _ = beats.readings(self.channels)
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
        """How much of each stretch each chord fills, (stretches, 24); what is neither major nor minor is left out."""
        shares = np.zeros((len(found.start), 24))
        begin, end = found.edges[found.start], found.edges[found.stop]
        for start, stop, root, above in self.truth.chords:
            quality = _quality(above)
            if quality is not None:
                overlap = np.minimum(end, stop) - np.maximum(begin, start)
                shares[:, root + 12 * quality] += np.maximum(0, overlap) / (end - begin)
        return shares


def _quality(above: tuple[int, ...]) -> int | None:
    if 3 in above:
        return None if 4 in above or (6 in above and 7 not in above) else 1
    return 0 if 4 in above and 8 not in above else None


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


def chord_rows(heard: list[Heard], keyed: bool) -> list[Row]:
    rows: list[Row] = []
    for one in heard:
        found = one.stretches()
        shares = one.chord_shares(found)
        inside = np.flatnonzero(shares.sum(axis=1) > 0.9)
        inside = inside[:: max(1, len(inside) // TAUGHT)]
        degrees = degree_rows(one.key) if keyed else np.zeros((24, 0))
        rows += [(np.hstack([spread(found.chroma[at]), degrees]), shares[at]) for at in inside]
    return rows


def spread(chroma: np.ndarray) -> np.ndarray:
    """(24 chords, 2 x features): the chroma seen from each root, major chords on the left, minor ones on the right."""
    seen = np.stack([np.roll(chroma.reshape(-1, 12), -root, axis=1).ravel() for root in range(12)]).astype(np.float32)
    nothing = np.zeros_like(seen)
    return np.concatenate([np.hstack([seen, nothing]), np.hstack([nothing, seen])])


def degree_rows(of_key: int) -> np.ndarray:
    """(24 chords, 48): which degree of which mode each chord is."""
    picks = np.zeros((24, 48), np.float32)
    for chord in range(24):
        picks[chord, of_key // 12 * 24 + chord // 12 * 12 + (chord - of_key) % 12] = 1
    return picks


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


def sevenths(heard: list[Heard]) -> list[np.ndarray]:
    """For each quality, weights that tell its sevenths from its triad, (names, features + 1)."""
    learnt = []
    for quality, names in chords.SEVENTHS.items():
        rows: list[Row] = []
        for one in heard:
            found = one.stretches()
            begin, end = found.edges[found.start], found.edges[found.stop]
            for start, stop, root, above in one.truth.chords:
                if _quality(above) != quality:
                    continue
                same = np.flatnonzero((np.abs(begin - start) < 0.05) & (np.abs(end - stop) < 0.05))
                name = names[1] if 10 in above else names[2] if 11 in above and not quality else names[0]
                for at in same:
                    seen = np.append(np.roll(found.chroma[at].reshape(-1, 12), -root, axis=1).ravel(), 1.0)
                    rows.append(
                        (np.kron(np.eye(len(names)), seen), np.array([name == other for other in names], float))
                    )
        weights = fitted(rows, 3.0)
        learnt.append(weights.reshape(len(names), -1))
    return learnt


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
    learnt: dict[str, Any] = {
        "TEMPO": checked("tempo", [one.tempo() for one in heard], truths, 5.0),
        "BAR": checked("bar", [one.bar() for one in heard], truths, 5.0),
    }
    plain, keyed = fitted(chord_rows(heard, False), 3.0), fitted(chord_rows(heard, True), 3.0)
    size = len(plain)
    learnt["CHORD"] = {
        "plain": {"chroma": plain},
        "keyed": {"chroma": keyed[:size], "degrees": keyed[size:].reshape(2, 2, 12)},
    }
    learnt["SEVENTH"] = dict(enumerate(sevenths(heard)))
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
