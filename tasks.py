"""What the lane carries out, in a worker process or inline: plain data in, files and plain data out. No database.

A task is `task(arguments, folder, progress)`; TASKS has them by name.
"""

import functools
import json
import logging
import platform
import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

import checkpoints
import compare
import durable
import logs
import lyrics
import post_process
import preview
import private
import separation
from composer import midi, sheet, stanzas
from composer.language import foreign
from composer.loop import chosen, seam_db
from composer.plan import Plan
from composer.syllables import syllables
from engines import ENGINES, NEURAL, Engine
from engines.base import unread
from engines.composer import Composer
from library import FILES
from settings import VERSION, settings
from song import captions
from song.audio import Audio
from song.errors import BadRequest, CannotMake, EngineFailed, EngineMissing, StudioError
from song.heard import Heard
from song.lyrics import Lyrics
from song.progress import Aloud, Progress, part, silent
from song.request import Edit, Extend, SongRequest, read
from song.score import Score
from song.source import Origin, Source
from song.take import Recipe, Take
from song.writing import read_brief
from worker import serve
from writing import chat
from zerogpu import WRITE, Messages, messages, on_gpu

WORDS = "words.txt"  # where lyrics grow while a language model writes them
MARKS = {"cover": "(cover)", "extend": "(extended)", "edit": "(edited)"}  # what a title says of a song made of another
_RIGHTS = "Stems are under what the song itself is under; its recipe says which models and instruments made it."
LIBRARIES = ("numpy", "scipy", "numba", "soundfile", "soxr")

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
    song its `Origin` as source, that of another one as reference, and the job's later variations as beside. Answers
    the recipe."""
    started = time.perf_counter()
    request = read(arguments["request"])
    beside = tuple(read(one) for one in arguments.get("beside", ()))
    source = _source(arguments, part(progress, 0.0, 0.1))
    with preview.growing(folder / preview.NAME) as hear:
        aloud = Aloud(part(progress, 0.1 if source else 0.0, 0.95), hear)
        take, finished = _perform(request, source, aloud, beside, _reference(arguments))
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
    source, performing = _source(arguments, silent), part(progress, 0.0, 0.7)
    take, finished = _perform(recipe.request, source, performing, reference=_reference(arguments))
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
    mix, writing = take.mix or take.audio, part(progress, 0.7, 1.0)
    post_process.write_stems_zip(folder / FILES["stems"], take.stems, recipe.title, mix, made, writing)
    return {}


def separate(arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """Take a song apart and write its stems into `folder`. `arguments`: its `Origin` as source, the model's name and
    place, the file's name."""
    origin, name, place = Origin.model_validate(arguments["source"]), arguments["model"], Path(arguments["place"])
    audio = post_process.read(origin.path)
    parts = separation.separator().separate(audio, name, place, part(progress, 0.0, 0.95))
    revision = str(checkpoints.manifest(place).get("revision", ""))
    of = f" at {revision[:12]}" if revision else ""
    made = {
        "by": f"Taken apart by Demucs {version('demucs')} with {name}{of}; what it got wrong is in the residual.",
        "sum": "the song",
        "licence": separation.licence(name),
        "model": name,
        "revision": revision,
    }
    writing = part(progress, 0.95, 1.0)
    post_process.write_stems_zip(folder / arguments["file"], parts, origin.title, audio, made, writing)
    return {}


def align(arguments: dict[str, Any], folder: Path, progress: Progress) -> dict[str, Any]:
    """Time the words of the take in `folder` by the vocal among its stems. `arguments`: recipe, stems (a path).

    Answers what to say of it, nothing where there is no vocal, and the recipe where it is another one now, which the
    song then holds, too. Raises DiskFull, and BadRequest where the song cannot be read.
    """
    recipe = Recipe.model_validate(arguments["recipe"])
    vocal = post_process.stem(Path(arguments["stems"]), "Vocals")
    if vocal is None or recipe.lyrics is None:
        return {"said": []}
    audio = post_process.read(folder / FILES["audio"])
    try:
        words = _heard(recipe.lyrics, vocal, audio)
    except CannotMake as unsure:
        return {"said": [str(unsure)]}
    recipe = recipe.model_copy(update={"lyrics": words})
    durable.write_text(folder / FILES["lrc"], captions.lrc(words))
    post_process.write_wav(folder / FILES["audio"], audio, recipe)
    durable.write_text(folder / FILES["recipe"], recipe.model_dump_json(indent=2))
    return {"said": ["The lines are timed by the vocal now."], "recipe": recipe.model_dump(mode="json")}


def _heard(told: Lyrics, vocal: Audio, audio: Audio) -> Lyrics:
    from analysis import words  # compiled code, and only where a voice is listened to

    count = syllables if foreign(told.plain()) else stanzas.syllables
    return words.aligned(told, [count(line.text) for line in told.lines], vocal, audio)


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
    audio = post_process.read(origin.path)
    sheet = durable.known(origin.sheet) if origin.sheet else {}
    heard = _as_heard(sheet["heard"]) if "heard" in sheet else _as_heard(durable.known(origin.heard))
    if heard is None:
        import analysis  # compiled code, and only where sound is listened to

        heard = analysis.listen(audio, part(progress, 0.0, 1.0))
        durable.write_text(origin.heard, heard.model_dump_json())
    if origin.recipe:
        heard = heard.model_copy(update={"lufs": origin.recipe.facts.lufs})
    return Source(origin.id, origin.title, audio, heard, origin.recipe, sheet, origin.notices)


def _reference(arguments: dict[str, Any]) -> Audio | None:
    """The song whose sound the new one should have."""
    if not arguments.get("reference"):
        return None
    return post_process.read(Origin.model_validate(arguments["reference"]).path)


def _as_heard(known: Any) -> Heard | None:
    try:
        return Heard.model_validate(known)
    except ValidationError:
        return None


def _perform(
    request: SongRequest,
    source: Source | None,
    progress: Progress,
    beside: tuple[SongRequest, ...] = (),
    reference: Audio | None = None,
) -> tuple[Take, post_process.Finished]:
    """Play the song and bring it to its loudness; what holds another song's sound is final as it is."""
    engine = engine_for(request)
    if isinstance(engine, NEURAL):
        chat.unload()
    take = engine.generate(request, part(progress, 0.0, 0.85), source, beside, reference)
    _check_sound(take.audio)
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


def _check_sound(audio: Audio) -> None:
    """Raises EngineFailed for sound that cannot become a song, before anything is measured or written of it."""
    if audio.channels not in (1, 2) or not audio.frames or not np.isfinite(audio.samples).all():
        shape = f"{audio.channels} channels, {audio.frames} frames"
        raise EngineFailed(f"The engine made broken sound ({shape}); try another seed or another engine.")


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
    written = durable.known(Path(arguments["sheet"])) if arguments["sheet"] else {}
    known, composer = _scored(arguments["sheet"])
    span = chosen(known[0], arguments["bar"], arguments["bars"])
    path = folder / f"loop-{span.first + 1}-{span.count}-x{times}.wav"
    if not path.is_file():
        once = composer.looped(*known, span, written.get("mastering", {}), progress)
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
    known = sheet.read(durable.known(Path(written)) if written else {})
    composer = engine_named("composer")
    if known is None or not isinstance(composer, Composer):
        raise CannotMake("No score of this song is known, so it cannot be looped; take one that the composer made.")
    return known, composer


TASKS = {
    "make": make,
    "stems": stems,
    "separate": separate,
    "align": align,
    "loop": loop,
    "gamepack": gamepack,
    "listen": listen,
    "compare": compared,
    WRITE: write,
}


def work(handle: int) -> None:
    """The worker process: holds the engines and carries out tasks until the studio is gone."""
    private.umask()
    logs.begin()
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


# -- what a take says of itself -----------------------------------------------------------------------------------


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
