"""Learns the weights of analysis/learnt.npz from songs of ours whose truth is known, and says how well they do on songs
that were left out. Seeds 1 to 80 only: the bench measures on others.

    python bench/fit_listening.py --folder songs

Chords are two networks of one hidden layer, taught by AdamW (Loshchilov and Hutter 2019) with dropout (Srivastava et
al. 2014), the rate in one cycle (Smith and Topin 2018). The second learns from odds that the first gives of songs it
was not taught by, as does the model of keys. Every other model is a softmax over hypotheses with shared weights and a
quadratic penalty, fitted by L-BFGS.
"""

import argparse
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # in the place of this folder, whose composer.py would be taken for the composer

from analysis import beats, chords, key, learnt, melody, sections, spectra  # noqa: E402  (found by the line above)
from bench.songs import Truth, song  # noqa: E402
from composer.plan import STYLES  # noqa: E402

Row = tuple[np.ndarray, np.ndarray]  # features of every hypothesis, and how right each is, summing to 1
SEEDS = 80
TEMPO_PENALTY = 160.0  # with less, what is not like our songs is heard at half its tempo: a click and a chord a bar
HIDDEN, BATCH, RATE, DECAY = 128, 512, 4e-3, 1e-2  # of the networks


class Heard:
    """What is learnt from, of one song. Spectra are kept beside the song."""

    def __init__(self, folder: Path, style: str, seed: int):
        duration = (40, 48, 56, 64)[seed % 4] + seed * 7 % 5 * 0.37
        audio, self.truth = song(folder, style, seed, duration, cut=True)
        place = folder / f"{self.truth.name}.npz"
        if not place.exists():
            sound = spectra.mono(audio)
            tones, onsets = spectra.tones(sound)[0], spectra.onsets(sound)
            np.savez(place, tones=tones.astype(np.float32), onsets=onsets.astype(np.float32))
        with np.load(place) as kept:
            self.tones, onsets = kept["tones"], kept["onsets"]
        self.channels = beats.channels(onsets, self.tones)
        self.key = self.truth.tonic + 12 * self.truth.minorish

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

    def seen(self) -> chords.Seen:
        return chords.seen(self.tones, self.truth.beats, self.truth.downbeats, self.truth.duration)

    def chord_shares(self, found: chords.Seen) -> np.ndarray:
        """How much of each beat each chord fills, (beats, qualities, 12); suspended ones are left out."""
        begin, end = found.edges[:-1], found.edges[1:]
        shares = np.zeros((len(begin), len(chords.QUALITIES), 12), np.float32)
        for start, stop, root, above in self.truth.chords:
            quality = _quality({step % 12 for step in above})
            if quality is not None:
                overlap = np.minimum(end, stop) - np.maximum(begin, start)
                shares[:, chords.QUALITIES.index(quality), root] += np.maximum(0, overlap) / (end - begin)
        return shares


class Lesson(NamedTuple):
    """One song, as far as it needs no model that is learnt from others."""

    truth: Truth
    key: int
    bar: Row
    boundaries: list[Row]
    notes: list[Row]
    seen: chords.Seen
    shares: np.ndarray


def lesson(asked: tuple[Path, str, int]) -> Lesson:
    one = Heard(*asked)
    found = one.seen()
    return Lesson(one.truth, one.key, one.bar(), boundary_rows(one), melody_rows(one), found, one.chord_shares(found))


def tempo_row(asked: tuple[Path, str, int, np.ndarray]) -> Row:
    """Which tempo is right; how good its bars are is told by the model of bars, which is handed over."""
    folder, style, seed, beats.BAR = asked
    return Heard(folder, style, seed).tempo()


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


def chord_models(lessons: list[Lesson]) -> tuple[learnt.Net, learnt.Net, list[np.ndarray]]:
    """Both networks, and the odds that the first one gives of each song when it was taught by others."""
    halves = [first_look([one for one in lessons if one.truth.seed % 2 == half]) for half in (0, 1)]
    fresh = [chords.looked(halves[1 - one.truth.seed % 2], one.seen.chroma) for one in lessons]
    seen = [chords.again(one.seen, likely) for one, likely in zip(lessons, fresh, strict=True)]
    second = network(seen, [one.shares for one in lessons], epochs=6, dropout=0.2)
    return first_look(lessons), second, fresh


def first_look(lessons: list[Lesson]) -> learnt.Net:
    return network([one.seen.chroma for one in lessons], [one.shares for one in lessons], epochs=10, dropout=0.1)


def network(seen: list[np.ndarray], shares: list[np.ndarray], epochs: int, dropout: float) -> learnt.Net:
    """Weights for `chords.looked`, from what is seen in each song's beats and how much of them each chord fills."""
    import torch
    from torch.nn import functional as nn

    inputs, wanted = np.concatenate(seen), np.concatenate(shares)
    taught = np.flatnonzero(wanted.sum(axis=(1, 2)) > 0.9)
    torch.manual_seed(0)
    rng, size, kinds = np.random.default_rng(0), inputs.shape[1] * 12, len(chords.QUALITIES)
    net = {
        "eyes": (2 * torch.rand(HIDDEN + kinds, inputs.shape[1], 12) - 1) / size**0.5,
        "bias": torch.zeros(HIDDEN),
        "out": (2 * torch.rand(HIDDEN, kinds) - 1) / HIDDEN**0.5,
        "prior": torch.zeros(kinds),
    }
    steps = len(taught) // BATCH
    optimizer = torch.optim.AdamW([one.requires_grad_() for one in net.values()], weight_decay=DECAY)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * steps)
    for _ in range(epochs):
        for rows in np.array_split(rng.permutation(taught)[: steps * BATCH], steps):
            now = torch.from_numpy(inputs[np.sort(rows)].reshape(len(rows), -1))
            right = torch.from_numpy(wanted[np.sort(rows)].swapaxes(1, 2).reshape(len(rows), -1))
            turned = torch.cat([torch.roll(net["eyes"], root, 2) for root in range(12)]).reshape(-1, size)
            values = (now @ turned.T).reshape(len(rows), 12, -1)
            hidden = nn.dropout(nn.relu(values[..., :HIDDEN] + net["bias"]), dropout)
            scores = (hidden @ net["out"] + values[..., HIDDEN:] + net["prior"]).reshape(len(rows), -1)
            loss = -(right * nn.log_softmax(scores, dim=1)).sum(dim=1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
    return {name: one.detach().numpy() for name, one in net.items()}


def chords_right(lessons: list[Lesson]) -> dict[str, float]:
    """Share of the beats with the right triad, by style, as `progression` would write them."""
    found: dict[str, list[float]] = {}
    for one in lessons:
        every = chords.every_chord(chords.odds(one.seen))
        path = chords.likeliest(every, one.seen.place)
        right = chords.every_chord(one.shares)[np.arange(len(path)), path] * (path < 24)
        share = one.shares.sum(axis=(1, 2))
        found.setdefault(one.truth.style, []).append(float(right.sum() / max(1e-9, share.sum())))
    return {style: float(np.mean(values)) for style, values in found.items()}


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
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"1 to this, at most {SEEDS}")
    parser.add_argument("--folder", type=Path, help="where songs are kept; a temporary one without")
    parser.add_argument("--check", action="store_true", help="only say how well it does, write nothing")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="studio-songs-"))
    folder.mkdir(exist_ok=True)
    places = [(folder, style, seed) for seed in range(1, min(SEEDS, asked.seeds) + 1) for style in STYLES]
    found: dict[str, Any] = {}
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as pool:
        lessons = list(pool.map(lesson, places, chunksize=8))
        truths = [one.truth for one in lessons]
        found["BAR"] = checked("bar", [one.bar for one in lessons], truths, 5.0)
        rows = pool.map(tempo_row, [(*place, found["BAR"]) for place in places], chunksize=8)
        found["TEMPO"] = checked("tempo", list(rows), truths, TEMPO_PENALTY)
    last = max(truth.seed for truth in truths)
    known = [one for one in lessons if one.truth.seed <= 0.75 * last]
    if asked.check:
        chords.CHORD, chords.CONTEXT, _ = chord_models(known)
        by_style = chords_right([one for one in lessons if one.truth.seed > 0.75 * last])
        worst = min(by_style, key=lambda style: by_style[style])
        print(f"chords: {np.mean(list(by_style.values())):.3f} of songs left out, {worst} {by_style[worst]:.3f}")
    first, second, fresh = chord_models(lessons)
    found["SECTION"] = model([row for one in lessons for row in one.boundaries], 5.0)
    found["LENGTH"] = lengths(truths)
    found["MELODY"] = model([row for one in lessons for row in one.notes], 5.0)
    evidence = [key.evidence(one.seen, likely) for one, likely in zip(lessons, fresh, strict=True)]
    keys = [(rows, np.eye(24)[one.key]) for rows, one in zip(evidence, lessons, strict=True)]
    found["KEY"] = checked("key", keys, truths, 30.0)
    if not asked.check:
        kept: dict[str, Any] = {name: values.astype(np.float32) for name, values in found.items()}
        nets = {"CHORD": first, "CONTEXT": second}
        kept |= {
            f"{name}_{part}": values.astype(np.float16) for name, net in nets.items() for part, values in net.items()
        }
        np.savez_compressed(learnt.PLACE, **kept)


if __name__ == "__main__":
    main()
