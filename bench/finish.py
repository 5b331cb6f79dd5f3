"""How exact the meters are, and how fast a song becomes a file: `make bench NAME=finish`. The last line is JSON.

    lufs_error     most LU that our loudness lies from pyloudnorm's, over 50 files
    lufs_ffmpeg    the same from ffmpeg's ebur128, which says one decimal
    peak_error     most dB that our true peak lies from that of ffmpeg's ebur128, over the same files
    finish_180_s   seconds to meter, limit and write a song of 180 s as WAV
    encode_180_s   seconds to make FLAC and MP3 of it, with covers, the MP3 decoded and measured; one after the other;
                   STUDIO_LAME=/nowhere measures it where the system has no LAME
    null_db        root mean square of the song less the master of the sum of its stems, the composer's, in dB below it

The files are songs of the composer in many styles, mastered, and noise, tones, bursts and clicks at many levels, at
44.1 and 48 kHz, where ffmpeg looks between samples as finely as BS.1770 asks; at 96 kHz it looks half as finely and
reads tones low that are told right here. Its summary has one decimal, so 0.05 of a difference is its rounding.

Songs are made before the clock starts. Times are wall times, medians of five rounds (two for the encoders), or with
`--cpu` those of the processor, which other work hardly disturbs. Without ffmpeg its figures are left out, and said.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyloudnorm
import soundfile

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import dsp  # noqa: E402  (found by the line above, wherever this is started from)
import masters  # noqa: E402
import post_process  # noqa: E402
from composer import mix  # noqa: E402
from composer.plan import STYLES, plan  # noqa: E402
from dsp.splice import resampled  # noqa: E402
from engines.composer import Composer  # noqa: E402
from masters import lame  # noqa: E402
from settings import settings  # noqa: E402
from song.audio import Audio  # noqa: E402
from song.progress import silent  # noqa: E402
from song.request import Generate  # noqa: E402
from test_tags import recipe  # noqa: E402

GOALS = {
    "lufs_error": 0.1,
    "lufs_ffmpeg": 0.1,
    "peak_error": 0.1,
    "finish_180_s": 1.0,
    "encode_180_s": 4.0,
    "null_db": -90.0,
}
SONGS, SIGNALS = 26, 24
RATES = (44_100, 48_000)
RATE = 48_000


def files(folder: Path) -> Iterator[tuple[Path, Audio]]:
    """Fifty files in 32-bit float, always the same."""
    made = [*songs(), *signals()]
    for number, audio in enumerate(made):
        rate = RATES[number % 2]
        audio = Audio(resampled(audio.samples, RATE, rate), rate)
        path = folder / f"{number}.wav"
        soundfile.write(path, audio.samples.T, rate, subtype="FLOAT")
        yield path, audio


def songs() -> Iterator[Audio]:
    for number, style in enumerate(list(STYLES)[:SONGS]):
        take = Composer().generate(Generate(prompt=style, style=style, duration=12, seed=number), silent)
        yield post_process.finish(take.audio, target_lufs=(-9.0, -14.0, -16.0, -23.0)[number % 4]).audio


def signals() -> Iterator[Audio]:
    chance = np.random.default_rng(0)
    t = np.arange(10 * RATE) / RATE
    for number in range(SIGNALS):
        level = 10 ** (-(3 + number) / 20)
        noise = chance.standard_normal((2, len(t))) * level / 4
        tone = np.sin(2 * np.pi * (60 * 1.3**number % 15_000) * t + number)
        bursts = noise * (np.mod(t, 1 + number / 10) < 0.3)
        clicks = (np.mod(np.arange(len(t)), 9_001 + number) == 0) * 1.0
        kinds = (noise, np.stack([tone, 0.5 * tone]) * level, bursts, np.stack([clicks, -clicks]) * level + noise / 8)
        # Faded: a wave that is cut off rings in every interpolation filter, and in each one differently.
        yield Audio(dsp.fade(np.clip(kinds[number % 4], -1, 1), RATE, 0.02, 0.02))


def theirs(audio: Audio) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(pyloudnorm.Meter(audio.sample_rate).integrated_loudness(audio.samples.T.astype(np.float64)))


def by_ffmpeg(path: Path) -> tuple[float, float]:
    """LUFS and dBTP, as its summary says them."""
    asked = ["ffmpeg", "-nostats", "-i", str(path), "-af", "ebur128=peak=true", "-f", "null", "-"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stderr.rpartition("Summary:")[2]
    loud, peak = (re.search(pattern, said) for pattern in (r"I:\s+(\S+) LUFS", r"Peak:\s+(\S+) dBFS"))
    assert loud is not None and peak is not None, said
    return float(loud[1]), float(peak[1])


def meters() -> dict[str, float]:
    found: dict[str, list[float]] = {"lufs_error": [], "lufs_ffmpeg": [], "peak_error": []}
    with tempfile.TemporaryDirectory() as folder:
        for path, audio in files(Path(folder)):
            facts = post_process.facts(audio)
            found["lufs_error"].append(abs(facts.lufs - theirs(audio)))
            if shutil.which("ffmpeg"):
                lufs, peak = by_ffmpeg(path)
                found["lufs_ffmpeg"].append(abs(facts.lufs - lufs))
                found["peak_error"].append(abs(facts.true_peak_dbtp - peak))
            path.unlink()
    if not found["peak_error"]:
        print("ffmpeg is not here: nothing is held against its meter.")
    print(f"  {len(found['lufs_error'])} files")
    return {name: round(max(errors), 3) for name, errors in found.items() if errors}


def seconds(way: Callable[[], object], clock: Callable[[], float], rounds: int = 5) -> float:
    """Median; the first round compiles and is not counted."""
    spent = []
    for _ in range(rounds + 1):
        begun = clock()
        way()
        spent.append(clock() - begun)
    return round(statistics.median(spent[1:]), 3)


def speed(clock: Callable[[], float]) -> dict[str, float]:
    request = Generate(prompt="house", duration=180, seed=1)
    take = Composer().generate(request, silent)
    null = left(take.audio, {name: stem.samples for name, stem in take.stems.items()}, request)
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "song.wav"

        def finish() -> None:
            made = post_process.finish(take.audio)
            known = recipe(facts=made.facts, samples_sha256=post_process.samples_sha256(made.audio))
            post_process.write_wav(wav, made.audio, known)

        finished = seconds(finish, clock)
        known = recipe(facts=post_process.facts(post_process.read(wav)))
        ways = {kind: partial(masters.convert, wav, wav.with_suffix(f".{kind}"), known) for kind in ("flac", "mp3")}
        packed = {kind: seconds(way, clock, 2) for kind, way in ways.items()}
    whose = f"the system's LAME at {lame.find(settings().lame)}" if lame.usable() else "soundfile's own LAME"
    print(f"  of encode_180_s: {packed}, with {whose}")
    return {"finish_180_s": finished, "encode_180_s": round(sum(packed.values()), 3), "null_db": null}


def left(mastered: Audio, stems: dict[str, np.ndarray], request: Generate) -> float:
    """Stems go through the master as the mix did; what differs from the song, in dB below it."""
    total = np.zeros_like(mastered.samples)
    for stem in stems.values():
        total += stem
    rest = mastered.samples - mix.mastered(total, plan(request))
    powers = [float(np.square(one, dtype=np.float64).mean()) for one in (rest, mastered.samples)]
    return round(10 * float(np.log10((powers[0] + 1e-30) / powers[1])), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure meters and finishing.")
    parser.add_argument("--cpu", action="store_true", help="time of the processor instead of wall time")
    parser.add_argument("--skip-meters", action="store_true", help="times and null test alone")
    asked = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    figures = {} if asked.skip_meters else meters()
    figures |= speed(time.process_time if asked.cpu else time.perf_counter)
    print(f"load {os.getloadavg()[0]:.1f} at the end\n")
    for name, value in figures.items():
        print(f"  {name:<14} {value:>9g}   <= {GOALS[name]:g}   {'yes' if value <= GOALS[name] else 'no'}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
