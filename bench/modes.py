"""Cover, Extend and Edit, measured: songs of our own are given as if strangers had uploaded them, as sound alone.

    python bench/modes.py [SEEDS [STYLE ...]]      one line a song, then the table

`figures` measures one song. What a score knows of it is the truth, what `analysis` heard of it is all that the engine
is told; with `told=True` the engine gets the truth, as it does for takes of the library.
"""

import json
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import analysis  # noqa: E402  (found by the line above, wherever this is started from)
import post_process  # noqa: E402
from composer.original import Original  # noqa: E402
from composer.plan import STYLES  # noqa: E402
from engines.composer import Composer  # noqa: E402
from song.audio import Audio  # noqa: E402
from song.chart import read_symbol  # noqa: E402
from song.heard import Heard  # noqa: E402
from song.key import Key  # noqa: E402
from song.progress import silent  # noqa: E402
from song.request import read  # noqa: E402
from song.source import Source  # noqa: E402

ENGINE = Composer()
FFT, HOP = 8192, 4096
COVERS = {"house": "piano_solo", "ambient": "rock"}  # what a style is covered in; lofi where nothing is said


@dataclass(frozen=True, eq=False)
class Song:
    """A song and the truth about it."""

    audio: Audio
    truth: Heard
    style: str


def song(style: str, seed: int, seconds: float = 40.0) -> Song:
    """A finished song of ours."""
    request = read({"prompt": "a song", "style": style, "seed": seed, "duration": seconds})
    take = ENGINE.generate(request, silent)
    finished = post_process.finish(take.audio)
    return Song(finished.audio, Heard.model_validate(take.sheet["heard"]), style)


def figures(style: str, seed: int, seconds: float = 40.0, told: bool = False) -> dict[str, float]:
    """All figures of one song."""
    made = song(style, seed, seconds)
    heard = made.truth if told else analysis.listen(made.audio)
    source = Source("bench", "bench", made.audio, heard, None, {})
    cover_style = COVERS.get(style, "house")
    return cover(made, source, cover_style, seed) | extend(made, source, seed) | edit(made, source, cover_style, seed)


def cover(made: Song, source: Source, style: str, seed: int) -> dict[str, float]:
    """Tempo error in %, share of the time with the right major or minor chord, that share in what was heard, and how
    much nearer the chroma is to its source than to its eleven transpositions."""
    request = read({"mode": "cover", "source": "bench", "style": style, "seed": seed, "strength": 0.5})
    take = ENGINE.generate(request, silent, source)
    new = Heard.model_validate(take.sheet["heard"])
    start = Original(source.heard).start
    own, others = nearness(made.audio, take.audio, start)
    return {
        "cover_tempo_error": abs(take.plan["bpm"] / made.truth.bpm - 1) * 100,
        "cover_chords": recall(made.truth, new, start),
        "heard_chords": recall(made.truth, source.heard, 0.0),
        "cover_chroma": own,
        "cover_chroma_margin": own - max(others),
    }


def extend(made: Song, source: Source, seed: int) -> dict[str, float]:
    """Milliseconds from the join to the nearest true beat and downbeat, level step in LU, tempo error of what was added
    in %, whether the key it is written in is the song's and whether it is heard so, and samples that changed."""
    request = read({"mode": "extend", "source": "bench", "style": made.style, "seed": seed, "seconds": 15.0})
    take = ENGINE.generate(request, silent, source)
    assert take.splice is not None
    proof = post_process.proof(post_process.measured(take.audio).audio, take.splice)
    at = proof.regions[0].start
    added = Audio(np.ascontiguousarray(take.audio.samples[:, proof.regions[0].first :]), take.audio.sample_rate)
    found = analysis.listen(added)
    return {
        "join_beat_ms": off(at, made.truth.beats),
        "join_downbeat_ms": off(at, made.truth.downbeats),
        "join_level_lu": abs(proof.seams[0].level_step_db),
        "join_key": related(Key.parse(take.plan["key"]), Key.parse(made.truth.key)),
        "join_key_heard": related(Key.parse(found.key), Key.parse(made.truth.key)),
        "join_tempo_error": abs(take.plan["bpm"] / made.truth.bpm - 1) * 100,
        "extend_changed": proof.changed_outside,
    }


def edit(made: Song, source: Source, style: str, seed: int) -> dict[str, float]:
    """Samples that changed outside, level steps in LU, and milliseconds from the seams to the nearest true beat."""
    middle = made.audio.duration / 2
    regions = f"{middle - 4.1:.2f}-{middle + 4.3:.2f}"
    request = read({"mode": "edit", "source": "bench", "style": style, "seed": seed, "regions": regions})
    take = ENGINE.generate(request, silent, source)
    assert take.splice is not None
    proof = post_process.proof(post_process.measured(take.audio).audio, take.splice)
    seams = [proof.seams[0].at + proof.seams[0].crossfade_ms / 1000, proof.regions[0].end]
    return {
        "edit_changed": proof.changed_outside,
        "edit_level_lu": max(abs(seam.level_step_db) for seam in proof.seams),
        "edit_beat_ms": max(off(seam, made.truth.beats) for seam in seams),
    }


# --- measures ---------------------------------------------------------------------------------------------------------


def off(seconds: float, grid: tuple[float, ...]) -> float:
    """Milliseconds to the nearest of `grid`."""
    return 1000 * min(abs(seconds - one) for one in grid)


def related(found: Key, true: Key) -> float:
    """MIREX: 1 the same, .5 a fifth off, .3 relative, .2 parallel."""
    if found.minorish == true.minorish:
        return {0: 1.0, 7: 0.5, 5: 0.5}.get((found.tonic - true.tonic) % 12, 0.0)
    up = (found.tonic - true.tonic) % 12
    return 0.3 if up == (3 if true.minorish else 9) else 0.2 if up == 0 else 0.0


def recall(truth: Heard, new: Heard, start: float) -> float:
    """Share of the time of both with the same root and third; the new one begins `start` seconds into the true one."""
    times = np.arange(0.05, min(truth.duration - start, new.duration) - 2.0, 0.1)
    pairs = [(triad(truth.chord_at(start + time)), triad(new.chord_at(time))) for time in times]
    return float(np.mean([true == found for true, found in pairs if true is not None]))


def triad(symbol: str) -> tuple[int, bool] | None:
    """(root, minor third) of a chord; None where there is none."""
    chord = read_symbol(symbol)
    return None if chord.silent else (chord.root, 3 in chord.intervals and 4 not in chord.intervals)


def nearness(old: Audio, new: Audio, start: float) -> tuple[float, list[float]]:
    """Mean cosine between the chroma of both, second by second, and the same for eleven transpositions of the new."""
    rate = old.sample_rate
    a, b = chroma(old.samples[:, round(start * rate) :], rate), chroma(new.samples, rate)
    count = min(a.shape[1], b.shape[1])
    a, b = a[:, :count], b[:, :count]
    cosines = [float(np.mean((a * np.roll(b, turn, axis=0)).sum(axis=0))) for turn in range(12)]
    return cosines[0], cosines[1:]


def chroma(samples: np.ndarray, rate: int) -> np.ndarray:
    """Pitch class strength of each second from 100 Hz to 2 kHz, (12, seconds), each of length 1."""
    sound = samples.mean(axis=0)
    hertz = np.fft.rfftfreq(FFT, 1 / rate)
    heard = (hertz > 100) & (hertz < 2000)
    classes = np.round(12 * np.log2(hertz[heard] / 440) + 69).astype(int) % 12
    frames = np.lib.stride_tricks.sliding_window_view(sound, FFT)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(FFT), axis=1))[:, heard]
    found = np.stack([power[:, classes == one].sum(axis=1) for one in range(12)])
    edges = np.arange(0, found.shape[1] + 1, max(1, round(rate / HOP)))
    seconds = np.stack([found[:, a:b].mean(axis=1) for a, b in pairwise(edges)], axis=1)
    seconds = seconds - seconds.min(axis=0)
    return seconds / np.maximum(1e-12, np.linalg.norm(seconds, axis=0))


def main(arguments: list[str]) -> None:
    told = "--told" in arguments
    arguments = [one for one in arguments if one != "--told"]
    seeds = range(int(arguments[0]) if arguments else 1)
    rows = []
    for seed in seeds:
        for style in arguments[1:] or list(STYLES):
            rows.append(figures(style, 9000 + seed, told=told))
            print(
                json.dumps({"style": style, "seed": seed} | {name: round(x, 3) for name, x in rows[-1].items()}),
                flush=True,
            )
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        span = f"median {np.median(values):8.3f}  {values.min():.3f} to {values.max():.3f}"
        print(f"{name:22} mean {values.mean():8.3f}  {span}")


if __name__ == "__main__":
    main(sys.argv[1:])
