"""Studio: the one lazily built object. request -> engine -> finish -> keep.

The tasks are what the lane carries out, in a worker process or inline; they touch no database.
"""

import functools
import json
import logging
import platform
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import checkpoints
import compare
import daw
import durable
import loras
import lyrics
import post_process
import preview
import separation
from composer import midi, sheet
from composer.loop import chosen, seam_db
from composer.plan import Plan
from engines import ENGINES, NEURAL, Engine
from engines.base import read_with, unread
from engines.composer import Composer
from jobs import Lane
from library import FILES, Library, new_id
from settings import VERSION, Settings, settings
from song import captions
from song.audio import Audio
from song.errors import BadRequest, Cancelled, CannotMake, DiskFull, EngineMissing, NotFound, StudioError
from song.files import LOOPS, SESSIONS, SOUNDS, TIMED
from song.heard import Heard
from song.job import Job
from song.lyrics import Lyrics
from song.master import PLAIN, Master, check
from song.names import one_line
from song.progress import Aloud, Progress, part, silent
from song.request import SEED_LIMIT, Edit, Extend, Knobs, SongRequest, has_source, originals, read
from song.score import Score
from song.source import Origin, Source
from song.take import Kept, Recipe, Take
from song.writing import WriteLyrics, read_brief
from worker import InWorker, Runner, serve
from writing import chat
from zerogpu import WRITE, Messages, OnGpu, messages, on_gpu

BYTES_PER_SECOND = 48_000 * 2 * 3  # of the kept WAV
WORDS = "words.txt"  # where lyrics grow while a language model writes them
GLANCE = 0.25  # seconds between two looks at what a task is at
LARGEST = 96_000 * 2 * 4  # bytes that a second of a master takes at most
WORKER = "import backend; backend.work({handle})"
MARKS = {"cover": "(cover)", "extend": "(extended)", "edit": "(edited)"}  # what a title says of a song made of another
_RIGHTS = "Stems are under what the song itself is under; its recipe says which models and instruments made it."
LIBRARIES = ("numpy", "scipy", "numba", "soundfile")

log = logging.getLogger("studio")


@functools.cache
def engines() -> dict[str, Engine]:
    """The engines of this process by name, best first. Made, not loaded."""
    return {engine.name: engine for engine in (kind() for kind in ENGINES)}


def engine_for(request: SongRequest) -> Engine:
    """The engine a request asks for. Raises BadRequest for an unknown one, EngineMissing for one that is not ready."""
    return engine_named(request.engine)


def engine_named(name: str) -> Engine:
    """An engine by its name, or the one that "auto" means. Raises BadRequest, EngineMissing."""
    name = settings().engine if name == "auto" else name
    if name == "auto":
        return next(engine for engine in engines().values() if engine.available() is None)
    if name not in engines():
        raise BadRequest("engine", f"there is none of this name; use auto, {', '.join(engines())}")
    if lack := engines()[name].available():
        raise EngineMissing(lack)
    return engines()[name]


# -- the tasks ----------------------------------------------------------------------------------------------------


def make(arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """Make one take and leave its files in `folder`, fsynced. `arguments`: id, request, for modes that start from a
    song its `Origin` as source, and the job's later variations as beside. Answers the recipe."""
    started = time.perf_counter()
    request = read(arguments["request"])
    beside = tuple(read(one) for one in arguments.get("beside", ()))
    source = _source(arguments, part(progress, 0.0, 0.1))
    with preview.growing(folder / preview.NAME) as hear:
        aloud = Aloud(part(progress, 0.1 if source else 0.0, 0.95), hear)
        take, finished = _perform(request, source, aloud, beside)
    progress(0.95, "Writing")
    take = _with_midi(take, folder / FILES["midi"])
    recipe = _recipe(arguments["id"], take, finished, source, time.perf_counter() - started)
    if recipe.lyrics is not None and (timed := captions.lrc(recipe.lyrics)):
        durable.write_text(folder / FILES["lrc"], timed)
    if take.sheet:
        durable.write_text(folder / FILES["sheet"], json.dumps(take.sheet))
    post_process.write_wav(folder / FILES["audio"], finished.audio, recipe)
    durable.write_text(folder / FILES["recipe"], recipe.model_dump_json(indent=2))
    progress(1.0, "Keeping")
    return recipe.model_dump(mode="json")


@on_gpu
def make_on_gpu(arguments: dict[str, Any], folder: str) -> Messages:
    """`make`, or `write`, where a GPU may have to be borrowed: plain data in, and message by message out."""
    task = write if arguments.get("task") == WRITE else make
    yield from messages(lambda progress: task(arguments, Path(folder), progress))


def write(arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """Let a language model write lyrics; its words grow in `folder` under WORDS, line by line. `arguments`: request
    with its seed, and to write a part anew: words, section, line. Answers the `Written`, its lyrics under words."""
    request, part = read_brief(arguments["request"]), None
    if "words" in arguments:
        part = lyrics.Part(Lyrics.parse(arguments["words"]), arguments["section"], arguments["line"])
    if not chat.kept():  # an engine and a writer may not fit side by side
        for engine in NEURAL:
            engines()[engine.name].unload()
    with (folder / WORDS).open("a", encoding="utf-8") as file:

        def hear(more: str) -> None:
            file.write(more)
            file.flush()

        written = lyrics.model(request, part, request.seed or 0, hear, progress)
    return written.summary() | {"words": str(written.lyrics)}


def stems(arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """Make a kept take again and write its stems. `arguments`: recipe, source. Raises CannotMake if it comes out
    different."""
    recipe = Recipe.model_validate(arguments["recipe"])
    take, finished = _perform(recipe.request, _source(arguments, silent), progress)
    if post_process.samples_sha256(finished.audio) != recipe.samples_sha256:
        raise CannotMake(
            "This take was made by another version of the studio or on another machine, so its stems would differ; "
            "press Again to make the song anew, then take the stems of that."
        )
    made = {
        "by": f"Made by {take.engine}, which played them one by one.",
        "sum": "the song before mastering" if take.mix else "the song",
        "licence": _RIGHTS,
    }
    post_process.write_stems_zip(folder / FILES["stems"], take.stems, recipe.title, take.mix or take.audio, made)
    return {}


def separate(arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """Take a song apart and write its stems into `folder`. `arguments`: its `Origin` as source, the model's name and
    place, the file's name."""
    origin, name, place = Origin.model_validate(arguments["source"]), arguments["model"], Path(arguments["place"])
    audio = post_process.read(origin.path)
    parts = separation.separator().separate(audio, name, place, part(progress, 0.0, 0.95))
    progress(0.95, "Writing")
    revision = str(checkpoints.manifest(place).get("revision", ""))
    of = f" at {revision[:12]}" if revision else ""
    made = {
        "by": f"Taken apart by Demucs {version('demucs')} with {name}{of}; what it got wrong is in the residual.",
        "sum": "the song",
        "licence": separation.licence(name),
        "model": name,
        "revision": revision,
    }
    post_process.write_stems_zip(folder / arguments["file"], parts, origin.title, audio, made)
    return {}


def listen(arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """What is heard in a song. `arguments`: its `Origin` as source. Answers the `Heard`."""
    source = _source(arguments, progress)
    assert source is not None
    return source.heard.model_dump(mode="json")


def _source(arguments: dict[str, Any], progress: Progress) -> Source | None:
    """The song to start from, with its sound. One that nobody listened to yet is listened to now, once and for all."""
    if not arguments.get("source"):
        return None
    origin = Origin.model_validate(arguments["source"])
    sheet = json.loads(origin.sheet.read_text(encoding="utf-8")) if origin.sheet else {}
    audio = post_process.read(origin.path)
    if "heard" in sheet:
        heard = Heard.model_validate(sheet["heard"])
    elif origin.heard.is_file():
        heard = Heard.model_validate_json(origin.heard.read_text(encoding="utf-8"))
    else:
        import analysis  # compiled code, and only where sound is listened to

        heard = analysis.listen(audio, part(progress, 0.0, 1.0))
        durable.write_text(origin.heard, heard.model_dump_json())
    if origin.recipe:
        heard = heard.model_copy(update={"lufs": origin.recipe.facts.lufs})
    other = Origin.model_validate(arguments["reference"]) if arguments.get("reference") else None
    reference = post_process.read(other.path) if other else None
    return Source(origin.id, origin.title, audio, heard, origin.recipe, sheet, origin.notices, reference)


def _perform(
    request: SongRequest, source: Source | None, progress: Progress, beside: tuple[SongRequest, ...] = ()
) -> tuple[Take, post_process.Finished]:
    """Play the song and bring it to its loudness; what holds another song's sound is final as it is."""
    engine = engine_for(request)
    if isinstance(engine, NEURAL):
        chat.unload()
    take = engine.generate(request, part(progress, 0.0, 0.85), source, beside)
    if idle := unread(engine, request):
        said = ", ".join(name.replace("_", " ") for name in idle)
        take = replace(take, notices=(*take.notices, f"{engine.name} does not use: {said}."))
    if isinstance(request, Extend | Edit):
        return take, post_process.measured(take.audio)
    return take, post_process.finish(
        take.audio,
        target_lufs=request.target_lufs,
        ceiling_dbtp=request.ceiling_dbtp,
        fade_in=request.fade_in,
        fade_out=request.fade_out,
        progress=part(progress, 0.85, 1.0),
    )


def _with_midi(take: Take, path: Path) -> Take:
    """Write the score beside the song. The song is finished, so a fault in its score costs a notice, not the song."""
    try:
        if take.score is not None:
            with durable.atomic(path) as beside:
                midi.write(take.score, beside)
    except StudioError:
        raise
    except Exception:  # whatever it is, the song matters more
        log.exception("no MIDI file")
        return replace(take, notices=(*take.notices, "The MIDI file could not be written; the song itself is whole."))
    return take


def loop(arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """Write bars of a take as a loop into `folder`, where it is not there yet. `arguments`: recipe, sheet (a path), bar
    (counted from 1), bars, times. Answers the file's name, its bars, and its seam, see composer.loop.seam_db."""
    recipe, times = Recipe.model_validate(arguments["recipe"]), arguments["times"]
    written = json.loads(Path(arguments["sheet"]).read_text(encoding="utf-8")) if arguments["sheet"] else {}
    known, composer = _scored(arguments["sheet"])
    span = chosen(known[0], arguments["bar"], arguments["bars"])
    path = folder / f"loop-{span.first + 1}-{span.count}-x{times}.wav"
    if not path.is_file():
        lufs = written.get("mastering", {}).get("target_lufs", post_process.TARGET_LUFS)
        once = composer.looped(*known, span, lufs, progress)
        played = Audio(np.tile(once.samples, times), once.sample_rate)
        post_process.write_loop(path, played, recipe, known[0].bpm, known[0].meter, span.count * times)
    heard = post_process.read(path)
    seam = seam_db(Audio(heard.samples[:, : heard.frames // times], heard.sample_rate))
    return {"name": path.name, "bar": span.first + 1, "bars": span.count, "times": times, "seam_db": seam}


def compared(arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """What differs between two songs. `arguments`: their `Origin`s as a and b."""
    a, b = (Origin.model_validate(arguments[side]) for side in ("a", "b"))
    both = compare.recipes(a.recipe, b.recipe) if a.recipe and b.recipe else None
    return {"recipes": both, "sound": compare.sounds(post_process.read(a.path), post_process.read(b.path))}


def gamepack(arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """Bars of a take as a game pack in `folder`. `arguments`: recipe, sheet (a path), bar (counted from 1), bars.
    Answers the file's name and the cue sheet. Raises BadRequest, CannotMake."""
    recipe = Recipe.model_validate(arguments["recipe"])
    known, composer = _scored(arguments["sheet"])
    span = chosen(known[0], arguments["bar"], arguments["bars"])
    path = folder / f"gamepack-{span.first + 1}-{span.count}.zip"
    if not path.is_file():
        made, cues = composer.packed(*known, span, part(progress, 0.0, 0.95))
        progress(0.95, "Writing")
        post_process.write_pack(path, made.layers, made.passages, {"title": recipe.title, **cues}, recipe)
    return {"name": path.name, **post_process.pack_cues(path)}


def _scored(written: str | None) -> tuple[tuple[Plan, Score], Composer]:
    """Plan and score of a take by its sheet, and who can play them. Raises CannotMake."""
    known = sheet.read(json.loads(Path(written).read_text(encoding="utf-8")) if written else {})
    composer = engine_named("composer")
    if known is None or not isinstance(composer, Composer):
        raise CannotMake("No score of this song is known, so it cannot be looped; take one that the composer made.")
    return known, composer


TASKS = {
    "make": make,
    "stems": stems,
    "separate": separate,
    "loop": loop,
    "gamepack": gamepack,
    "listen": listen,
    "compare": compared,
    WRITE: write,
}


def work(handle: int) -> None:
    """The worker process: holds the engines and carries out tasks until the studio is gone."""
    serve(handle, TASKS, warm, rest)


def rest() -> None:
    """Let engines and writers give back what they hold; what needs it next loads it again."""
    for engine in engines().values():
        engine.unload()
    chat.unload()
    separation.separator().unload()


def warm() -> None:
    """Load the engine that "auto" means, so that the first song does not wait."""
    try:
        engine_named("auto").load()
    except StudioError as error:  # a song that asks for it will say so
        log.warning("not warm: %s", error)


# -- the studio ---------------------------------------------------------------------------------------------------


class Studio:
    """What every door talks to: page, scripts and command line. Raises CannotOpen if the library cannot be used."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.library = Library(settings)
        on_gpu = tuple(engine.name for engine in NEURAL)
        inline = OnGpu(TASKS, rest, make_on_gpu, on_gpu)
        runner: Runner = InWorker(WORKER) if settings.lane == "process" else inline
        self.lane = Lane(self.library, runner)

    @property
    def engines(self) -> dict[str, Engine]:
        return engines()

    def reads(self, engine: str) -> tuple[type[Knobs], ...]:
        """Groups of knobs that mean something to an engine. Raises BadRequest for an unknown one, EngineMissing."""
        return read_with(engine_named(engine))

    def start(self, only: str | None = None) -> None:
        """Own the lane, if nobody else does, and begin to work; on this one job alone where the command line asks."""
        self.lane.start(only)
        if only is None and self.settings.lane == "inline":  # a worker process warms itself
            threading.Thread(target=warm, name="warm", daemon=True).start()

    def close(self) -> None:
        """Stop working; an unfinished job waits for the next start."""
        self.lane.stop()
        self.library.close()

    def submit(self, request: SongRequest) -> Job:
        """Write the job down and let the lane have it. Raises BadRequest, EngineMissing or DiskFull."""
        engine = engine_for(request)
        if request.mode not in engine.modes:
            raise BadRequest("mode", f"{engine.name} cannot do this; it can {', '.join(engine.modes)}")
        seed = secrets.randbelow(SEED_LIMIT) if request.seed is None else request.seed
        request = request.model_copy(update={"engine": engine.name, "seed": seed})
        named = {what: self._origin(what, id) for what, id in originals(request).items()}
        duration = engine.duration(request, named["source"].duration if has_source(request) else 0.0)
        self._check_room(duration, request.variations)
        job = self.library.enqueue(request)
        self.lane.remember(job.id)
        self.lane.wake()
        return job

    # -- songs to start from ------------------------------------------------------------------------------------------

    def add_source(self, path: Path, title: str = "") -> Origin:
        """Let a song in from outside: decode it, keep it. Raises BadRequest for what is no song, DiskFull."""
        import decode

        self._check_room(0.0, 1)
        decoded = decode.decode(path, self.settings.temp)
        try:
            return self.library.keep_source(decoded.path, _upload_title(title or Path(path).stem), decoded.notices)
        finally:
            decoded.path.unlink(missing_ok=True)

    def source(self, id: str) -> Origin:
        """A take or an upload, as something to start from. Raises NotFound."""
        return self.library.origin(id)

    def listen(self, id: str) -> Heard:
        """What is heard in a take or an upload; at once where somebody listened before. Raises NotFound."""
        arguments = {"source": self.source(id).model_dump(mode="json")}
        return Heard.model_validate(self._errand("listen", arguments, self.settings.temp))

    def compare(self, a: str, b: str) -> dict[str, Any]:
        """What differs between two takes or uploads, see the room of this name: `recipes`, None where one has none, and
        `sound`. Raises NotFound."""
        sides = {name: self.source(id).model_dump(mode="json") for name, id in (("a", a), ("b", b))}
        return self._errand("compare", sides, self.settings.temp)

    # -- lyrics -------------------------------------------------------------------------------------------------------

    def write(self, request: WriteLyrics, part: lyrics.Part | None = None) -> Generator[lyrics.Written]:
        """Lyrics as they are written, or `part` of some anew; `stage` of the last one is empty. To stop it, close this.
        Raises BadRequest, EngineMissing, CannotMake."""
        if part is not None:
            part.check()
        if lyrics.chosen(request).folder is None:
            yield from lyrics.growing(request, part)
            return
        seed = secrets.randbelow(SEED_LIMIT) if request.seed is None else request.seed
        request = request.model_copy(update={"seed": seed})
        arguments: dict[str, Any] = {"task": WRITE, "request": request.model_dump(mode="json")}
        if part is not None:
            arguments |= {"words": str(part.lyrics), "section": part.section, "line": part.line}
        self.settings.temp.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.settings.temp) as name:
            folder, told = Path(name), ""
            for stage in self._followed(WRITE, arguments, folder):
                if isinstance(stage, dict):
                    words = Lyrics.parse(stage.pop("words"))
                    yield lyrics.Written(**stage | {"lyrics": words, "notices": tuple(stage["notices"])})
                elif (now := f"{stage}\n{_read(folder / WORDS)}") != told:
                    told = now
                    yield lyrics.so_far(_read(folder / WORDS), request, seed, stage, part)

    def _followed(self, task: str, arguments: dict[str, Any], folder: Path) -> Iterator[str | dict[str, Any]]:
        """What a task that is no job is at, a few times a second, and at last its answer. Closing this cancels it."""
        stop, stage = threading.Event(), "Waiting for the song in the making"

        def progress(fraction: float, said: str) -> None:
            nonlocal stage
            stage = said
            if stop.is_set():
                raise Cancelled

        with ThreadPoolExecutor(1) as thread:
            going = (
                self.lane.begin(task, arguments, folder, progress)
                if self.lane.ours
                else thread.submit(TASKS[task], arguments, folder, progress)
            )
            try:
                while not wait([going], timeout=GLANCE).done:
                    yield stage
                yield going.result()
            finally:
                stop.set()
                wait([going])

    # -- LoRAs --------------------------------------------------------------------------------------------------------

    def kept_loras(self) -> list[loras.Lora]:
        """Those that are here, by name."""
        return loras.there()

    def add_lora(self, path: Path, name: str = "", config: Path | None = None) -> loras.Lora:
        """Let a LoRA in from outside: look it through, keep it. Raises BadRequest with the reason, DiskFull."""
        return loras.add(path, name, config)

    def _origin(self, what: str, id: str) -> Origin:
        try:
            return self.source(id)
        except NotFound as error:
            raise BadRequest(what, f"{error} Give a take of the library, or upload the song again.") from None

    def job(self, job_id: str) -> Job:
        """The newest that is known of a job. Raises NotFound."""
        current = self.lane.current
        return current if current is not None and current.id == job_id else self.library.job(job_id)

    def follow(self, job_id: str, beat: float = 5.0) -> Iterator[Job]:
        """Every change of a job, and one item at least every `beat` seconds; the last is final. Raises NotFound."""
        told: tuple[object, ...] = ()
        spoke = 0.0
        while True:
            job = self.job(job_id)
            news = (job.state, job.stage, round(job.fraction, 2), job.audible, job.takes)
            if news != told or time.monotonic() - spoke >= beat:
                told, spoke = news, time.monotonic()
                yield job
            if job.final:
                return
            with self.lane.changed:
                self.lane.changed.wait(min(0.2, beat))

    def preview(self, job_id: str) -> Iterator[bytes]:
        """The take in the making as a WAV file without an end, see preview.read. Raises NotFound where none can be
        heard."""
        path = self.lane.preview(self.job(job_id).id)
        try:
            if path is not None:
                return preview.read(path)
        except FileNotFoundError:  # not yet, or not any more
            pass
        raise NotFound("Nothing of this job can be heard now; it can while its state says that it is audible.")

    def cancel(self, job_id: str) -> Job:
        """Stop a job that waits or runs; a finished one stays finished. Raises NotFound."""
        job = self.library.cancel(job_id)
        self.lane.cancel(job_id)
        return job

    def export(self, take_id: str, kind: str, master: Master = PLAIN, progress: Progress = silent) -> Path:
        """A take as a file: wav, flac, mp3, opus, midi, timed lyrics (lrc, srt, vtt), stems (zip), a session for a DAW
        (ardour, dawproject, reaper), a game pack (zip), picture (png) or recipe (json); an upload as wav or stems. Made
        when first asked for; `progress` hears of what takes long, and may raise Cancelled.

        The song itself comes in the shape of `master`; `done` says what that took. Raises NotFound, BadRequest,
        CannotMake, DiskFull.
        """
        check(kind, master)
        if kind == "stems":
            return self.separate(take_id, progress=progress)
        if kind == "wav" and master.plain and self.library.is_upload(take_id):
            return self.source(take_id).path
        kept = self.library.take(take_id)
        folder = self.settings.takes / kept.id
        there = {"wav": "audio", "midi": "midi", "lrc": "lrc", "recipe": "recipe"}
        if kind in TIMED and kept.recipe.lyrics is not None:
            return self._captions(kept.recipe.lyrics, folder / FILES[kind], kind)
        if kind in TIMED and kind not in kept.files:
            raise CannotMake(f"Nothing is known of when what is sung in this take, so it has no {kind} file.")
        if kind in there and master.plain:
            if there[kind] not in kept.files:
                raise CannotMake(f"This take has no {kind} file.")
            return Path(kept.files[there[kind]])
        if kind in SOUNDS:
            return self._mastered(kept, folder / f"song{master.name}.{kind}", master)
        if kind == "picture":
            return self._picture(kept, folder / "song.png")
        if kind in SESSIONS:
            return self._session(kept, folder, kind, progress)
        if kind == "gamepack":
            return self.gamepack(kept.id, progress=progress)[0]
        if kind in LOOPS:
            return self.loop(kept.id, times=LOOPS[kind])[0]
        raise AssertionError(kind)  # `check` knows them all

    @staticmethod
    def done(path: Path) -> tuple[str, ...]:
        """What was done to the sound of an exported file, in sentences."""
        told = _told(path)
        return tuple(json.loads(told.read_text(encoding="utf-8"))) if told.exists() else ()

    def loop(
        self, take_id: str, bar: int | None = None, bars: int | None = None, times: int = 1
    ) -> tuple[Path, dict[str, Any]]:
        """`bars` bars of a take from `bar` (counted from 1) on as a loop, played `times` times: the file, and its bar,
        bars and seam_db. Left out, the liveliest bars. Raises NotFound, BadRequest, CannotMake."""
        kept = self.library.take(take_id)
        folder = self.settings.takes / kept.id
        recipe, written = kept.recipe.model_dump(mode="json"), kept.files.get("sheet")
        arguments = {"recipe": recipe, "sheet": written, "bar": bar, "bars": bars, "times": times}
        self._spare(int(times * kept.recipe.duration * BYTES_PER_SECOND))
        told = self._errand("loop", arguments, folder)
        return folder / told["name"], told

    def gamepack(
        self, take_id: str, bar: int | None = None, bars: int | None = None, progress: Progress = silent
    ) -> tuple[Path, dict[str, Any]]:
        """`bars` bars of a composer's take from `bar` (counted from 1) on as a game pack: the zip, and its cue sheet.
        Left out, the liveliest bars. Raises NotFound, BadRequest, CannotMake."""
        kept = self.library.take(take_id)
        folder = self.settings.takes / kept.id
        recipe, written = kept.recipe.model_dump(mode="json"), kept.files.get("sheet")
        arguments = {"recipe": recipe, "sheet": written, "bar": bar, "bars": bars}
        self._spare(int((3 * kept.recipe.duration + 60) * BYTES_PER_SECOND))
        told = self._errand("gamepack", arguments, folder, progress)
        return folder / told["name"], told

    def replay(self, recipe: Recipe, folder: Path) -> tuple[Path, Recipe, bool]:
        """Make a recipe again into `folder`: the file, its recipe, and whether every sample is the same."""
        _check_loras(recipe)
        arguments = {"id": new_id(), "request": recipe.request.model_dump(mode="json"), **self._with_source(recipe)}
        again = Recipe.model_validate(make(arguments, folder, silent))
        return folder / FILES["audio"], again, again.samples_sha256 == recipe.samples_sha256

    def _with_source(self, recipe: Recipe) -> dict[str, Any]:
        """The songs that a take is made again from. Raises CannotMake where it is gone."""
        named = originals(recipe.request)
        try:
            return {what: self.source(id).model_dump(mode="json") for what, id in named.items()}
        except NotFound:
            raise CannotMake(
                "This take was made from a song that is no longer in the library, so it cannot be made again."
            ) from None

    def _check_room(self, duration: float, variations: int) -> None:
        if duration > self.settings.max_duration:
            raise BadRequest(
                "duration", f"this studio makes at most {self.settings.max_duration:g} seconds; ask for less"
            )
        self._spare(int(2 * duration * BYTES_PER_SECOND * variations))

    def _spare(self, size: int) -> None:
        """Raises DiskFull where `size` bytes would leave less than must stay free."""
        needed = self.settings.min_free_disk + size
        free = shutil.disk_usage(self.settings.home).free
        if free < needed:
            raise DiskFull(
                f"Not enough room on the disk: {needed / 1e6:.0f} MB needed, {free / 1e6:.0f} MB free; "
                "delete something, or set STUDIO_HOME to another disk."
            )

    def _mastered(self, kept: Kept, path: Path, master: Master) -> Path:
        import masters  # pictures and compiled code: half a second to import

        if not (path.exists() and _told(path).exists()):
            self._spare(int(kept.recipe.duration * LARGEST))
            done = masters.convert(Path(kept.files["audio"]), path, kept.recipe, master)
            durable.write_text(_told(path), json.dumps(done))
        return path

    def _picture(self, kept: Kept, path: Path) -> Path:
        if not path.exists():
            import masters

            masters.portray(Path(kept.files["audio"]), path, kept.recipe.facts)
        return path

    def _captions(self, lyrics: Lyrics, path: Path, kind: str) -> Path:
        if not path.exists():
            durable.write_text(path, captions.FORMATS[kind](lyrics))
        return path

    def separate(self, id: str, model: str = "", progress: Progress = silent) -> Path:
        """The stems of a take or an upload as a zip, see post_process.write_stems_zip; at once where they were made
        before. Without a `model` an engine's own are given where it has some, since they are exact; any other song is
        taken apart by Demucs. `progress` may raise Cancelled. Raises NotFound, BadRequest, CannotMake."""
        if not model and not self.library.is_upload(id) and (kept := self.library.take(id)).recipe.stems:
            arguments = {"recipe": kept.recipe.model_dump(mode="json")}
            path = self.settings.takes / kept.id / FILES["stems"]
            if not path.exists():
                self._spare(int(9 * kept.recipe.duration * 48_000 * 8))
                self._errand("stems", arguments | self._with_source(kept.recipe), path.parent, progress)
            return path
        origin = self.source(id)
        name, place = separation.chosen(model)
        path = origin.path.parent / f"stems-{name}.zip"
        if not path.exists():
            self._spare(int(7 * origin.duration * 48_000 * 8))
            told = {"model": name, "place": str(place), "file": path.name}
            self._errand("separate", told | {"source": origin.model_dump(mode="json")}, path.parent, progress)
        return path

    def _errand(
        self, task: str, arguments: dict[str, Any], folder: Path, progress: Progress = silent
    ) -> dict[str, Any]:
        """Carried out in the lane where it is ours, and else right here."""
        if self.lane.ours:
            return self.lane.call(task, arguments, folder, progress)
        return TASKS[task](arguments, folder, progress)

    def _session(self, kept: Kept, folder: Path, kind: str, progress: Progress) -> Path:
        """The stems with their lines, the tempo and the sections as a session."""
        path = folder / FILES[kind]
        if not path.exists():
            stems = self.separate(kept.id, progress=progress)
            self._spare(stems.stat().st_size + Path(kept.files["audio"]).stat().st_size)
            session = daw.session(kept.recipe.title, _score(kept), stems, Path(kept.files["audio"]))
            daw.write(path, kind, session)
        return path


def _told(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _check_loras(recipe: Recipe) -> None:
    """Raises CannotMake where a LoRA that a take was made with is gone, or another one has its name."""
    here = {lora.name: lora.sha256 for lora in loras.there()}
    for what, said in recipe.versions.items():
        kind, _, name = what.partition(" ")
        if kind == "lora" and here.get(name) != said.split()[0]:
            raise CannotMake(
                f"This take was made with the LoRA {name} (SHA-256 {said[:12]}...), which is no longer here; "
                f"add it again with: studio loras add FILE --name {name}"
            )


_building = threading.Lock()


@functools.cache
def _studio() -> Studio:
    return Studio(settings())


def studio() -> Studio:
    """The studio of this process, built when first asked for. Raises CannotOpen."""
    with _building:
        return _studio()


def _read(path: Path) -> str:
    """Text that may still be growing; "" where there is none yet."""
    try:
        return path.read_text(encoding="utf-8", errors="ignore")
    except FileNotFoundError:
        return ""


def _upload_title(name: str) -> str:
    """A file's name as a title."""
    return one_line(name.replace("_", " ")) or "Upload"


def _recipe(id: str, take: Take, finished: post_process.Finished, source: Source | None, seconds: float) -> Recipe:
    request, plan = take.request, take.plan
    return Recipe(
        id=id,
        title=request.title or (_retitled(source.title, request.mode) if source else _title(request.prompt)),
        created=datetime.now(UTC),
        mode=request.mode,
        engine=take.engine,
        engine_version=take.engine_version,
        versions=_versions() | take.versions,
        request=request,
        seed=request.seed or 0,
        duration=finished.audio.duration,
        sample_rate=finished.audio.sample_rate,
        channels=finished.audio.channels,
        plan=plan,
        facts=finished.facts.model_copy(update={"bpm": plan.get("bpm"), "key": plan.get("key")}),
        lyrics=_words(take, source),
        notices=(*take.notices, *finished.notices, *(source.notices if source else ())),
        seconds_spent=round(seconds, 3),
        samples_sha256=post_process.samples_sha256(finished.audio),
        parent=source.id if source else None,
        proof=post_process.proof(finished.audio, take.splice) if take.splice else None,
        stems=bool(take.stems),
    )


def _words(take: Take, source: Source | None) -> Lyrics | None:
    """What is sung, with times: those of the notes, else evenly over what is new. Where the sound of another song
    stays, so do the words that are sung there; what a model sings in its place, unasked, nobody knows."""
    told, audio = take.lyrics or Lyrics(), take.audio
    if told.timing or take.splice is None:
        return (told if told.timing else told.spread(0.0, audio.duration)) if told.lines else None
    rate = audio.sample_rate
    regions = [(first / rate, last / rate) for first, last in take.splice.regions]
    known = source.recipe.lyrics if source and source.recipe else None
    stayed = known.left(regions, take.splice.offset / rate) if known else Lyrics()
    asked = getattr(take.request, "lyrics", "") and told.lines
    whole = stayed + (told.spread(regions[0][0], regions[-1][1]) if asked else Lyrics())
    return whole if whole.lines else None


def _score(kept: Kept) -> Score:
    """A take's music for other programs: its score as General MIDI plays it, or else tempo, meter and sections."""
    place = kept.files.get("sheet")
    written = json.loads(Path(place).read_text(encoding="utf-8")) if place else {}
    if known := sheet.read(written):
        return midi.general(known[1])
    facts, plan = kept.recipe.facts, kept.recipe.plan
    heard = Heard.model_validate(written["heard"]) if "heard" in written else None
    meter, sections = (heard.meter, heard.sections) if heard else (plan.get("meter") or "4/4", ())
    return daw.outline(facts.bpm or 120.0, meter, facts.key or "", kept.recipe.duration, sections)


def _retitled(title: str, mode: str) -> str:
    """ "Rain (cover)", and of that "Rain (edited)", not "Rain (cover) (edited)"."""
    mark = MARKS[mode]
    for known in MARKS.values():
        title = title.removesuffix(f" {known}")
    return f"{title[: 119 - len(mark)]} {mark}"


def _title(prompt: str) -> str:
    """What the prompt says first, as a title: "Dusty lo-fi hip hop" of "dusty lo-fi hip hop with rhodes, 82 bpm"."""
    said = re.split(r"[,.;:\n]| with | featuring ", prompt)[0].split()[:8]
    title = " ".join(said)[:80].strip() or "Untitled"
    return title[0].upper() + title[1:]


@functools.cache
def _versions() -> dict[str, str]:
    """What a bit-identical replay depends on."""
    return {
        "studio": VERSION,
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
        "machine": f"{platform.system()} {platform.machine()}",
    }
