"""MusicGen as an engine: the studio's words in, a take out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import memory
import separation
from checkpoints.reading import check_intact
from composer import extend
from composer.original import Original
from engines.musicgen import brief, found, tunes
from engines.musicgen.tokens import Chance
from engines.musicgen.windows import Asked, decoded, played
from song import findings, regions
from song.audio import SAMPLE_RATE, Audio
from song.errors import CannotMake
from song.heard import Heard
from song.progress import Progress, part, quiet
from song.request import (
    Bars,
    Cover,
    Edit,
    Extend,
    Findings,
    Knobs,
    Making,
    Neural,
    Sampling,
    Song,
    SongRequest,
    Structure,
)
from song.request import Original as Start
from song.source import Source
from song.take import Take

if TYPE_CHECKING:
    from engines.musicgen.model import Model
    from engines.splicing import Joined

GUIDANCE = 3.0  # of a request that leaves it to the model
_CONTEXT = 12.0  # seconds of a song that its continuation hears


@dataclass(frozen=True, eq=False)
class _Job:
    """A request on its way: the model that plays it, the songs of the same job that are made beside it, and the melody
    of the song it starts from, where the model follows one."""

    request: Any
    model: "Model"
    beside: tuple[Any, ...]
    progress: Progress
    tune: tunes.Tune | None = None


class MusicGen:
    """words -> codes, one after the other -> sound."""

    name = "musicgen"
    version = "2"
    modes: tuple[str, ...] = ("generate", "cover", "extend", "edit")
    groups: tuple[type[Knobs], ...] = (
        *(Song, Making, Bars, Structure, Start, Findings, Sampling, Neural),
        *(Cover, Extend, Edit),
    )

    def __init__(self) -> None:
        self._model: Model | None = None
        self._kept: dict[tuple[str, int], np.ndarray] = {}  # codes of songs that were made beside another
        self._tune: tuple[tuple[str, str | None], tunes.Tune] | None = None  # of the song that was followed last

    # -- what it can do -----------------------------------------------------------------------------------------------

    def available(self) -> str | None:
        if not (find_spec("torch") and find_spec("transformers")):
            return "MusicGen needs PyTorch and transformers, which are not installed; install them with: make neural."
        if not found.places():
            return (
                f"MusicGen has no checkpoint here; get one with: {found.GET}, "
                "or let STUDIO_CHECKPOINTS name a folder that holds one."
            )
        return None

    def styles(self) -> dict[str, str]:
        return {}

    def checkpoints(self) -> tuple[str, ...]:
        return tuple(found.places())

    def duration(self, request: SongRequest, original: float = 0.0) -> float:
        brief.chosen(request)
        return brief.duration(request, original)

    # -- making -------------------------------------------------------------------------------------------------------

    def load(self) -> None:
        places = found.places()
        if places:
            self._loaded(*brief.smallest(places), "auto")

    def unload(self) -> None:
        """Give the memory of the checkpoint back."""
        self._model = self._tune = None
        self._kept.clear()
        memory.give_back()

    def _loaded(self, name: str, folder: Path, precision: str) -> "Model":
        """The checkpoint, read if it is not the one in memory."""
        from engines.musicgen import model

        precision = model.best_precision() if precision == "auto" else precision
        if self._model is None or (self._model.name, self._model.precision) != (name, precision):
            self.unload()
            model.make_sure_it_fits(name, folder, precision)
            self._model = model.Model(name, folder, precision)
        return self._model

    def generate(
        self,
        request: SongRequest,
        progress: Progress,
        source: Source | None = None,
        beside: tuple[SongRequest, ...] = (),
        reference: Audio | None = None,
    ) -> Take:
        name, folder = brief.chosen(request)
        check_intact(name, folder, progress)
        progress(0.0, f"Loading {name}")
        model, tune = self._loaded(name, folder, request.precision), None
        if source is not None and model.melody:
            tune = self._followed(source, part(progress, 0.02, 0.3))
            model, progress = self._loaded(name, folder, request.precision), part(progress, 0.3, 1.0)
        job = _Job(request, model, beside, part(progress, 0.02, 1.0), tune)
        if request.mode == "generate":
            take = self._whole(job, brief.worded(request), tunes.guide(request, job.progress))
        else:
            assert source is not None, request.mode
            heard = findings.corrected(source.heard, request)
            take = {"cover": self._cover, "extend": self._extend, "edit": self._edit}[request.mode](job, source, heard)
        versions = {library: version(library) for library in ("torch", "transformers")}
        versions |= {"checkpoint": f"{name} {model.revision}", "precision": model.precision, "device": model.device}
        if tune is not None and tune.separator:
            versions["separator"] = tune.separator
        told = (f"Made with {name}. {found.licence(name)}", model.notice, tune.notice if tune else "")
        return replace(take, notices=(*filter(None, told), *take.notices), versions=versions)

    def _whole(self, job: _Job, words: str, tune: np.ndarray | None, seconds: float = 0.0, **shown: Any) -> Take:
        """A song from the first sample to the last; `tune`, mono at `RATE`, is the melody it follows."""
        seconds = seconds or brief.new_seconds(job.request)
        sound = self._sounded(job, words, seconds, melody=None if tune is None else tunes.melody(job.model, tune))
        whole = np.ascontiguousarray(tunes.at_home(sound, job.model)[:, : round(seconds * SAMPLE_RATE)])
        return self._take(job, Audio(whole), words, duration=seconds, **shown)

    def _cover(self, job: _Job, source: Source, heard: Heard) -> Take:
        words = brief.worded(job.request, heard=heard)
        seconds = job.request.duration or source.audio.duration
        told = {"source": {"id": source.id, "title": source.title, "heard": heard.words()}}
        assert job.tune is not None, "brief.chosen takes a checkpoint that follows a melody"
        return self._whole(job, words, job.tune.samples, seconds, **told)

    def _extend(self, job: _Job, source: Source, heard: Heard) -> Take:
        from engines import splicing  # compiled code: half a second to import, so only where sound is made

        request, known = job.request, Original(heard)
        if request.side == "start":
            raise brief.cannot_begin()
        bar = extend.last_bar(known, extend.levels(source.audio, known, parts=2))
        at = min(known.seconds(bar * known.bar), source.audio.duration)
        words = brief.worded(request, source, heard)
        sound = self._continued(job, source, words, at, request.seconds)[:, : round(request.seconds * SAMPLE_RATE)]
        made = splicing.continued(source.audio, sound, at, known.bpm)
        shown = f"{request.seconds:g} s after {at:.2f} s: {words}"
        return self._onto(job, source, heard, made, shown)

    def _edit(self, job: _Job, source: Source, heard: Heard) -> Take:
        from engines import splicing

        words = brief.worded(job.request, source, heard)
        spans = regions.inside(job.request.regions, source.audio.duration)
        pieces = []
        for place, (start, end) in enumerate(spans):
            within = part(job.progress, place / len(spans), (place + 1) / len(spans))
            sound = self._continued(replace(job, progress=within), source, words, start, end - start, place)
            pieces.append(splicing.Piece(sound, start, end, 0.0, (start, end)))
        made = splicing.patched(source.audio, pieces)
        where = ", ".join(f"{start:g}-{end:g} s" for start, end in spans)
        return self._onto(job, source, heard, made, f"New music in {where}: {words}")

    # -- shared -------------------------------------------------------------------------------------------------------

    def _continued(
        self, job: _Job, source: Source, words: str, at: float, seconds: float, place: int = 0
    ) -> np.ndarray:
        """`seconds` and a little more of new music at the studio's rate, heard as what follows second `at`."""
        codec = job.model.codec
        prompt = None
        before = tunes.excerpt(source.audio, max(0.0, at - _CONTEXT), at, job.model.channels)
        if before.shape[1] >= codec.hop:
            whole = before.shape[1] // codec.hop * codec.hop
            prompt = codec.encode(np.ascontiguousarray(before[:, -whole:]))
        melody = tunes.melody(job.model, job.tune.samples, at) if job.tune else None
        sound = self._sounded(job, words, seconds + 0.1, prompt, melody, place)
        return tunes.at_home(sound[:, 0 if prompt is None else prompt.shape[-1] * codec.hop :], job.model)

    def _followed(self, source: Source, progress: Progress) -> tunes.Tune:
        """The melody of a song; heard once for all that is made of it next. What Demucs needs may take MusicGen's
        place in memory; where even that is not enough, the whole mix is followed."""
        known = source.id, separation.lack()
        if self._tune is None or self._tune[0] != known:
            try:
                found = tunes.heard(source.audio, progress)
            except CannotMake:
                self.unload()
                try:
                    found = tunes.heard(source.audio, progress)
                except CannotMake as lack:
                    found = tunes.whole(source.audio, str(lack))
            self._tune = known, found
        return self._tune[1]

    def _sounded(
        self,
        job: _Job,
        words: str,
        seconds: float,
        prompt: np.ndarray | None = None,
        melody: Callable[[int], np.ndarray] | None = None,
        place: int = 0,
    ) -> np.ndarray:
        """The sound of one song, (channels, samples) at the codec's rate, the prompt's in front. Songs that will be
        asked for next are drawn beside it, where that costs little, and kept."""
        request, model = job.request, job.model
        kept = self._kept.pop((request.model_dump_json(), place), None)
        if kept is not None:
            return decoded(model, kept, job.progress, 0 if prompt is None else prompt.shape[-1])
        if place == 0:
            self._kept.clear()  # of a job that was cut off
        guidance = GUIDANCE if request.guidance_scale is None else request.guidance_scale
        chance = Chance(request.temperature, request.top_k, request.top_p, guidance)
        rate = model.codec.frames_per_second
        songs = (request, *job.beside)
        asked = Asked(
            words=(words,) * len(songs),
            seeds=tuple((song.seed or 0, place) for song in songs),
            frames=int(np.ceil(seconds * rate)),
            chance=chance,
            stride=round(request.stride * rate),
            prompt=prompt,
            melody=melody,
        )
        sound, codes = self._spared(model, asked, job.progress)
        for song, found_codes in zip(job.beside, codes[1:], strict=False):
            before = [] if prompt is None else [prompt]
            self._kept[song.model_dump_json(), place] = np.concatenate([*before, found_codes[None]], axis=-1)
        return sound

    def _spared(self, model: "Model", asked: Asked, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        """`played`; where the memory is too small for all songs at once, the first one alone."""
        try:
            return played(model, asked, progress)
        except (MemoryError, RuntimeError) as error:
            if not memory.ran_out(error):
                raise
        model.step.rest()
        memory.give_back()
        if len(asked.words) > 1:
            alone = replace(asked, words=asked.words[:1], seeds=asked.seeds[:1])
            return self._spared(model, alone, quiet(progress))  # its beginning was heard already
        self.unload()
        raise CannotMake(
            f"There is not enough memory to play this with {model.name} in {model.precision}; "
            "close other programs, or choose a smaller checkpoint."
        )

    def _take(self, job: _Job, audio: Audio, words: str, **shown: Any) -> Take:
        return Take(
            request=job.request,
            engine=self.name,
            engine_version=self.version,
            audio=audio,
            plan={"words": words, "checkpoint": job.model.name, **shown},
        )

    def _onto(self, job: _Job, source: Source, heard: Heard, made: "Joined", words: str) -> Take:
        """A take whose sound is partly that of its source."""
        told = {"id": source.id, "title": source.title, "heard": heard.words()}
        take = self._take(job, made.audio, words, duration=made.audio.duration, bpm=heard.bpm, source=told)
        return replace(take, stems=made.layers(), splice=made.splice, notices=made.notices)
