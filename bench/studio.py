"""How fast the studio is and how well its songs are finished. A table for people; the last line is JSON.

    song_30_s, song_180_s   wall seconds of a whole job, from submit to kept, with a warm worker; median over styles
    growth                  how far the cost of a second in songs of up to 600 s strays from that in 30 s, percent
    page_ready_s            from the start of app.py until the page and its config are served; median, caches filled
    first_song_s            from the first click, right after the page is ready, until a 30 s song is kept; median
    lane_ms                 a job through the lane, less the bare task in the same worker; median of paired differences
    lufs_error_max          farthest from -14 LUFS over all songs, judged by pyloudnorm, LU
    true_peak_max           highest true peak over all songs, judged by scipy's resampler at 4x, dBTP
    gaps                    stretches of more than 100 ms below -60 dBFS between the first and the last sound
    length_errors           songs whose length is not what was asked for, to the sample
    duplicates              songs that sound the same as an earlier one

Run all, or parts: `python bench/studio.py --only song_30_s,gaps`; `--quick` takes fewer songs and repeats.
"""

import argparse
import hashlib
import json
import math
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import soundfile
from scipy.signal import resample_poly

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import backend  # noqa: E402  (found by the line above, wherever this is started from)
import tasks  # noqa: E402
from settings import Settings  # noqa: E402
from song.request import Generate, fields  # noqa: E402
from song.take import Kept  # noqa: E402

Figures = dict[str, float]
RATE = 48_000
WORDS = "a song to measure, with a calm verse and a full chorus"


class Bench:
    """A studio in a home of its own, and how thorough to be."""

    def __init__(self, home: Path, quick: bool):
        self.home, self.quick = home, quick
        self.settings = Settings(home=home, host="127.0.0.1", token="", lane="process")
        self._studio: backend.Studio | None = None

    @property
    def studio(self) -> backend.Studio:
        """Started and warm: one song has been made."""
        if self._studio is None:
            self._studio = backend.Studio(self.settings)
            self._studio.start()
            self.make(duration=5.0)
        return self._studio

    @property
    def styles(self) -> tuple[str, ...]:
        return tuple(next(iter(tasks.engines().values())).styles())

    def make(self, **knobs: Any) -> tuple[Kept, float]:
        """One job from submit to kept, and its wall seconds."""
        studio = self.studio
        begun = time.perf_counter()
        *_, job = studio.follow(studio.submit(_request(**knobs)).id)
        spent = time.perf_counter() - begun
        if job.state != "done":
            raise SystemExit(f"A song was not made: {job.error}")
        return self.studio.library.take(job.takes[0]), spent

    def drop(self, kept: Kept) -> None:
        """Long songs are large: what was measured need not stay on the disk."""
        shutil.rmtree(Path(kept.files["audio"]).parent)

    def close(self) -> None:
        if self._studio is not None:
            self._studio.close()


def _request(**knobs: Any) -> Generate:
    return Generate.model_validate({"prompt": WORDS, "seed": 1} | knobs)


# --- speed ------------------------------------------------------------------------------------------------------------


def song_30_s(bench: Bench) -> Figures:
    return {"song_30_s": _song_seconds(bench, 30, len(bench.styles) if not bench.quick else 3)}


def song_180_s(bench: Bench) -> Figures:
    return {"song_180_s": _song_seconds(bench, 180, 4 if not bench.quick else 2)}


def _song_seconds(bench: Bench, duration: int, count: int) -> float:
    spent = []
    for number, style in enumerate(bench.styles[:count]):
        kept, seconds = bench.make(style=style, duration=duration, seed=number)
        bench.drop(kept)
        spent.append(seconds)
        _row(f"{duration} s of {style}", f"{seconds:.2f} s")
    return round(statistics.median(spent), 3)


def growth(bench: Bench) -> Figures:
    """Best of a few at each length, so that what else the machine does counts for little."""
    costs = []
    for duration in (30, 60, 120, 300, 600) if not bench.quick else (30, 120, 600):
        spent = []
        for _ in range(3 if duration <= 120 else 2):
            kept, seconds = bench.make(style=bench.styles[0], duration=duration)
            bench.drop(kept)
            spent.append(seconds)
        costs.append(min(spent) / duration)
        _row(f"cost of a second in {duration} s", f"{costs[-1] * 1000:.1f} ms")
    _row("highest over lowest", f"{(max(costs) / min(costs) - 1) * 100:.1f} %")
    return {"growth": round(max(abs(cost / costs[0] - 1) for cost in costs) * 100, 1)}


def lane_ms(bench: Bench) -> Figures:
    """The same song as a job and as a bare task of the same worker, in turns; what differs is the lane."""
    folder = bench.home / "direct"
    differences = []
    for number in range(21 if not bench.quick else 11):
        kept, seconds = bench.make(duration=5.0, seed=number)
        request = kept.recipe.request.model_dump(mode="json")
        folder.mkdir()
        begun = time.perf_counter()
        bench.studio.lane.call("make", {"id": "direct", "request": request}, folder)
        differences.append((seconds - (time.perf_counter() - begun)) * 1000)
        shutil.rmtree(folder)
        bench.drop(kept)
    spread = statistics.quantiles(differences[1:], n=4)  # the first warms both up
    _row("lane, middle half of jobs", f"{spread[0]:.0f} to {spread[2]:.0f} ms")
    return {"lane_ms": round(statistics.median(differences[1:]), 1)}


# --- start ------------------------------------------------------------------------------------------------------------


def start(bench: Bench) -> Figures:
    """The first start fills caches and makes the library; it is shown but not counted."""
    ready, first = [], []
    for attempt in range(4 if not bench.quick else 2):
        with _page(bench) as (address, begun):
            page = _wait_for(address) - begun
            song = _click(address, attempt)
        _row(f"start {attempt}" + (" (not counted)" if attempt == 0 else ""), f"page {page:.2f} s, song {song:.2f} s")
        if attempt > 0:
            ready.append(page)
            first.append(song)
    return {"page_ready_s": round(statistics.median(ready), 2), "first_song_s": round(statistics.median(first), 2)}


@contextmanager
def _page(bench: Bench) -> Iterator[tuple[str, float]]:
    """The studio as a user starts it: its address, and when it was started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    named = {"STUDIO_HOME": str(bench.home / "page"), "STUDIO_PORT": str(port), "STUDIO_HOST": "127.0.0.1"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STUDIO_")}
    begun = time.perf_counter()
    command = [sys.executable, str(ROOT / "app.py")]
    process = subprocess.Popen(command, env=kept | named, stdout=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}", begun
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_for(address: str) -> float:
    """When the page and its config are both served."""
    deadline = time.perf_counter() + 60
    while time.perf_counter() < deadline:
        try:
            for path in ("/", "/config"):
                with _open(address + path) as answer:
                    answer.read()
            return time.perf_counter()
        except OSError:
            time.sleep(0.02)
    raise SystemExit("The page did not start within a minute.")


def _click(address: str, seed: int) -> float:
    """Ask for 30 s through the page's own door and wait until the song is kept."""
    knobs = {name: field.default for name, field in fields(Generate).items()}
    knobs |= {"prompt": WORDS, "duration": 30, "seed": seed}
    begun = time.perf_counter()
    with _open(f"{address}/gradio_api/call/generate", {"data": list(knobs.values())}) as answer:
        event = json.load(answer)["event_id"]
    with _open(f"{address}/gradio_api/call/generate/{event}") as stream:
        for line in stream:
            if line.startswith(b"event: complete"):
                return time.perf_counter() - begun
            if line.startswith(b"event: error"):
                raise SystemExit(f"The page made no song: {stream.readline().decode()}")
    raise SystemExit("The page made no song.")


def _open(url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=60)


# --- sound ------------------------------------------------------------------------------------------------------------


def sound(bench: Bench) -> Figures:
    """Songs of all styles, mixed seeds and lengths, judged by other people's meters."""
    chance = np.random.default_rng(60)
    errors, peaks, gaps, wrong, seen = [], [], 0, 0, set()
    for number in range(60 if not bench.quick else 16):
        style = bench.styles[number % len(bench.styles)]
        duration = float(chance.integers(10, 61)) if number % 4 else round(float(chance.uniform(10, 60)), 3)
        kept, _ = bench.make(style=style, duration=duration, seed=int(chance.integers(2**32)))
        song, rate = soundfile.read(kept.files["audio"])
        bench.drop(kept)
        errors.append(abs(_lufs(song, rate) + 14))
        peaks.append(_true_peak(song))
        found = _gaps(song, rate)
        gaps += found
        wrong += rate != RATE or len(song) != round(duration * RATE)
        seen.add(hashlib.sha256(song.tobytes()).digest())
        if errors[-1] > 0.5 or peaks[-1] > -1 or found:
            said = f"{errors[-1]:.2f} LU off, {peaks[-1]:.2f} dBTP, {found} gaps"
            _row(f"{style}, {duration:g} s, seed {kept.recipe.seed}", said)
    _row(f"{len(errors)} songs", f"mean {np.mean(errors):.3f} LU off")
    return {
        "lufs_error_max": round(max(errors), 3),
        "true_peak_max": round(max(peaks), 3),
        "gaps": gaps,
        "length_errors": wrong,
        "duplicates": len(errors) - len(seen),
    }


def _lufs(song: np.ndarray, rate: int) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(pyloudnorm.Meter(rate).integrated_loudness(song))


def _true_peak(song: np.ndarray) -> float:
    return 20 * math.log10(max(np.abs(resample_poly(channel, 4, 1)).max() for channel in song.T) + 1e-12)


def _gaps(song: np.ndarray, rate: int) -> int:
    """Silent stretches of more than 100 ms between the first and the last sound."""
    audible = np.flatnonzero(np.abs(song).max(axis=1) > 10 ** (-60 / 20))
    return int((np.diff(audible) > 0.1 * rate).sum())


# --- run --------------------------------------------------------------------------------------------------------------

PARTS: dict[Callable[[Bench], Figures], tuple[str, ...]] = {
    song_30_s: ("song_30_s",),
    song_180_s: ("song_180_s",),
    growth: ("growth",),
    start: ("page_ready_s", "first_song_s"),
    lane_ms: ("lane_ms",),
    sound: ("lufs_error_max", "true_peak_max", "gaps", "length_errors", "duplicates"),
}
UNITS = {"growth": "%", "lane_ms": "ms", "lufs_error_max": "LU", "true_peak_max": "dBTP"}


def _row(name: str, value: str) -> None:
    print(f"  {name:<44} {value}", flush=True)


def _asked() -> argparse.Namespace:
    names = [name for part in PARTS.values() for name in part]
    parser = argparse.ArgumentParser(description="Measure the studio.")
    parser.add_argument("--only", default=",".join(names), help="some of " + ", ".join(names))
    parser.add_argument("--quick", action="store_true", help="fewer songs and repeats")
    asked = parser.parse_args()
    asked.only = set(asked.only.split(","))
    if unknown := asked.only - set(names):
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    return asked


def main() -> None:
    asked = _asked()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
    figures: Figures = {}
    tasks.warm()  # compiled code is on the disk, as `make install` leaves it
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        bench = Bench(Path(folder), asked.quick)
        try:
            for part, names in PARTS.items():
                if asked.only & set(names):
                    print(", ".join(names))
                    figures |= part(bench)
        finally:
            bench.close()
    print(f"load {os.getloadavg()[0]:.1f} at the end\n")
    for name, figure in figures.items():
        unit = UNITS.get(name) or ("s" if name.endswith("_s") else "")
        print(f"  {name:<16} {figure:>9g} {unit}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
