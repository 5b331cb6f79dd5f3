"""The modes of ACE-Step: a request and its song become what the model is asked for, and its sound becomes a take."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from composer import extend
from composer.original import Original
from engines.acestep import asked, found
from engines.acestep.asked import LONGEST, Told
from song.audio import SAMPLE_RATE, Audio
from song.heard import Heard
from song.lyrics import Lyrics
from song.progress import Progress, part
from song.source import Source
from song.take import Take

if TYPE_CHECKING:
    from engines.acestep.model import Model, Wanted
    from engines.splicing import Joined

VERSION = "2"  # of the engine
Spans = tuple[tuple[float, float], ...]


@dataclass(frozen=True, eq=False)
class Job:
    """A request on its way: the model that plays it, the songs of the same job that are made beside it, and `play`,
    which gives the sound of one song, (2, samples); the last argument counts the songs of a request that needs more.
    `reference` is the sound of a song that the new one should sound like, (2, samples) at 48 kHz."""

    request: Any
    model: "Model"
    defaults: dict[str, float]
    beside: tuple[Any, ...]
    progress: Progress
    play: Callable[["Job", "Wanted", int], np.ndarray]
    reference: np.ndarray | None = None


def guidance(request: Any, defaults: dict[str, float]) -> float:
    said = request.guidance_scale
    return float(defaults["guidance_scale"] if said is None else said)


def schedule(request: Any, defaults: dict[str, float]) -> tuple[int, float]:
    """Steps, and how far they are shifted towards noise."""
    steps, shift = request.inference_steps, request.shift
    return int(defaults["inference_steps"]) if steps is None else steps, defaults["shift"] if shift is None else shift


# --- the modes --------------------------------------------------------------------------------------------------------


def whole(job: Job, told: Told, seconds: float, shown: dict[str, Any] | None = None, **said: Any) -> Take:
    """A song from the first sample to the last."""
    sound = job.play(job, wanted(job, told, seconds, **said), 0)
    whole = np.ascontiguousarray(sound[:, : _frames(seconds)])
    return _take(job, Audio(whole), told, **(shown or {}))


def cover(job: Job, source: Source, heard: Heard) -> Take:
    request, told = job.request, asked.told(job.request, source, heard)
    seconds = min(request.duration or source.audio.duration, source.audio.duration)
    return whole(
        job,
        told,
        seconds,
        {"source": _shown(source, heard)},
        source=np.ascontiguousarray(at_home(source.audio)[:, : _frames(seconds)]),
        strength=request.strength,
    )


def extended(job: Job, source: Source, heard: Heard) -> Take:
    """Silence beside the song, painted over."""
    from engines import splicing  # compiled code: half a second to import, so only where sound is made

    request, known, told = job.request, Original(heard), asked.told(job.request, source, heard)
    old = at_home(source.audio)
    if request.side == "end":
        bar = extend.last_bar(known, extend.levels(source.audio, known, parts=2))
        at = min(known.seconds(bar * known.bar), source.audio.duration)
        before = old[:, : _frames(at)][:, -_frames(LONGEST - request.seconds) :]
        start = before.shape[1]
        padded = np.pad(before, ((0, 0), (0, _frames(request.seconds))))
        sound = _anew(job, told, padded, (start / SAMPLE_RATE, padded.shape[1] / SAMPLE_RATE))
        made = splicing.continued(source.audio, sound[:, start:], at, known.bpm)
        return _onto(job, source, heard, made, told, f"{request.seconds:g} s after {at:.2f} s")
    bars = max(1, round(request.seconds * known.bpm / 60 / known.bar))
    length, at = bars * known.bar * 60 / known.bpm, known.start
    after = old[:, _frames(at) :][:, : _frames(LONGEST - length)]
    sound = _anew(job, told, np.pad(after, ((0, 0), (_frames(length), 0))), (0.0, length))
    made = splicing.begun(source.audio, sound[:, : _frames(length)], length, at, known.bpm)
    return _onto(job, source, heard, made, told, f"{bars} bars before the start")


def edited(job: Job, source: Source, heard: Heard) -> Take:
    told = asked.told(job.request, source, heard)
    spans = asked.spans(job.request, source.audio.duration)
    ways = {"repaint": _repainted, "add": _added, "extract": _extracted, "complete": _completed}
    return ways[job.request.task](job, source, heard, told, spans)


def _repainted(job: Job, source: Source, heard: Heard, told: Told, spans: Spans) -> Take:
    """New music in some regions, each painted into the song as it was."""
    from engines import splicing

    pieces = []
    for (start, end), first, sound in _windows(job, source, told, spans):
        pieces.append(splicing.Piece(sound, start, end, start - first, (start, end)))
    made = splicing.patched(source.audio, pieces)
    return _onto(job, source, heard, made, told, f"New music in {_written(spans)}")


def _added(job: Job, source: Source, heard: Heard, told: Told, spans: Spans) -> Take:
    """A track on top of the song. The model plays it alone, at the level it has in the song."""
    from dsp.splice import resampled
    from engines import splicing

    rate, mixed = source.audio.sample_rate, source.audio.samples.copy()
    for (start, end), first, sound in _windows(job, source, told, spans):
        track = resampled(np.ascontiguousarray(sound[:, _frames(start - first) :]), SAMPLE_RATE, rate)
        there = mixed[:, round(start * rate) : round(end * rate)]  # a view
        there[:, : track.shape[1]] += track[:, : there.shape[1]]
        there[:] = _below(there, rate)
    made = splicing.rewritten(source.audio, Audio(mixed, rate), spans, 60 / heard.bpm)
    take = _onto(job, source, heard, made, told, f"{job.request.track} added in {_written(spans)}")
    added = Audio(made.audio.samples - source.audio.samples, rate)
    return replace(take, stems={"original": source.audio, str(job.request.track): added})


def _extracted(job: Job, source: Source, heard: Heard, told: Told, spans: Spans) -> Take:
    """One track of the song, alone."""
    ((_, _, sound),) = _windows(job, source, told, spans)
    return _apart(job, source, heard, told, sound, f"{job.request.track} taken out")


def _completed(job: Job, source: Source, heard: Heard, told: Told, spans: Spans) -> Take:
    """The song with more tracks: the model plays all of it anew, so it is brought to the song's loudness."""
    import post_process

    ((_, _, sound),) = _windows(job, source, told, spans)
    finished = post_process.finish(Audio(sound), target_lufs=min(-8.0, max(-30.0, heard.lufs)))
    what = job.request.track or "what it lacked"
    return _apart(job, source, heard, told, finished.audio.samples, f"Completed with {what}")


# --- what they share --------------------------------------------------------------------------------------------------


def _windows(
    job: Job, source: Source, told: Told, spans: Spans
) -> Iterator[tuple[tuple[float, float], float, np.ndarray]]:
    """For each region: itself, the song with it made anew, and the second of the song that this begins with. All of
    a song is heard that the model can hear at once."""
    old, length = at_home(source.audio), source.audio.duration
    for place, (start, end) in enumerate(spans):
        within = part(job.progress, place / len(spans), (place + 1) / len(spans))
        first = min(max(0.0, (start + end - LONGEST) / 2), max(0.0, length - LONGEST))
        heard = np.ascontiguousarray(old[:, _frames(first) :][:, : _frames(LONGEST)])
        region = (start - first, end - first)
        yield (start, end), first, _anew(replace(job, progress=within), told, heard, region, place)


def _anew(job: Job, told: Told, heard: np.ndarray, region: tuple[float, float], place: int = 0) -> np.ndarray:
    """What is heard, with a region of it made anew: (2, samples), as long as it was."""
    track = getattr(job.request, "track", None)
    seconds = heard.shape[1] / SAMPLE_RATE
    free = job.request.repaint_strength
    asked_for = wanted(job, told, seconds, source=heard, region=region, track=track, free=free)
    return np.ascontiguousarray(job.play(job, asked_for, place)[:, : heard.shape[1]])


def wanted(job: Job, told: Told, seconds: float, **said: Any) -> "Wanted":
    from engines.acestep.model import Wanted

    request, defaults = job.request, job.defaults
    steps, shift = schedule(request, defaults)
    return Wanted(
        task=found.wanted(request),
        told=told,
        seeds=(request.seed or 0, *(song.seed or 0 for song in job.beside)),
        seconds=seconds,
        steps=steps,
        guidance=1.0 if job.model.turbo else guidance(request, defaults),
        shift=shift,
        interval=(request.cfg_interval_start, request.cfg_interval_end),
        method=request.infer_method,
        adg=request.use_adg and not job.model.turbo,
        reference=job.reference,
        **said,
    )


def _take(job: Job, audio: Audio, told: Told, **shown: Any) -> Take:
    plan = told.shown() | {"checkpoint": job.model.name, "duration": audio.duration} | shown
    return Take(
        request=job.request,
        engine=found.ENGINE,
        engine_version=VERSION,
        audio=audio,
        plan=plan,
        lyrics=Lyrics.parse(told.lyrics) if told.sung else None,
    )


def _apart(job: Job, source: Source, heard: Heard, told: Told, sound: np.ndarray, what: str) -> Take:
    """A take that was made from all of its source and holds none of it."""
    shown = {"words": _said(what, told), "bpm": heard.bpm, "source": _shown(source, heard)}
    return _take(job, Audio(_below(sound, SAMPLE_RATE)), told, **shown)


def _onto(job: Job, source: Source, heard: Heard, made: "Joined", told: Told, what: str) -> Take:
    """A take whose sound is partly that of its source."""
    shown = {"words": _said(what, told), "bpm": heard.bpm, "source": _shown(source, heard)}
    take = _take(job, made.audio, told, **shown)
    return replace(take, stems=made.layers(), splice=made.splice, notices=made.notices)


def _shown(source: Source, heard: Heard) -> dict[str, Any]:
    return {"id": source.id, "title": source.title, "heard": heard.words()}


def _said(what: str, told: Told) -> str:
    return f"{what}: {told.caption}" if told.caption else what


def _written(spans: Spans) -> str:
    return ", ".join(f"{start:g}-{end:g} s" for start, end in spans)


def _frames(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def at_home(audio: Audio) -> np.ndarray:
    """A song as the model hears it: float32 (2, samples) at 48 kHz."""
    from dsp.splice import resampled  # compiled code

    return np.ascontiguousarray(resampled(audio.samples, audio.sample_rate, SAMPLE_RATE))


def _below(sound: np.ndarray, rate: int) -> np.ndarray:
    """Sound under the ceiling; as it is where it keeps to that."""
    import dsp  # compiled code
    from engines.splicing import CEILING

    sound = np.ascontiguousarray(sound)
    return dsp.limit(sound, rate, CEILING) if dsp.true_peak(sound, rate) > CEILING else sound
