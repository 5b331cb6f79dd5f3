"""Studio: the one lazily built object. request -> engine -> finish -> keep."""

import contextlib
import functools
import json
import logging
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import daw
import durable
import loras
import lyrics
import preview
import retention
import separation
import tasks
from aside import at_once, heavily, looped, quickly, settled, steps, until
from composer import midi, sheet
from engines import NEURAL, Engine
from engines.base import read_with
from jobs import Lane
from library import FILES, Library, new_id
from settings import Settings, settings
from song import captions
from song.errors import BadRequest, Cancelled, CannotMake, DiskFull, NotFound, StudioError
from song.files import LOOPS, SESSIONS, SOUNDS, TIMED
from song.heard import Heard
from song.job import Job
from song.lyrics import Lyrics
from song.master import PLAIN, Master, check
from song.names import one_line
from song.progress import Progress, part, silent
from song.request import SEED_LIMIT, Knobs, SongRequest, has_source, originals
from song.score import Score
from song.source import Origin
from song.take import Kept, Recipe
from song.writing import WriteLyrics
from watch import Watch, gist
from worker import InWorker, Runner
from zerogpu import WRITE, OnGpu

BYTES_PER_SECOND = 48_000 * 2 * 3  # of the kept WAV
LOCKED = 2.0  # seconds after which a library that somebody else writes to counts as locked
GLANCE = 0.25  # seconds between two looks at what a task is at
LARGEST = 96_000 * 2 * 4  # bytes that a second of a master takes at most
WORKER = "import tasks; tasks.work({handle})"

log = logging.getLogger("studio")


class Studio:
    """What every door talks to: page, scripts and command line. Raises CannotOpen if the library cannot be used."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.library = Library(settings)
        on_gpu = tuple(engine.name for engine in NEURAL)
        inline = OnGpu(tasks.TASKS, tasks.rest, tasks.make_on_gpu, on_gpu)
        runner: Runner = InWorker(WORKER) if settings.lane == "process" else inline
        self.lane = Lane(self.library, runner)
        self.watch = Watch(self.library, self.lane)
        self.housekeeper = retention.Housekeeper(functools.partial(retention.thin, settings))

    @property
    def engines(self) -> dict[str, Engine]:
        return tasks.engines()

    def reads(self, engine: str) -> tuple[type[Knobs], ...]:
        """Groups of knobs that mean something to an engine. Raises BadRequest for an unknown one, EngineMissing."""
        return read_with(tasks.engine_named(engine))

    def start(self, only: str | None = None) -> None:
        """Own the lane, if nobody else does, and begin to work; on this one job alone where the command line asks."""
        self.lane.start(only)
        if only is None:
            self.housekeeper.start()
        if only is None and self.settings.lane == "inline":  # a worker process warms itself
            threading.Thread(target=tasks.warm, name="warm", daemon=True).start()

    def close(self) -> None:
        """Stop working; an unfinished job waits for the next start."""
        self.housekeeper.close()
        self.lane.stop()
        self.library.close()

    def trouble(self) -> str:
        """What keeps songs from being made, in a word: disk, library or worker; empty where nothing does."""
        if shutil.disk_usage(self.settings.home).free < self.settings.min_free_disk:
            return "disk"
        if not self.library.writable(LOCKED):
            return "library"
        return "worker" if self.lane.ailing else ""

    def submit(self, request: SongRequest, client: str = "") -> Job:
        """Write the job down and let the lane have it; `client` is who asks. Raises BadRequest, EngineMissing, DiskFull
        or QueueFull."""
        engine = tasks.engine_for(request)
        if request.mode not in engine.modes:
            raise BadRequest("mode", f"{engine.name} cannot do this; it can {', '.join(engine.modes)}")
        seed = secrets.randbelow(SEED_LIMIT) if request.seed is None else request.seed
        request = request.model_copy(update={"engine": engine.name, "seed": seed})
        named = {what: self._origin(what, id) for what, id in originals(request).items()}
        duration = engine.duration(request, named["source"].duration if has_source(request) else 0.0)
        self._check_room(duration, request.variations)
        job = self.library.enqueue(request, client)
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

    def _origin(self, what: str, id: str) -> Origin:
        try:
            return self.source(id)
        except NotFound as error:
            raise BadRequest(what, f"{error} Give a take of the library, or upload the song again.") from None

    def listen(self, id: str) -> Heard:
        """`listening`, for threads."""
        return at_once(self.listening(id))

    async def listening(self, id: str) -> Heard:
        """What is heard in a take or an upload; at once where somebody listened before. Raises NotFound."""
        arguments = {"source": (await quickly(self.source, id)).model_dump(mode="json")}
        return Heard.model_validate(await self._errand("listen", arguments, self.settings.temp))

    def compare(self, a: str, b: str) -> dict[str, Any]:
        """`comparing`, for threads."""
        return at_once(self.comparing(a, b))

    async def comparing(self, a: str, b: str) -> dict[str, Any]:
        """What differs between two takes or uploads, see the room of this name: `recipes`, None where one has none, and
        `sound`. Raises NotFound."""
        sides = {name: (await quickly(self.source, id)).model_dump(mode="json") for name, id in (("a", a), ("b", b))}
        return await self._errand("compare", sides, self.settings.temp)

    # -- lyrics -------------------------------------------------------------------------------------------------------

    def write(self, request: WriteLyrics, part: lyrics.Part | None = None) -> Generator[lyrics.Written]:
        """`writing`, for threads."""
        return steps(self.writing(request, part))

    async def writing(
        self, request: WriteLyrics, part: lyrics.Part | None = None
    ) -> AsyncGenerator[lyrics.Written, None]:
        """Lyrics as they are written, or `part` of some anew; `stage` of the last one is empty. To stop it, close this.
        Raises BadRequest, EngineMissing, CannotMake."""
        if part is not None:
            part.check()
        if lyrics.chosen(request).folder is None:
            growing = lyrics.growing(request, part)
            while (now := await quickly(next, growing, None)) is not None:
                yield now
            return
        seed = secrets.randbelow(SEED_LIMIT) if request.seed is None else request.seed
        request = request.model_copy(update={"seed": seed})
        arguments: dict[str, Any] = {"task": WRITE, "request": request.model_dump(mode="json")}
        if part is not None:
            arguments |= {"words": str(part.lyrics), "section": part.section, "line": part.line}
        self.settings.temp.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.settings.temp) as name:
            folder, told = Path(name), ""
            async with contextlib.aclosing(self._followed(WRITE, arguments, folder)) as going:
                async for stage in going:
                    if isinstance(stage, dict):
                        words = Lyrics.parse(stage.pop("words"))
                        yield lyrics.Written(**stage | {"lyrics": words, "notices": tuple(stage["notices"])})
                    elif (said := f"{stage}\n{_read(folder / tasks.WORDS)}") != told:
                        told = said
                        yield lyrics.so_far(_read(folder / tasks.WORDS), request, seed, stage, part)

    async def _followed(
        self, task: str, arguments: dict[str, Any], folder: Path
    ) -> AsyncGenerator[str | dict[str, Any], None]:
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
                else thread.submit(tasks.TASKS[task], arguments, folder, progress)
            )
            try:
                while not await settled(going, GLANCE):
                    yield stage
                yield going.result()
            finally:
                stop.set()
                if not going.cancel():  # it has had its turn, and hears of it from its progress
                    await settled(going)

    # -- LoRAs --------------------------------------------------------------------------------------------------------

    def kept_loras(self) -> list[loras.Lora]:
        """Those that are here, by name."""
        return loras.there()

    def add_lora(self, path: Path, name: str = "", config: Path | None = None) -> loras.Lora:
        """Let a LoRA in from outside: look it through, keep it. Raises BadRequest with the reason, DiskFull."""
        return loras.add(path, name, config)

    # -- jobs ---------------------------------------------------------------------------------------------------------

    def job(self, job_id: str) -> Job:
        """The newest that is known of a job. Raises NotFound."""
        return self.watch.newest(job_id)

    def following(self, job_id: str, beat: float = 5.0) -> AsyncGenerator[Job, None]:
        """`follow` for those who must not hold a thread while they wait."""
        return self.watch.follow(job_id, beat)

    def follow(self, job_id: str, beat: float = 5.0) -> Iterator[Job]:
        """Every change of a job, and one item at least every `beat` seconds; the last is final. Raises NotFound."""
        told: tuple[object, ...] = ()
        spoke = 0.0
        while True:
            job = self.job(job_id)
            if (news := gist(job)) != told or time.monotonic() - spoke >= beat:
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

    def cancel_all(self, client: str) -> list[str]:
        """Stop all jobs that a client asked for; their ids."""
        ids = self.library.cancel_all(client)
        for id in ids:
            self.lane.cancel(id)
        return ids

    # -- files --------------------------------------------------------------------------------------------------------

    def export(self, take_id: str, kind: str, master: Master = PLAIN, progress: Progress = silent) -> Path:
        """`exporting`, for threads."""
        return at_once(self.exporting(take_id, kind, master, progress))

    async def exporting(self, take_id: str, kind: str, master: Master = PLAIN, progress: Progress = silent) -> Path:
        """A take as a file: wav, flac, mp3, opus, midi, timed lyrics (lrc, srt, vtt), stems (zip), a session for a DAW
        (ardour, dawproject, reaper), a game pack (zip), picture (png) or recipe (json); an upload as wav or stems. Made
        when first asked for; `progress` hears of what takes long, and may raise Cancelled.

        The song itself comes in the shape of `master`; `done` says what that took. Raises NotFound, BadRequest,
        CannotMake, DiskFull.
        """
        path = await self._exported(take_id, kind, master, progress)
        await quickly(retention.use, path)
        return path

    async def _exported(self, take_id: str, kind: str, master: Master, progress: Progress) -> Path:
        check(kind, master)
        if kind == "stems":
            return await self.separating(take_id, progress=progress)
        if kind == "gamepack":
            return (await self.packing(take_id, progress=progress))[0]
        if kind in LOOPS:
            return (await self.looping(take_id, times=LOOPS[kind]))[0]
        if kind == "wav" and master.plain and self.library.is_upload(take_id):
            return (await quickly(self.source, take_id)).path
        kept = await quickly(self.library.take, take_id)
        folder = self.settings.takes / kept.id
        if kind in SESSIONS:
            return await self._session(kept, folder, kind, progress)
        if kind == "picture":
            return await self._picture(kept, folder / "song.png")
        if kind in SOUNDS and not (kind == "wav" and master.plain):
            return await self._mastered(kept, folder / f"song{master.name}.{kind}", master, progress)
        if kind in TIMED and kept.recipe.lyrics is not None:
            return await quickly(self._captions, kept.recipe.lyrics, folder / FILES[kind], kind)
        if kind in TIMED and kind not in kept.files:
            raise NotFound(f"Nobody is known to sing in this take, so it has no {kind} file.")
        named = {"wav": "audio", "midi": "midi", "lrc": "lrc", "recipe": "recipe"}[kind]  # `check` knows all others
        if named not in kept.files:
            raise NotFound(f"This take has no {kind} file.")
        return Path(kept.files[named])

    @staticmethod
    def done(path: Path) -> tuple[str, ...]:
        """What was done to the sound of an exported file, and what stems told of the words, in sentences."""
        try:
            return tuple(json.loads(_told(path).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, RecursionError):  # there is none, or none that can be read
            return ()

    def loop(
        self, take_id: str, bar: int | None = None, bars: int | None = None, times: int = 1
    ) -> tuple[Path, dict[str, Any]]:
        """`looping`, for threads."""
        return at_once(self.looping(take_id, bar, bars, times))

    async def looping(
        self, take_id: str, bar: int | None = None, bars: int | None = None, times: int = 1
    ) -> tuple[Path, dict[str, Any]]:
        """`bars` bars of a take from `bar` (counted from 1) on as a loop, played `times` times: the file, and its bar,
        bars and seam_db. Left out, the liveliest bars. Raises NotFound, BadRequest, CannotMake."""
        kept = await quickly(self.library.take, take_id)
        folder = self.settings.takes / kept.id
        recipe, written = kept.recipe.model_dump(mode="json"), kept.files.get("sheet")
        arguments = {"recipe": recipe, "sheet": written, "bar": bar, "bars": bars, "times": times}
        self._spare(int(times * kept.recipe.duration * BYTES_PER_SECOND))
        told = await self._errand("loop", arguments, folder)
        return folder / told["name"], told

    def gamepack(
        self, take_id: str, bar: int | None = None, bars: int | None = None, progress: Progress = silent
    ) -> tuple[Path, dict[str, Any]]:
        """`packing`, for threads."""
        return at_once(self.packing(take_id, bar, bars, progress))

    async def packing(
        self, take_id: str, bar: int | None = None, bars: int | None = None, progress: Progress = silent
    ) -> tuple[Path, dict[str, Any]]:
        """`bars` bars of a composer's take from `bar` (counted from 1) on as a game pack: the zip, and its cue sheet.
        Left out, the liveliest bars. Raises NotFound, BadRequest, CannotMake."""
        kept = await quickly(self.library.take, take_id)
        folder = self.settings.takes / kept.id
        recipe, written = kept.recipe.model_dump(mode="json"), kept.files.get("sheet")
        arguments = {"recipe": recipe, "sheet": written, "bar": bar, "bars": bars}
        self._spare(int((3 * kept.recipe.duration + 60) * BYTES_PER_SECOND))
        told = await self._errand("gamepack", arguments, folder, progress)
        return folder / told["name"], told

    def replay(self, recipe: Recipe, folder: Path) -> tuple[Path, Recipe, bool]:
        """Make a recipe again into `folder`: the file, its recipe, and whether every sample is the same."""
        _check_loras(recipe)
        arguments = {"id": new_id(), "request": recipe.asked().model_dump(mode="json"), **self._with_source(recipe)}
        again = Recipe.model_validate(tasks.make(arguments, folder, silent))
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

    async def _mastered(self, kept: Kept, path: Path, master: Master, progress: Progress) -> Path:
        def convert(progress: Progress) -> None:
            import masters  # pictures and compiled code: half a second to import

            done = masters.convert(Path(kept.sound), path, kept.recipe, master, progress)
            durable.write_text(_told(path), json.dumps(done))

        if not (path.exists() and _told(path).exists()):
            self._spare(int(kept.recipe.duration * LARGEST))
            await heavily(convert, progress)
        return path

    async def _picture(self, kept: Kept, path: Path) -> Path:
        def portray(_: Progress) -> None:
            import masters

            masters.portray(Path(kept.sound), path, kept.recipe.facts)

        if not path.exists():
            await heavily(portray, silent)
        return path

    def _captions(self, lyrics: Lyrics, path: Path, kind: str) -> Path:
        if not path.exists():
            durable.write_text(path, captions.FORMATS[kind](lyrics))
        return path

    def separate(self, id: str, model: str = "", progress: Progress = silent) -> Path:
        """`separating`, for threads."""
        return at_once(self.separating(id, model, progress))

    async def separating(self, id: str, model: str = "", progress: Progress = silent) -> Path:
        """The stems of a take or an upload as a zip, see post_process.write_stems_zip; at once where they were made
        before. Without a `model` an engine's own are given where it has some, since they are exact; any other song is
        taken apart by Demucs. `progress` may raise Cancelled. Raises NotFound, BadRequest, CannotMake.

        Words whose times are only estimated are timed by the vocal then; `done` says what came of it."""
        path, task, arguments = await quickly(self._stems, id, model)
        await quickly(retention.use, path)
        if not path.exists():
            await self._errand(task, arguments, path.parent, progress)
        if not self.library.is_upload(id):
            await self._align(await quickly(self.library.take, id), path)
        return path

    async def _align(self, kept: Kept, stems: Path) -> None:
        """Once for every set of stems. They are there by now, so a fault costs the times alone, and is tried again."""
        if kept.recipe.lyrics is None or kept.recipe.lyrics.timing != "estimated" or _told(stems).exists():
            return
        arguments = {"recipe": kept.recipe.model_dump(mode="json"), "stems": str(stems)}
        try:
            told = await self._errand("align", arguments, self.settings.takes / kept.id)
            if "recipe" in told:
                await quickly(self.library.revise, Recipe.model_validate(told["recipe"]))
            await quickly(durable.write_text, _told(stems), json.dumps(told["said"]))
        except StudioError:  # a full disk, a damaged song, a worker that died: the stems are there all the same
            log.exception("the words of %s could not be timed", kept.id)

    def _stems(self, id: str, model: str) -> tuple[Path, str, dict[str, Any]]:
        """Where the stems of a song are, and the task that makes them where they are not there yet."""
        if not model and not self.library.is_upload(id) and (kept := self.library.take(id)).recipe.stems:
            path, arguments = (
                self.settings.takes / kept.id / FILES["stems"],
                {"recipe": kept.recipe.model_dump(mode="json")},
            )
            if not path.exists():
                self._spare(int(9 * kept.recipe.duration * 48_000 * 8))
                arguments |= self._with_source(kept.recipe)
            return path, "stems", arguments
        origin = self.source(id)
        name, place = separation.chosen(model)
        path = origin.path.parent / f"stems-{name}.zip"
        if not path.exists():
            self._spare(int(7 * origin.duration * 48_000 * 8))
        told = {"model": name, "place": str(place), "file": path.name}
        return path, "separate", told | {"source": origin.model_dump(mode="json")}

    async def _errand(
        self, task: str, arguments: dict[str, Any], folder: Path, progress: Progress = silent
    ) -> dict[str, Any]:
        """Carried out in the lane where it is ours, and else right here. It is cancelled with the coroutine."""
        if not self.lane.ours:
            return await heavily(lambda heard: tasks.TASKS[task](arguments, folder, heard), progress)
        if not looped():
            return self.lane.call(task, arguments, folder, progress)
        stop = threading.Event()
        going = self.lane.begin(task, arguments, folder, until(stop, progress))
        try:
            progress(0.0, "waiting")
            await settled(going)
            return going.result()
        finally:
            stop.set()
            going.cancel()  # where it has begun, it hears of it from its progress

    async def _session(self, kept: Kept, folder: Path, kind: str, progress: Progress) -> Path:
        """The stems with their lines, the tempo and the sections as a session."""
        path = folder / FILES[kind]
        if not path.exists():
            stems = await self.separating(kept.id, progress=part(progress, 0.0, 0.8))
            self._spare(stems.stat().st_size + Path(kept.sound).stat().st_size)

            def write(progress: Progress) -> None:
                session = daw.session(kept.recipe.title, _score(kept), stems, Path(kept.sound))
                daw.write(path, kind, session, progress)

            await heavily(write, part(progress, 0.8, 1.0))
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


def _score(kept: Kept) -> Score:
    """A take's music for other programs: its score as General MIDI plays it, or else tempo, meter and sections."""
    place = kept.files.get("sheet")
    written = durable.known(Path(place)) if place else {}
    if known := sheet.read(written):
        return midi.general(known[1])
    facts, plan = kept.recipe.facts, kept.recipe.plan
    heard = None
    with contextlib.suppress(ValidationError):
        heard = Heard.model_validate(written["heard"]) if "heard" in written else None
    meter, sections = (heard.meter, heard.sections) if heard else (plan.get("meter") or "4/4", ())
    return daw.outline(facts.bpm or 120.0, meter, facts.key or "", kept.recipe.duration, sections)
