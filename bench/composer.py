"""How good the embedded composer is, on songs that nothing was tuned on. A table for people; the last line is JSON.

    song_30_s, song_180_s      wall seconds from a request to finished sound, warm; median over styles
    analysis_s                 CPU seconds of listening to a minute of sound
    tempo_acc1, tempo_acc2     share of songs whose tempo is heard within 4 %; Acc2 forgives factors of 2 and 3
    beat_f, downbeat_f         F-measure of beats (quarters) and of barlines within 70 ms, the first 5 s left out
    key_score                  MIREX-weighted: 1 right, .5 a fifth off, .3 relative, .2 parallel
    chords, chords_worst       share of the time with the right major or minor chord, all songs and the worst style
    boundary_f                 section boundaries within 3 s
    entropy, scale, groove     pitch-class entropy in bits, notes in the scale, bars like the one before (drum styles)
    leaps, jaccard             lead steps over 7 semitones; the likest two leads of one style
    twins                      of 100 songs of each style, those that share progression, drums and bass with another
    style_spread_min           how much the songs of the most uniform style differ, see bench/spread.py
    lufs_error, true_peak      farthest from -14 LUFS, highest true peak in dBTP
    tone_error                 farthest mean of a style from its tone target, dB, over six bands
    correlation_min, _max      of left and right, mean of each style
    words_understood, content_words, sung_pitch, onset_ms, singing_s      see bench/voice.py
    cover_*, join_*, edit_*    see bench/modes.py

Listening is judged by mir_eval; every other song begins anywhere, as uploads do. Songs of seeds from 900 on, 40 to 66 s
long. Run all, or parts: `python bench/composer.py --only listening,voice`; `--quick` takes fewer songs.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # in the place of this file's own folder, where "composer" would be this file

import dsp  # noqa: E402
import post_process  # noqa: E402
from analysis import listen  # noqa: E402
from bench import modes, spread, symbolic, voice  # noqa: E402
from bench.songs import Truth, song  # noqa: E402
from composer.arrange import compose  # noqa: E402
from composer.mix import REFERENCE, tone  # noqa: E402
from composer.plan import STYLES, plan  # noqa: E402
from composer.voice import singer  # noqa: E402
from engines.composer import Composer  # noqa: E402
from song.chart import read_symbol  # noqa: E402
from song.heard import Heard  # noqa: E402
from song.progress import silent  # noqa: E402
from song.request import read  # noqa: E402
from song.score import Score  # noqa: E402

Figures = dict[str, float]
FIRST_SEED = 900
_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
# figure -> (at least, at most)
GOALS: dict[str, tuple[float | None, float | None]] = {
    "song_30_s": (None, 0.5),
    "song_180_s": (None, 2.5),
    "analysis_s": (None, 1.0),
    "tempo_acc1": (0.95, None),
    "tempo_acc2": (0.98, None),
    "beat_f": (0.92, None),
    "key_score": (0.92, None),
    "chords": (0.90, None),
    "chords_worst": (0.80, None),
    "boundary_f": (0.75, None),
    "entropy": (2.3, 3.0),
    "scale": (0.92, 0.98),
    "groove": (0.90, 0.98),
    "leaps": (None, 0.03),
    "jaccard": (None, 0.15),
    "twins": (None, 0),
    "style_spread_min": (0.3, None),
    "lufs_error": (None, 0.3),
    "true_peak": (None, -1.0),
    "tone_error": (None, 3.0),
    "correlation_min": (0.6, None),
    "correlation_max": (None, 0.9),
    "words_understood": (0.65, None),
    "content_words": (0.80, None),
    "sung_pitch": (0.97, None),
    "onset_ms": (None, 12.0),
    "singing_s": (None, 4.0),
    "cover_tempo_error": (None, 0.5),
    "cover_chords": (0.90, None),
    "cover_chroma_margin": (0.0, None),
    "join_beat_ms": (None, 15.0),
    "join_level_lu": (None, 3.0),
    "extend_changed": (None, 0),
    "edit_changed": (None, 0),
}


class Bench:
    """Where songs are kept, how many there are of each style, and how many processes may work."""

    def __init__(self, folder: Path, per_style: int, jobs: int, quick: bool):
        self.folder, self.per_style, self.jobs, self.quick = folder, per_style, jobs, quick
        self.styles = list(STYLES)
        self.rows: list[dict[str, Any]] = []

    def songs(self) -> list[dict[str, Any]]:
        """A row of figures for every song, measured once."""
        if not self.rows:
            asked = [(self.folder, style, FIRST_SEED + n) for n in range(self.per_style) for style in self.styles]
            self.rows = list(self.map(measured, asked))
        return self.rows

    def map(self, work: Callable[[Any], Any], asked: list[Any]) -> Iterator[Any]:
        if self.jobs == 1:
            yield from map(work, asked)
            return
        with ProcessPoolExecutor(self.jobs, get_context("spawn")) as pool:  # forked kernels and threads may hang
            yield from pool.map(work, asked, chunksize=2)

    def mean(self, name: str, style: str = "") -> float:
        values = [row[name] for row in self.songs() if not style or row["style"] == style]
        return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")

    def by_style(self, name: str) -> dict[str, float]:
        return {style: self.mean(name, style) for style in self.styles}


# --- one song ---------------------------------------------------------------------------------------------------------


def measured(asked: tuple[Path, str, int]) -> dict[str, Any]:
    """Everything that is measured of one song."""
    folder, style, seed = asked
    duration = (40, 48, 56, 64)[seed % 4] + seed * 7 % 5 * 0.37
    audio, truth = song(folder, style, seed, duration, cut=True)
    begun = time.process_time()
    heard = listen(audio)
    spent = time.process_time() - begun
    row: dict[str, Any] = {
        "style": style,
        "seed": seed,
        "meter": truth.meter,
        "analysis_s": spent / audio.duration * 60,
    }
    decided = plan(read({"prompt": "a song", "style": style, "seed": seed, "duration": duration, "humanize": 0.0}))
    score = compose(decided)
    finished = post_process.finish(song(folder, style, seed, duration)[0]).audio
    left, right = finished.samples.astype(float)
    goal = np.array(REFERENCE) + np.array(decided.mix.tone)
    return (
        row
        | listened(truth, heard)
        | written(score)
        | {
            "lufs_error": abs(dsp.loudness(finished.samples, finished.sample_rate) + 14),
            "true_peak": dsp.true_peak(finished.samples, finished.sample_rate),
            "correlation": float(np.corrcoef(left, right)[0, 1]),
            "tone": (tone(finished.samples) - goal + goal.mean()).tolist(),
        }
    )


def listened(truth: Truth, heard: Heard) -> Figures:
    """How near what was heard is to the truth, by mir_eval."""
    import mir_eval

    ratio = heard.bpm / truth.bpm
    beats, bars = (mir_eval.beat.trim_beats(np.array(times)) for times in (heard.beats, heard.downbeats))
    true_key = f"{_NAMES[truth.tonic]} {'minor' if truth.minorish else 'major'}"
    bounds = np.column_stack([truth.bounds[:-1], truth.bounds[1:]])
    found = np.array([[one.start, one.end] for one in heard.sections])
    return {
        "tempo_acc1": abs(ratio - 1) < 0.04,
        "tempo_acc2": any(abs(ratio * factor - 1) < 0.04 for factor in (1, 2, 3, 1 / 2, 1 / 3)),
        "beat_f": mir_eval.beat.f_measure(mir_eval.beat.trim_beats(truth.beats), beats),
        "downbeat_f": mir_eval.beat.f_measure(mir_eval.beat.trim_beats(truth.downbeats), bars),
        "meter_right": heard.meter == truth.meter,
        "key_score": mir_eval.key.weighted_score(true_key, heard.key),
        "chords": _chord_recall(truth, heard),
        "boundary_f": mir_eval.segment.detection(bounds, found, window=3.0)[2],
    }


def _chord_recall(truth: Truth, heard: Heard) -> float:
    """Share of the time with the right major or minor chord, of the time that has one; nan where none of it has."""
    import mir_eval

    spans = np.array([[start, end] for start, end, _, _ in truth.chords])
    names = [_mirex(root, {step % 12 for step in above}) for _, _, root, above in truth.chords]
    found = np.array([[one.start, one.end] for one in heard.chords])
    symbols = [read_symbol(one.symbol) for one in heard.chords]
    said = ["N" if one.silent else _mirex(one.root, {step % 12 for step in one.intervals}) for one in symbols]
    found, said = mir_eval.util.adjust_intervals(found, said, spans.min(), spans.max(), "N", "N")
    pieces, true, guessed = mir_eval.util.merge_labeled_intervals(spans, names, found, said)
    right = mir_eval.chord.majmin(true, guessed)
    if (right < 0).all():
        return float("nan")
    return mir_eval.chord.weighted_accuracy(right, mir_eval.util.intervals_to_durations(pieces))


def _mirex(root: int, above: set[int]) -> str:
    """ "X", which majmin passes over, for what is neither major nor minor."""
    if 4 in above and (7 in above or 8 not in above):
        return f"{_NAMES[root]}:maj"
    return f"{_NAMES[root]}:min" if 3 in above and (7 in above or 6 not in above) else "X"


def written(score: Score) -> Figures:
    """What its notes are like, as they are written."""
    drums = symbolic.role(score, "drums") is not None
    return {
        "entropy": symbolic.pitch_class_entropy(score),
        "scale": symbolic.scale_consistency(score),
        "groove": symbolic.groove_consistency(score) if drums else float("nan"),
        "leaps": symbolic.leap_share(score),
    }


# --- parts ------------------------------------------------------------------------------------------------------------


def speed(bench: Bench) -> Figures:
    """Before anything else is started: other processes would be measured as well."""
    engine = Composer()
    engine.load()
    found = {}
    for seconds, count in ((30, len(bench.styles)), (180, 8)):
        spent = []
        for number, style in enumerate(bench.styles[: 4 if bench.quick else count]):
            request = read({"prompt": "a song", "style": style, "seed": FIRST_SEED + number, "duration": seconds})
            begun = time.perf_counter()
            post_process.finish(engine.generate(request, silent).audio)
            spent.append(time.perf_counter() - begun)
        found[f"song_{seconds}_s"] = round(statistics.median(spent), 3)
    return found


def listening(bench: Bench) -> Figures:
    """All the songs, and the worst style for chords."""
    names = ("tempo_acc1", "tempo_acc2", "beat_f", "downbeat_f", "meter_right", "key_score", "chords", "boundary_f")
    found = {name: bench.mean(name) for name in ("analysis_s", *names)}
    return found | {"chords_worst": float(np.nanmin(list(bench.by_style("chords").values())))}


def notes(bench: Bench) -> Figures:
    """Scores alone: of every style as many as it takes to find twins."""
    count = 20 if bench.quick else 100
    alike = list(bench.map(_alike, [(style, count) for style in bench.styles]))
    found = {name: bench.mean(name) for name in ("entropy", "scale", "groove", "leaps")}
    return found | {"jaccard": max(likest for likest, _ in alike), "twins": sum(twins for _, twins in alike)}


def _alike(asked: tuple[str, int]) -> tuple[float, int]:
    """(mean likeness of two leads, songs that are twins) among the first songs of a style."""
    style, count = asked
    requests = ({"prompt": "a song", "style": style, "seed": FIRST_SEED + n, "duration": 40.0} for n in range(count))
    scores = [compose(plan(read(request | {"humanize": 0.0}))) for request in requests]
    leads = symbolic.lead_jaccard(scores[:20])
    return (float(np.mean(leads)) if leads else 0.0), symbolic.twins(scores)


def sameness(bench: Bench) -> Figures:
    count, seconds = (4, 15.0) if bench.quick else (8, 30.0)
    rows = bench.map(_features, [(style, spread.HELD_OUT + n, seconds) for style in bench.styles for n in range(count)])
    songs: dict[str, list[Figures]] = {style: [next(rows) for _ in range(count)] for style in bench.styles}
    found, _ = spread.style_spread(songs)
    return {"style_spread_min": min(found.values()), "style_spread_mean": float(np.mean(list(found.values())))}


def _features(asked: tuple[str, int, float]) -> Figures:
    return spread.song(*asked)


def sound(bench: Bench) -> Figures:
    rows = bench.songs()
    tones = [np.mean([row["tone"] for row in rows if row["style"] == style], axis=0) for style in bench.styles]
    sides = bench.by_style("correlation").values()
    return {
        "lufs_error": max(row["lufs_error"] for row in rows),
        "true_peak": max(row["true_peak"] for row in rows),
        "tone_error": float(np.abs(tones).max()),
        "correlation_min": min(sides),
        "correlation_max": max(sides),
    }


def singing(bench: Bench) -> Figures:
    who, notice = singer()
    if notice:
        print(f"  {notice}")
    assert isinstance(who, voice.Flite | voice.Formant)
    found = voice.measure(who)
    return {
        "words_understood": found.words_understood,
        "content_words": found.content_words_understood,
        "sung_pitch": found.sung_pitch,
        "onset_ms": found.onset_ms,
        "singing_s": found.cpu_s_per_minute,
    }


def reworking(bench: Bench) -> Figures:
    """Cover, Extend and Edit of songs that are only heard. Joins and levels are the median, counts the sum."""
    styles = bench.styles[::6] if bench.quick else bench.styles
    rows = list(bench.map(_reworked, styles))
    found = {name: float(np.median([row[name] for row in rows])) for name in rows[0]}
    found["cover_chords"] = float(np.mean([row["cover_chords"] for row in rows]))
    counts = {name: float(sum(row[name] for row in rows)) for name in rows[0] if name.endswith("_changed")}
    return found | counts


def _reworked(style: str) -> Figures:
    return modes.figures(style, FIRST_SEED)


PARTS: dict[str, Callable[[Bench], Figures]] = {
    "speed": speed,
    "listening": listening,
    "notes": notes,
    "sound": sound,
    "sameness": sameness,
    "voice": singing,
    "modes": reworking,
}


# --- run --------------------------------------------------------------------------------------------------------------


def reached(name: str, figure: float) -> str:
    """yes, no, or nothing where no goal was set."""
    if name not in GOALS:
        return ""
    low, high = GOALS[name]
    return "yes" if (low is None or figure >= low) and (high is None or figure <= high) else "no"


def goal(name: str) -> str:
    low, high = GOALS.get(name, (None, None))
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    return f">= {low:g}" if low is not None else f"<= {high:g}" if high is not None else ""


def report(bench: Bench, figures: Figures) -> str:
    """The tables of RESULTS.md."""
    lines = [
        f"{os.cpu_count()} cores, {len(bench.rows)} songs of {len(bench.styles)} styles, seeds from {FIRST_SEED}.",
        "",
    ]
    lines += ["| figure | goal | measured | reached |", "|---|---|---|---|"]
    lines += [f"| {name} | {goal(name)} | {value:.4g} | {reached(name, value)} |" for name, value in figures.items()]
    if bench.rows:
        names = ("tempo_acc1", "beat_f", "downbeat_f", "key_score", "chords", "boundary_f", "correlation")
        lines += ["", f"| style | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
        for style in bench.styles:
            lines.append(f"| {style} | {' | '.join(f'{bench.mean(name, style):.2f}' for name in names)} |")
    return "\n".join(lines)


def keep(text: str, place: Path) -> None:
    """Into the composer's chapter of the results; other chapters stay."""
    old = place.read_text() if place.exists() else "# Results\n"
    before, _, rest = old.partition("\n## Composer\n")
    after = rest.partition("\n## ")
    place.write_text(f"{before.rstrip()}\n\n## Composer\n\n{text}\n{after[1]}{after[2]}")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the embedded composer.")
    parser.add_argument("--only", default=",".join(PARTS), help="some of " + ", ".join(PARTS))
    parser.add_argument("--songs", type=int, default=6, help="of each style")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--quick", action="store_true", help="one song of each style, fewer of all else")
    parser.add_argument("--folder", type=Path, help="keep the songs here, and use those that are there")
    parser.add_argument("--no-table", action="store_true", help="leave bench/RESULTS.md alone")
    asked = parser.parse_args()
    if unknown := set(asked.only.split(",")) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return asked


def main() -> None:
    asked = _asked()
    figures: Figures = {}
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as scratch:
        folder = asked.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(folder, 1 if asked.quick else asked.songs, asked.jobs, asked.quick)
        for name, part in PARTS.items():
            if name in asked.only.split(","):
                figures |= part(bench)
                print(f"  {name} done, load {os.getloadavg()[0]:.1f}", flush=True)
        for name, figure in figures.items():
            print(f"{name:<22} {figure:>9.4g}  {goal(name):<12} {reached(name, figure)}")
        if not asked.no_table:
            keep(report(bench, figures), ROOT / "bench" / "RESULTS.md")
    print(json.dumps({name: round(float(figure), 4) for name, figure in figures.items()}))


if __name__ == "__main__":
    main()
