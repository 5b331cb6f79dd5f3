"""Songs to measure by: rendered once, kept on disk, with the truth about them that their score knows."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from composer.arrange import compose
from composer.mix import mixdown
from composer.plan import STYLES, plan
from composer.synth import find, load, render
from settings import settings
from song.audio import Audio
from song.progress import silent
from song.request import read

METERS = {(4, 4): "4/4", (3, 4): "3/4", (6, 8): "6/8", (2, 4): "2/4", (5, 4): "5/4", (7, 8): "7/8"}


@dataclass(frozen=True, eq=False)
class Truth:
    """What a listener should find. Seconds; chords as (start, end, root, intervals)."""

    name: str
    style: str
    seed: int
    duration: float
    bpm: float
    meter: str
    tonic: int
    minorish: bool
    beats: np.ndarray
    downbeats: np.ndarray
    chords: tuple[tuple[float, float, int, tuple[int, ...]], ...]
    bounds: np.ndarray
    labels: tuple[str, ...]
    lead: tuple[tuple[float, float, int], ...]


def songs(folder: Path, seeds: range, styles: tuple[str, ...] = (), cut: bool = False) -> Iterator[tuple[Audio, Truth]]:
    """A song of every style and seed, of 40-66 s. `cut` takes up to 1.7 s off the start, as uploads begin anywhere."""
    for seed in seeds:
        for style in styles or tuple(STYLES):
            yield song(folder, style, seed, (40, 48, 56, 64)[seed % 4] + seed * 7 % 5 * 0.37, cut)


def song(folder: Path, style: str, seed: int, duration: float, cut: bool = False, **knobs: Any) -> tuple[Audio, Truth]:
    """One song, from the folder if it was rendered before."""
    name = f"{style}-{seed}-{duration:g}" + "".join(f"-{value}" for value in knobs.values())
    name = name.replace("/", "_").replace(".", "_")  # what follows a dot would be taken for a suffix
    place = folder / name
    if not place.with_suffix(".json").exists():
        _render(place, {"prompt": "a song", "style": style, "seed": seed, "duration": duration} | knobs)
    samples, rate = soundfile.read(place.with_suffix(".flac"), dtype="float32")
    said = json.loads(place.with_suffix(".json").read_text())
    late = round(seed * 0.377 % 1.7, 3) if cut and seed % 2 else 0.0
    audio = Audio(np.ascontiguousarray(samples.T[:, round(late * rate) :]), rate)
    return audio, _truth(said, name, style, seed, audio.duration, late)


def _render(place: Path, knobs: dict[str, Any]) -> None:
    decided = plan(read(knobs))
    score = compose(decided)
    mixed = mixdown(render(score, decided, _font(), silent), score, decided, silent)
    soundfile.write(place.with_suffix(".flac"), mixed.master.T, 48_000, subtype="PCM_16")
    said = {
        "bpm": score.bpm,
        "meter": list(score.meter),
        "tonic": decided.key.tonic,
        "minorish": decided.key.minorish,
        "bars": decided.bars,
        "sections": [[section.name, section.start] for section in decided.sections],
        "chords": [[one.start, one.duration, one.root, list(one.intervals)] for one in score.chords],
        "lead": [
            [note.start, note.end, note.pitch]
            for track in score.tracks
            if track.role in ("lead", "vocals")
            for note in track.notes
        ],
    }
    beside = place.with_suffix(f".{os.getpid()}")
    beside.write_text(json.dumps(said))
    beside.replace(place.with_suffix(".json"))


@cache
def _font() -> Any:
    return load(find(settings().soundfont))[0]


def _truth(said: dict[str, Any], name: str, style: str, seed: int, duration: float, late: float) -> Truth:
    quarter = 60 / said["bpm"]
    above, below = said["meter"]
    bar = above * 4 / below
    downbeats = np.arange(said["bars"] + 1) * bar * quarter - late
    # Quarters are counted from each barline on: in 7/8 the last one is half as long.
    beats = (downbeats[:-1, None] + np.arange(0, bar, 1.0) * quarter).ravel()
    inside = [
        (max(0.0, a), min(duration, b))
        for a, b in ((s * quarter - late, (s + d) * quarter - late) for s, d, _, _ in said["chords"])
    ]
    bounds = np.array([start * bar * quarter - late for _, start in said["sections"]] + [min(duration, downbeats[-1])])
    return Truth(
        name,
        style,
        seed,
        duration,
        said["bpm"],
        METERS[above, below],
        said["tonic"],
        said["minorish"],
        beats[beats >= 0],
        downbeats[downbeats >= 0],
        tuple(
            (a, b, root, tuple(above))
            for (a, b), (_, _, root, above) in zip(inside, said["chords"], strict=True)
            if b > a
        ),
        np.unique(bounds.clip(0)),
        tuple(label for label, _ in said["sections"]),
        tuple((s * quarter - late, e * quarter - late, pitch) for s, e, pitch in said["lead"] if s * quarter > late),
    )
