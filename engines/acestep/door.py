"""ACE-Step as an engine: the studio's words in, a take out."""

from dataclasses import replace
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import checkpoints
import memory
from checkpoints.reading import check_intact
from engines.acestep import adapters, asked, found, making, native, thoughts
from engines.acestep.asked import LONGEST, NotNumbers, Told
from engines.acestep.making import VERSION, Job, guidance
from engines.acestep.planner import Planner
from engines.acestep.thoughts import Thought
from song import findings
from song.audio import Audio
from song.errors import CannotMake, NotEnoughMemory
from song.progress import Progress, part
from song.request import (
    Adapters,
    Bars,
    Cover,
    Diffusion,
    Edit,
    Extend,
    Findings,
    Knobs,
    Likeness,
    Making,
    Metadata,
    Neural,
    Schedule,
    Seam,
    Singing,
    Song,
    SongRequest,
    Timbre,
    Tracks,
    Words,
)
from song.request import Original as Start
from song.request import Planner as Planning
from song.source import Source
from song.take import Take

if TYPE_CHECKING:
    from torch import Tensor

    from engines.acestep.model import Model, Wanted

TILES = (250, 100, 25)  # frames that are decoded at once: 10 s, and less where the memory is too small for that


class AceStep:
    """words, and sound -> latents, step by step out of noise -> sound."""

    name = found.ENGINE
    version = VERSION
    modes: tuple[str, ...] = ("generate", "cover", "extend", "edit")
    groups: tuple[type[Knobs], ...] = (
        *(Song, Making, Singing, Bars, Metadata, Words, Start, Likeness, Timbre, Seam, Findings, Tracks),
        *(Planning, Diffusion, Schedule, Neural, Adapters),
        *(Cover, Extend, Edit),
    )

    def __init__(self) -> None:
        self._model: Model | None = None
        self._planner: Planner | None = None
        self._thoughts: dict[str, Thought] = {}  # of songs that were planned beside another
        self._kept: dict[tuple[str, int], Tensor] = {}  # latents of songs that were made beside another

    # -- what it can do -----------------------------------------------------------------------------------------------

    def available(self) -> str | None:
        if not all(map(find_spec, ("torch", "transformers", "diffusers"))):
            return "ACE-Step needs PyTorch, transformers and diffusers, which are not all installed; run: make neural."
        if not found.places():
            return (
                f"ACE-Step has no checkpoint here; get one with: {found.GET}, "
                "or let STUDIO_CHECKPOINTS name a folder that holds one."
            )
        return None

    def styles(self) -> dict[str, str]:
        return {}

    def checkpoints(self) -> tuple[str, ...]:
        return tuple(found.places())

    def duration(self, request: SongRequest, original: float = 0.0) -> float:
        _, folder = found.chosen(request)
        asked.check_numbers(request)
        _loras(request, folder)
        asked.told(request)
        return asked.longest() if thoughts.decides_length(request) else asked.seconds(request, original)

    # -- making -------------------------------------------------------------------------------------------------------

    def load(self) -> None:
        places = {one: folder for one, folder in found.places().items() if checkpoints.layout(folder) == "diffusers"}
        if places:
            name = min(places, key=lambda one: found.KINDS.index(found.kind(one, places[one])))
            self._loaded(name, places[name], "auto", asked.USUAL, 1)

    def unload(self) -> None:
        """Give the memory of the checkpoint and of the planner back."""
        if self._planner is not None:
            self._planner.unload()
        self._planner = None
        self._thoughts.clear()
        self._drop()

    def _drop(self) -> None:
        """Give the memory of the checkpoint back."""
        self._model = None
        self._kept.clear()
        memory.give_back()

    def _loaded(self, name: str, folder: Path, precision: str, seconds: float, rows: int) -> "Model":
        """The checkpoint, read if it is not the one in memory. Raises NotEnoughMemory where the song does not fit."""
        from engines.acestep import model

        precision = model.precision(precision)
        there = self._model is not None and (self._model.name, self._model.precision) == (name, precision)
        if not there:
            self._drop()
        try:
            model.require(name, folder, precision, seconds, rows, loaded=there)
        except NotEnoughMemory:
            if self._planner is None or not self._planner.loaded:
                raise
            self._planner.unload()  # it has thought
            model.require(name, folder, precision, seconds, rows, loaded=there)
        if self._model is None:
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
        asked.check_numbers(request)
        name, folder = found.chosen(request)
        defaults = found.use(name, folder).defaults
        seconds = asked.seconds(request, source.audio.duration if source else 0.0)
        check_intact(name, folder, progress)
        folder = native.readable(name, folder, progress)
        loras = _loras(request, folder)
        planning = 0.3 if request.mode == "generate" and request.thinking else 0.0  # of the work, about
        thought = self._thought(request, seconds, name, folder, part(progress, 0.0, planning), beside)
        seconds = thought.seconds if thought else seconds
        progress(planning, f"Loading {name}")
        guided = guidance(request, defaults) > 1
        model = self._loaded(name, folder, request.precision, min(seconds, LONGEST), 2 if guided else 1)
        model.adapters.use(loras)
        others = () if thought and thought.shown else beside  # a plan is one song's
        job = Job(request, model, defaults, others, part(progress, planning + 0.02, 1.0), self._sounded)
        if request.reference:
            assert reference is not None
            job = replace(job, reference=making.at_home(reference))
        if request.mode == "generate":
            assert thought is not None
            take = self._from_words(job, thought)
        else:
            assert source is not None, request.mode
            heard = findings.corrected(source.heard, request)
            modes = {"cover": making.cover, "extend": making.extended, "edit": making.edited}
            take = modes[request.mode](job, source, heard)
        versions = _libraries() | (thought.versions if thought else {})
        versions |= {"checkpoint": f"{name} {model.revision}", "precision": model.precision, "device": model.device}
        versions |= {f"lora {one.lora.name}": one.version for one in loras}
        told = (f"Made with {name}. {found.licence(name)}", *(one.notice for one in loras))
        told += (*asked.notices(request), *_unused(request, model))
        told += asked.untrained(model.turbo, *making.schedule(request, defaults))
        return replace(take, notices=(*told, *take.notices), versions=versions)

    # -- thinking -----------------------------------------------------------------------------------------------------

    def _thought(
        self,
        request: Any,
        seconds: float,
        name: str,
        folder: Path,
        progress: Progress,
        beside: tuple[SongRequest, ...] = (),
    ) -> Thought | None:
        """A song from words, thought over before anything else is loaded; None where there is an original to go by. On
        a GPU those `beside` it are planned along with it; on a CPU a song is the same, bit for bit, however it is asked
        for, so they are planned one by one. Raises CannotMake, NotEnoughMemory and Cancelled."""
        if request.mode != "generate":
            return None
        if known := self._thoughts.pop(request.model_dump_json(), None):
            return known
        self._thoughts.clear()  # of a job that was cut off
        told = asked.told(request)
        if not request.thinking:
            return thoughts.unplanned(request, told, seconds)
        lasting = None if thoughts.decides_length(request) else seconds
        wanted = thoughts.question(request, told, lasting, sound="cover" in found.use(name, folder).tasks)
        where = thoughts.chosen(request)
        if where is None:
            return thoughts.composed(request, wanted, told, seconds)
        progress(0.0, f"Loading {where.name}")
        planner = self._thinker(where, request.precision)
        others = beside if planner.device == "cuda" else ()
        seeds = tuple(one.seed or 0 for one in others)
        try:
            mine, *more = thoughts.planned(planner, wanted, told, progress, seeds)
        except NotEnoughMemory:
            if self._model is None:
                raise
            self._drop()  # it can be loaded again
            mine, *more = thoughts.planned(planner, wanted, told, progress, seeds)
        self._thoughts = {one.model_dump_json(): its for one, its in zip(others, more, strict=False)}
        return mine

    def _thinker(self, folder: Path, precision: str) -> Planner:
        """The planner of a folder, the one that is in memory if it is that."""
        from engines.acestep import model

        precision = model.precision(precision)
        known = self._planner
        if known is None or (known.folder, known.precision) != (folder, precision):
            if known is not None:
                known.unload()
            self._planner = known = Planner(folder, model.device(), precision)
        return known

    def _from_words(self, job: Job, thought: Thought) -> Take:
        """A song from words, along its plan."""
        told, said, seconds = thought.told, asked.told(job.request), thought.seconds
        notices = thought.notices
        if told.caption != said.caption and job.model.too_long(making.wanted(job, told, seconds)):
            told = replace(told, caption=said.caption)
            notices = (*notices, "The planner's caption was longer than the model reads, so it was told yours.")
        words = {} if told == said else {"words": _planned(told)}
        take = making.whole(job, told, seconds, words | thought.shown, codes=thought.codes)
        return replace(take, notices=(*take.notices, *notices))

    # -- sound and memory ----------------------------------------------------------------------------------------------

    def _sounded(self, job: Job, wanted: "Wanted", place: int) -> np.ndarray:
        """The sound of one song, (2, samples). Songs that will be asked for next are made beside it, and kept."""
        kept = self._kept.pop((job.request.model_dump_json(), place), None)
        if kept is None:
            if place == 0:
                self._kept.clear()  # of a job that was cut off
            made = self._spared(job.model, wanted, part(job.progress, 0.0, 0.9))
            for song, latents in zip(job.beside, made[1:], strict=False):
                self._kept[song.model_dump_json(), place] = latents[None]
            kept = made[:1]
        return self._decoded(job.model, kept, part(job.progress, 0.9, 1.0))

    def _spared(self, model: "Model", wanted: "Wanted", progress: Progress) -> "Tensor":
        """The latents of all songs; where the memory is too small for that, of the first alone, then with only the part
        that computes in the GPU's memory. Raises CannotMake."""
        try:
            if len(wanted.seeds) > 1:
                model.require(wanted.seconds, wanted.rows)
            return model.latents(wanted, progress)
        except NotEnoughMemory:
            pass  # one alone was found to fit
        except NotNumbers:
            raise _no_numbers(model) from None
        except (MemoryError, RuntimeError) as error:
            if not memory.ran_out(error):
                raise
        memory.give_back()
        if len(wanted.seeds) > 1:
            return self._spared(model, replace(wanted, seeds=wanted.seeds[:1]), progress)
        if model.can_offload:
            model.offload()
            return self._spared(model, wanted, progress)
        raise self._too_small(model)

    def _decoded(self, model: "Model", latents: "Tensor", progress: Progress) -> np.ndarray:
        """The sound of latents; in smaller and smaller pieces where the memory is too small."""
        for tile in TILES:
            try:
                return model.sound(latents, progress, tile)
            except NotNumbers:
                raise _no_numbers(model) from None
            except (MemoryError, RuntimeError) as error:
                if not memory.ran_out(error):
                    raise
            memory.give_back()
        raise self._too_small(model)

    def _too_small(self, model: "Model") -> CannotMake:
        self.unload()
        return CannotMake(
            f"There is not enough memory to play this with {model.name} in {model.precision}; "
            "close other programs, ask for fewer seconds, or choose a smaller checkpoint."
        )


# --- words ------------------------------------------------------------------------------------------------------------


@cache
def _libraries() -> dict[str, str]:
    """Their versions, which are read from files."""
    return {library: version(library) for library in ("torch", "transformers", "diffusers")}


def _loras(request: Any, folder: Path) -> tuple[adapters.Used, ...]:
    """The LoRAs that are asked for. Raises BadRequest where one is not here, or made for a model of another size."""
    wanted = adapters.wanted(request.loras)
    if wanted:
        adapters.check_width(wanted, found.width(folder))
    return wanted


def _unused(request: Any, model: "Model") -> tuple[str, ...]:
    """What was turned but means nothing to this checkpoint, and why it is slower than it could be."""
    slower = (model.notice,) if model.notice else ()
    if getattr(request, "repaint_strength", 1) < 1 and getattr(request, "task", "repaint") != "repaint":
        slower = (*slower, f"repaint_strength is for a region made anew; {request.task} does not use it.")
    interval = (request.cfg_interval_start, request.cfg_interval_end) != (0, 1)
    if model.turbo and (interval or request.use_adg or (request.guidance_scale or 1) > 1):
        told = f"{model.name} has its guidance built in, so guidance_scale, use_adg and the CFG interval are not used."
        return told, *slower
    return slower


def _planned(told: Told) -> str:
    """A plan in one line, as it is shown."""
    shown = told.shown()
    facts = [
        shown.get("bpm") and f"{shown['bpm']} bpm",
        shown.get("key"),
        shown.get("meter"),
        shown.get("vocal_language"),
    ]
    known = ", ".join(str(one) for one in facts if one and one != asked.UNKNOWN)
    return f"{known}: {told.caption}" if known else told.caption


def _no_numbers(model: "Model") -> CannotMake:
    finer = "choose precision fp32, or " if model.precision != "fp32" else ""
    return CannotMake(
        f"{model.name} computed something that is no number, so there is no sound; {finer}"
        "lower guidance_scale, or take another seed."
    )
