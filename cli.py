"""The studio in a terminal. Songs and JSON go to stdout, everything else to stderr.

Exit codes: 0 made, 2 the request cannot be used, 3 this machine cannot do it, 130 cancelled.
"""

import contextlib
import inspect
import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from song.errors import BadRequest, Cancelled, CannotOpen, StudioError
from song.files import KINDS
from song.job import Job
from song.request import Cover, Edit, Extend, Generate, Knobs, fields, limits, read
from song.writing import WriteLyrics, read_brief

if TYPE_CHECKING:
    from backend import Studio
    from checkpoints import Checkpoint, Found
    from song.audio import Audio
    from song.take import Recipe

FORMATS = {".wav": "wav", ".flac": "flac", ".mp3": "mp3"}
SHOWN = ("style", "bpm", "key")  # of a plan, in a list of takes
CANCELLED = 130
UsageError: Any = typer.BadParameter.__base__  # what the parser raises; some typers carry a click of their own

app = typer.Typer(
    help="Make songs from words, and from other songs.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Out = Annotated[Path | None, typer.Option("--out", help="Where to put the song: a name ending in .wav, .flac or .mp3.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="A take in the library.")]
SONG = "A song: a file, or the id of a take or upload in the library."


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code. What is wrong is said in one sentence on stderr."""
    for stream in (sys.stdout, sys.stderr):  # a title may hold what the terminal cannot show
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return app(args=arguments, prog_name="studio", standalone_mode=False) or 0
    except UsageError as error:
        return _complain(error.format_message(), 2)
    except StudioError as error:
        return _complain(str(error), error.exit_code)
    except Cancelled as error:
        return _complain(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _complain("Cancelled.", CANCELLED)
    except BrokenPipeError:  # `studio library | head`: whoever read us has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        return _complain(f"{error.filename or 'The studio'}: {error.strerror or error}.", 3)


def _complain(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)
    return code


# --- songs ------------------------------------------------------------------------------------------------------------


def _command(mode: type[Knobs]) -> Any:
    """A command that makes a song in one mode. All its knobs are flags."""

    def make(*, out: Path | None, as_json: bool, stems: bool | None, song: str = "", **words: Any) -> int:
        said = {name: _typed(fields(mode)[name], text) for name, text in words.items() if text is not None}
        return _make(said | {"mode": mode.model_fields["mode"].default}, song, out, as_json, stems)

    make.__name__ = str(mode.model_fields["mode"].default)
    make.__doc__ = f"{mode.__doc__} It is kept in the library, and written to --out where that is given."
    make.__signature__ = _flags(mode)  # type: ignore[attr-defined]
    return make


def _make(said: dict[str, Any], song: str, out: Path | None, as_json: bool, stems: bool | None) -> int:
    if said["mode"] == "generate":
        read(said)  # a home is not even made for a request that cannot be used
    if out is not None:
        _check_out(out)
    with _studio() as studio:
        request = read(said | ({"source": _source(studio, song)} if said["mode"] != "generate" else {}))
        job = _finished(studio, studio.submit(request))
        takes = [_delivered(studio, id, out, number, stems, as_json) for number, id in enumerate(job.takes)]
    if job.state == "cancelled":
        return _complain("Cancelled.", CANCELLED)
    if job.state != "done":
        return _complain(job.error or "The song was not made.", 2 if job.error_code == BadRequest.code else 3)
    if as_json:
        _print_json(takes[0] | ({"takes": takes} if request.variations > 1 else {}))
    else:
        _print("\n\n".join(_described(take) for take in takes))
    return 0


def _source(studio: "Studio", song: str) -> str:
    """The id of what was named: a file is taken into the library first."""
    path = Path(song)
    if path.exists() or path.suffix or path.name != song:
        return studio.add_source(path).id
    return studio.source(song).id


def _flags(mode: type[Knobs]) -> inspect.Signature:
    """The knobs as flags. All but switches are text here, so that a bad number gets the same sentence as everywhere."""
    knobs = dict(fields(mode))
    words = knobs.pop("prompt")
    source = knobs.pop("source", None)
    members = _knob_flags("prompt", words, knobs)
    if source:
        kind = Annotated[str, typer.Argument(metavar="FILE|ID", help=SONG, show_default=False)]
        members.insert(0, inspect.Parameter("song", inspect.Parameter.KEYWORD_ONLY, annotation=kind))
    every = typer.Option(
        "--stems/--no-stems", help="Also make the zip of stems. Default: with --json, where there are any."
    )
    members += [
        _parameter("out", *get_args(Out)),
        inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json),
        _parameter("stems", bool | None, every),
    ]
    return inspect.Signature(members, return_annotation=int)


def _knob_flags(words: str, field: Any, knobs: dict[str, Any]) -> list[inspect.Parameter]:
    """The words as an argument, every other knob as a flag."""
    members = [
        _parameter(words, str | None, typer.Argument(help=field.description, metavar="WORDS", show_default=False))
    ]
    for name, field in knobs.items():
        flag = f"--{name.replace('_', '-')}"
        if _kinds(field) == {bool}:
            switch = typer.Option(f"{flag}/--no-{flag[2:]}", help=_help(field), show_default=False)
            members.append(_parameter(name, bool | None, switch))
        else:
            option = typer.Option(flag, help=_help(field), metavar=_metavar(field))
            members.append(_parameter(name, str | None, option))
    return members


def _parameter(name: str, kind: Any, info: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, info])


def _help(field: Any) -> str:
    low, high = limits(field)
    reach = "" if low is None or high is None else f" {low:g} to {high:g}."
    default = (
        f" Default: {field.default}." if field.default not in (None, "", False) and not field.is_required() else ""
    )
    return f"{field.description}{reach}{default}"


def _metavar(field: Any) -> str:
    return "NUMBER" if {int, float} & _kinds(field) else "TEXT"


def _kinds(field: Any) -> set[Any]:
    return set(get_args(field.annotation)) or {field.annotation}


def _typed(field: Any, text: Any) -> Any:
    """What was typed, as a number where the knob is one; what is no number stays text and is refused by `read`."""
    if {int, float} & _kinds(field):
        for number in (int, float):
            with contextlib.suppress(ValueError):
                return number(text)
    return text


def _check_out(path: Path) -> None:
    """Before the song is made: nobody wants to wait for a song that cannot be written."""
    if path.suffix.lower() not in FORMATS:
        raise BadRequest("out", f"must end in {', '.join(FORMATS)}")
    if path.is_dir():
        raise BadRequest("out", "is a folder; give the name of a file")
    if not path.parent.is_dir():
        raise BadRequest("out", f"there is no folder {path.parent}; make it first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise BadRequest("out", f"the folder {path.parent} cannot be written; choose another one")


def _finished(studio: "Studio", job: Job) -> Job:
    """Start the job and wait for its end, with a bar on a terminal. Ctrl-C cancels it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    stop = _stop_asked()
    columns = (
        TextColumn("{task.description:12}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f}%"),
        TimeElapsedColumn(),
    )
    terminal = Console(stderr=True)
    with Progress(*columns, console=terminal, transient=True, disable=not sys.stderr.isatty()) as bar:
        line = bar.add_task(job.stage, total=1.0)
        studio.start(only=job.id)
        for news in studio.follow(job.id, beat=0.2):
            bar.update(line, completed=news.fraction, description=news.stage)
            if stop.is_set():
                studio.cancel(job.id)
    return news


def _stop_asked() -> threading.Event:
    """Set by Ctrl-C or a polite kill, so that work is left where that is safe and never in the middle of a write; the
    second one raises KeyboardInterrupt."""
    asked = threading.Event()

    def note(number: int, frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    _on_signals(note)
    return asked


def _on_signals(handler: Callable[[int, Any], Any]) -> None:
    """Ctrl-C and a polite kill are answered in the same way."""
    with contextlib.suppress(ValueError):  # only the main thread may do so
        for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs start with SIGINT ignored
            signal.signal(number, handler)


def _delivered(
    studio: "Studio", id: str, out: Path | None, number: int, stems: bool | None, as_json: bool
) -> dict[str, Any]:
    """A take's summary, once its files are where they were asked for. A second variation becomes song-2.wav."""
    if stems or (stems is None and as_json and studio.library.take(id).recipe.stems):
        studio.export(id, "stems")
    take = studio.library.take(id).summary()
    if out is not None:
        place = out if number == 0 else out.with_stem(f"{out.stem}-{number + 1}")
        _copy(studio.export(id, FORMATS[out.suffix.lower()]), place)
        take["files"]["out"] = str(place.absolute())
    return take


def _check_place(out: Path) -> None:
    if not out.parent.is_dir() or out.is_dir():
        raise BadRequest("out", "must be the name of a file in a folder that exists")


def _copy(source: Path, place: Path) -> None:
    import durable

    durable.copy(source, place)


for _mode in (Generate, Cover, Extend, Edit):
    app.command(name=str(_mode.model_fields["mode"].default))(_command(_mode))


def _lyrics(*, as_json: bool, **words: Any) -> int:
    """Write lyrics from a brief, by the studio's own English writer: no download, no waiting."""
    import lyrics

    said = {name: _typed(fields(WriteLyrics)[name], text) for name, text in words.items() if text is not None}
    written = lyrics.write(read_brief(said))
    if as_json:
        _print_json({"title": written.title, "lyrics": str(written.lyrics), "seed": written.seed})
    else:
        print(f"{written.title} (seed {written.seed})", file=sys.stderr)
        _print(str(written.lyrics))
    return 0


_lyrics.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [
        *_knob_flags(
            "brief",
            fields(WriteLyrics)["brief"],
            {name: knob for name, knob in fields(WriteLyrics).items() if name != "brief"},
        ),
        inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json),
    ],
    return_annotation=int,
)
app.command(name="lyrics")(_lyrics)


@app.command()
def listen(
    song: Annotated[str, typer.Argument(metavar="FILE|ID", help=SONG)],
    as_json: Json = False,
) -> int:
    """What is heard in a song: tempo, key, meter, chords, sections."""
    with _studio() as studio:
        id = _source(studio, song)
        origin, heard = studio.source(id), studio.listen(id)
    if as_json:
        _print_json({"source": id, "title": origin.title, "words": heard.words()} | heard.model_dump(mode="json"))
    else:
        corrections = "Correct me with --source-bpm, --source-key, --source-meter, --source-downbeat, --source-chords."
        sure = f"Sure of the tempo: {heard.bpm_confidence:.0%}, of the key: {heard.key_confidence:.0%}."
        _print("\n".join([heard.words(), sure, heard.grid(), corrections, *origin.notices, f"Its id is {id}."]))
    return 0


@app.command()
def verify_edit(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="The song as it was: WAV or FLAC.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="The song with its edit: WAV or FLAC.")],
    region: Annotated[str, typer.Option("--region", help='What may differ, in seconds: "12-24, 40-48".')] = "",
    as_json: Json = False,
) -> int:
    """Count the samples that differ outside the regions of an edit. Fails if there are any."""
    import post_process
    from song import regions

    old, new = (_lossless(path) for path in (before, after))
    if (old.sample_rate, old.channels, old.frames) != (new.sample_rate, new.channels, new.frames):
        raise BadRequest("after", "has another length, rate or number of channels than the song before")
    spans = regions.inside(region, new.duration)
    inside = [(round(start * new.sample_rate), round(end * new.sample_rate)) for start, end in spans]
    compared, changed = post_process.difference(old, new, inside)
    if as_json:
        _print_json({"identical": not changed, "compared": compared, "changed_outside": changed})
    else:
        _print(f"{changed} of {compared} samples outside the regions differ.")
    return 3 if changed else 0


def _lossless(path: Path) -> "Audio":
    import post_process

    if path.suffix.lower() not in (".wav", ".flac"):
        raise BadRequest("file", f"{path.name} is no WAV or FLAC; only those keep every sample")
    return post_process.read(path)


# --- the library ------------------------------------------------------------------------------------------------------


@app.command()
def library(
    search: Annotated[str, typer.Option(help="Words that must occur in title, prompt, style, key or engine.")] = "",
    favourites: Annotated[bool, typer.Option("--favourites", help="Favourites only.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    as_json: Json = False,
) -> int:
    """The takes that were kept, newest first."""
    with _studio() as studio:
        takes = [kept.summary() for kept in studio.library.takes(search=search, favourites=favourites, limit=limit)]
        count = studio.library.count(search=search, favourites=favourites)
    if as_json:
        _print_json({"count": count, "takes": takes})
    elif takes:
        _print("\n".join(_line(take) for take in takes))
    else:
        print("Nothing here yet." if not search else "Nothing found.", file=sys.stderr)
    return 0


@app.command()
def show(id: Id, as_json: Json = False) -> int:
    """Everything about one take."""
    with _studio() as studio:
        take = studio.library.take(id).summary()
    _print_json(take) if as_json else _print(_described(take))
    return 0


@app.command()
def export(
    id: Id,
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"{', '.join(KINDS[:-1])} or {KINDS[-1]}.")],
    out: Annotated[Path | None, typer.Option("--out", help="Where to put it. Default: beside the take.")] = None,
) -> int:
    """A take as a file."""
    with _studio() as studio:
        path = studio.export(id, kind)
        if out is not None:
            _check_place(out)
            _copy(path, out)
    _print(str(out or path))
    return 0


@app.command()
def loop(
    id: Id,
    bar: Annotated[int | None, typer.Option(help="The first bar, from 1. Default: the liveliest section's.")] = None,
    bars: Annotated[int | None, typer.Option(help="How many. Default: to that section's end, 8 at most.")] = None,
    times: Annotated[int, typer.Option(min=1, max=16, help="How often it is played; more than once to listen.")] = 1,
    out: Annotated[Path | None, typer.Option("--out", help="Where to put it. Default: beside the take.")] = None,
    as_json: Json = False,
) -> int:
    """Bars of a take as a WAV that loops without a seam, for samplers and DAWs."""
    with _studio() as studio:
        path, told = studio.loop(id, bar, bars, times)
        if out is not None:
            _check_place(out)
            _copy(path, out)
    told = told | {"out": str(out or path)}
    words = f"bars {told['bar']} to {told['bar'] + told['bars'] - 1}, seam {told['seam_db']:+.1f} dB"
    _print_json(told) if as_json else _print(f"{told['out']}: {words}")
    return 0


@app.command()
def forget(id: Id) -> int:
    """Take a song out of the library. It can be restored for a week."""
    with _studio() as studio:
        title = studio.library.forget(id).recipe.title
    _print(f"Forgot {title}. Bring it back with: studio restore {id}")
    return 0


@app.command()
def restore(id: Id) -> int:
    """Bring a forgotten song back."""
    with _studio() as studio:
        title = studio.library.restore(id).recipe.title
    _print(f"{title} is back.")
    return 0


# --- replay -----------------------------------------------------------------------------------------------------------


@app.command()
def replay(
    song: Annotated[str, typer.Argument(metavar="FILE|ID", help="A song or recipe that the studio made, or a take.")],
    out: Out = None,
    as_json: Json = False,
) -> int:
    """Make a song again from its recipe, and say whether every sample is the same."""
    if out is not None:
        _check_out(out)
    with _studio() as studio, tempfile.TemporaryDirectory(prefix="studio-") as folder:
        recipe = _recipe(studio, song)
        path, again, identical = studio.replay(recipe, Path(folder))
        if out is not None:
            _write_again(path, out, again)
    differences = _differences(recipe, again)
    if as_json:
        told = {"id": recipe.id, "title": recipe.title, "identical": identical, "differences": differences}
        _print_json(told | {"duration": again.duration, "out": str(out.absolute()) if out else None})
    else:
        _print(_verdict(recipe, identical, differences))
    return 0 if identical else 3


def _recipe(studio: "Studio", song: str) -> "Recipe":
    """From a file, else from the library, with the seed that was resolved when it was made."""
    import tags

    path = Path(song)
    if path.exists() or path.suffix or path.name != song:
        recipe = tags.read_recipe(path)
    else:
        recipe = studio.library.take(song).recipe
    request = recipe.request.model_copy(update={"seed": recipe.seed, "variations": 1})
    return recipe.model_copy(update={"request": request})


def _write_again(path: Path, out: Path, recipe: "Recipe") -> None:
    import durable
    import post_process

    with durable.room():
        post_process.convert(path, out, recipe)


def _differences(then: "Recipe", now: "Recipe") -> dict[str, list[str | None]]:
    """Versions and machine that are not the same: name -> [then, now]."""
    before = then.versions | {"engine": f"{then.engine} {then.engine_version}"}
    after = now.versions | {"engine": f"{now.engine} {now.engine_version}"}
    names = sorted(before.keys() | after.keys())
    return {name: [before.get(name), after.get(name)] for name in names if before.get(name) != after.get(name)}


def _verdict(recipe: "Recipe", identical: bool, differences: dict[str, list[str | None]]) -> str:
    if identical:
        return f"{recipe.title}: identical, every sample is the same."
    changes = [f"  {name}: {then or 'absent'} then, {now or 'absent'} now" for name, (then, now) in differences.items()]
    why = ["What differs:", *changes] if changes else ["Versions and machine are the same; was the recipe changed?"]
    return "\n".join([f"{recipe.title}: not identical.", *why])


# --- models -----------------------------------------------------------------------------------------------------------

models = typer.Typer(help="Models that others publish: what there is, what it costs, what it may be used for.")
app.add_typer(models, name="models")
Name = Annotated[str, typer.Argument(metavar="NAME", help="A model, as `studio models` lists it.")]


@models.callback(invoke_without_command=True)
def list_models(context: typer.Context, as_json: Json = False) -> int:
    """What is known and what is there: size, licence, parameters, memory needed, where."""
    if context.invoked_subcommand is not None:
        return 0
    import checkpoints

    with _settled():
        found = {one.name: one for one in checkpoints.there()}
    known = checkpoints.known()
    rows = [_model(name, known.get(name), found.get(name)) for name in dict.fromkeys([*known, *found])]
    if as_json:
        _print_json({"models": rows})
        return 0
    _print("\n".join(_model_line(row) for row in rows))
    sentences = dict.fromkeys(checkpoint.licence.sentence for checkpoint in known.values())
    _print(
        "\n".join(
            ["", *sentences, "Memory: for 30 seconds (MusicGen), a minute (ACE-Step). Get one: studio models get NAME"]
        )
    )
    return 0


@models.command(name="get")
def get_model(
    name: Name,
    accept: Annotated[bool, typer.Option("--accept-licence", help="You have read its licence and keep to it.")] = False,
    as_json: Json = False,
) -> int:
    """Download a model. What was begun is gone on with; Ctrl-C keeps what has come."""
    import checkpoints

    checkpoint = checkpoints.known().get(name)
    if checkpoint is None:
        raise BadRequest("name", f"there is no model {name[:80]}; choose {', '.join(checkpoints.known())}")
    with _settled():
        folder = checkpoints.find(name)
        if folder is None:
            _agree(checkpoint, accept)
            folder = _fetched(name)
        if checkpoint.kind == "lora":
            import loras

            loras.add(folder, name, licence=checkpoint.licence.sentence)
    if as_json:
        _print_json({"name": name, "path": str(folder), "bytes": checkpoints.size(folder)} | _licence(checkpoint))
    else:
        _print(f"{name} is in {folder}. {checkpoint.licence.sentence}")
    return 0


@models.command(name="check")
def check_model(
    name: Annotated[str, typer.Argument(metavar="NAME|FOLDER", help="A model that is here, or a folder.")],
    as_json: Json = False,
) -> int:
    """Whether a model is whole: every file there, of its size, and what its name says."""
    import checkpoints

    with _settled():
        folder = next(checkpoints.places(name), None) or (Path(name) if Path(name).is_dir() else checkpoints.need(name))
        checkpoints.check(folder)
        size, kind = checkpoints.size(folder), checkpoints.kind(folder)
    if as_json:
        _print_json({"name": name, "path": str(folder), "bytes": size, "kind": kind, "whole": True})
    else:
        _print(f"{folder} is whole, {_gigabytes(size)}.")
    return 0


@models.command(name="forget")
def forget_model(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
    as_json: Json = False,
) -> int:
    """Remove a model that the studio downloaded, or began to."""
    import checkpoints

    if not yes:
        raise BadRequest("yes", f"say --yes to remove {name[:80]}; it would have to be downloaded again")
    with _settled():
        freed = checkpoints.forget(name)
    if as_json:
        _print_json({"name": name, "freed": freed})
    else:
        _print(f"{name} is gone; {_gigabytes(freed)} are free again.")
    return 0


def _agree(checkpoint: "Checkpoint", accept: bool) -> None:
    """Nobody downloads weights without having been told what they may be used for."""
    licence = checkpoint.licence
    if not accept:
        raise BadRequest(
            "accept-licence",
            f"{licence.sentence} Read {licence.url}, then say --accept-licence to download {checkpoint.name} "
            f"({_gigabytes(checkpoint.bytes)})",
        )
    print(f"{licence.sentence} {licence.url}", file=sys.stderr)


def _fetched(name: str) -> Path:
    """Download, with a bar in bytes on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    import checkpoints

    _on_signals(signal.default_int_handler)  # in the middle of waiting for a server, too
    columns = (
        TextColumn("{task.description:34}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    terminal = Console(stderr=True)
    with Progress(*columns, console=terminal, transient=True, disable=not sys.stderr.isatty()) as bar:
        line = bar.add_task("asking the hub", total=None)
        try:
            return checkpoints.fetch(
                name, lambda done, total, what: bar.update(line, completed=done, total=total, description=what)
            )
        except KeyboardInterrupt:
            raise Cancelled(f"Stopped; what has come is kept, go on with: studio models get {name}") from None


def _model(name: str, checkpoint: "Checkpoint | None", found: "Found | None") -> dict[str, Any]:
    """One model, known or somebody's own."""
    row: dict[str, Any] = {"name": name, "there": found is not None and found.problem is None}
    if checkpoint is not None:
        row |= {"kind": checkpoint.kind, "channels": checkpoint.channels, "parameters": checkpoint.parameters}
        row |= {
            "bytes": checkpoint.bytes,
            "memory": checkpoint.needs,
            "repo": checkpoint.repo,
            "revision": checkpoint.revision,
        }
        row |= _licence(checkpoint) | {"notes": checkpoint.notes}
    if found is not None:
        row |= {"kind": found.kind, "bytes": found.bytes, "path": str(found.path), "problem": found.problem}
        row |= {"layout": found.layout, "downloaded": found.ours}
    return row


def _licence(checkpoint: "Checkpoint") -> dict[str, Any]:
    licence = checkpoint.licence
    return {"licence": licence.name, "licence_url": licence.url, "non_commercial": licence.non_commercial}


def _model_line(row: dict[str, Any]) -> str:
    facts = [row["kind"] or "kind unknown", f"{_gigabytes(row['bytes'])} on disk"]
    if "parameters" in row:
        heard = [] if row["kind"] in ("planner", "lora") else ["stereo" if row["channels"] == 2 else "mono"]
        facts[1:1] = [*heard, f"{_counted(row['parameters'])} parameters"]
        facts.append("memory " + ", ".join(f"{_gigabytes(size)} {one}" for one, size in row["memory"].items()))
    facts.append(row.get("licence", "licence: ask whoever made it"))
    where = row.get("problem") or row.get("path") or "not here"
    return f"{'*' if row['there'] else ' '} {row['name']:<30} {', '.join(facts)}; {where}"


def _counted(parameters: int) -> str:
    return f"{parameters / 1e9:.1f} B" if parameters >= 10**8 else f"{parameters / 1e6:.0f} M"


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB"


# --- LoRAs ------------------------------------------------------------------------------------------------------------

adapters = typer.Typer(help="LoRAs: what others trained on top of ACE-Step, kept here under a name.")
app.add_typer(adapters, name="loras")
LoraName = Annotated[str, typer.Argument(metavar="NAME", help="A LoRA, as `studio loras` lists it.")]


@adapters.callback(invoke_without_command=True)
def list_loras(context: typer.Context, as_json: Json = False) -> int:
    """Those that are here, what they are made for, and those that are published."""
    if context.invoked_subcommand is not None:
        return 0
    import checkpoints
    import loras

    with _settled():
        rows = [lora.summary() for lora in loras.there()]
    here = {row["name"] for row in rows}
    more = [one for one in checkpoints.known("lora").values() if one.name not in here]
    if as_json:
        _print_json({"loras": rows, "published": [{"name": one.name} | _licence(one) for one in more]})
        return 0
    lines = [f"{row['name']:<28} {row['problem'] or row['words']}" for row in rows]
    lines += [f"{one.name:<28} not here; get it: studio models get {one.name}. {one.licence.sentence}" for one in more]
    _print("\n".join(lines))
    return 0


@adapters.command(name="add")
def add_lora(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .safetensors file, or the folder that PEFT made.")],
    name: Annotated[str, typer.Option("--name", help="What to call it. Default: as the file is called.")] = "",
    config: Annotated[Path | None, typer.Option("--config", help="Its adapter_config.json, if it lies apart.")] = None,
    as_json: Json = False,
) -> int:
    """Look a LoRA through and keep it. The same file twice is one."""
    import loras

    with _settled():
        row = loras.add(file, name, config).summary()
    _print_json(row) if as_json else _print(f"{row['name']}: {row['words']}. Use it with --loras {row['name']}:1")
    return 0


@adapters.command(name="forget")
def forget_lora(
    name: LoraName,
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
    as_json: Json = False,
) -> int:
    """Remove a LoRA. What was made with it stays, but cannot be made again."""
    import loras

    if not yes:
        raise BadRequest("yes", f"say --yes to remove {name[:80]}; it would have to be added again")
    with _settled():
        gone = loras.forget(name)
    _print_json({"name": gone.name, "freed": gone.bytes}) if as_json else _print(f"{gone.name} is gone.")
    return 0


# --- the machine ------------------------------------------------------------------------------------------------------


@app.command(name="doctor")
def examine(as_json: Json = False) -> int:
    """What this machine has, and what each engine lacks."""
    import doctor

    findings = doctor.examine()
    if as_json:
        _print_json({finding.name: finding.__dict__ for finding in findings})
    else:
        _print("\n".join(f"{finding.name:<12} {finding.said}" for finding in findings))
    return 3 if any(finding.fatal for finding in findings) else 0


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: this machine only.")] = None,
    port: Annotated[str | None, typer.Option(help="Port to listen on. Default: 7860.")] = None,
) -> None:
    """Open the studio in a browser."""
    if host is not None:
        os.environ["STUDIO_HOST"] = host
    if port is not None:
        os.environ["STUDIO_PORT"] = port
    from settings import ROOT

    # The page takes this process over, so that signals reach it and nothing else.
    os.execv(sys.executable, [sys.executable, str(ROOT / "app.py")])


@contextlib.contextmanager
def _studio() -> Iterator["Studio"]:
    """The studio without its page. What an engine prints goes to stderr: stdout is for the answer alone."""
    import backend
    from settings import settings

    with _settled():
        config = settings()
    studio = backend.Studio(config.model_copy(update={"lane": "inline"}))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield studio
    finally:
        studio.close()


@contextlib.contextmanager
def _settled() -> Iterator[None]:
    """Say what is wrong with the environment in the studio's own words."""
    from pydantic import ValidationError

    from settings import complaint

    try:
        yield
    except ValidationError as error:
        raise CannotOpen(complaint(error)) from None


# --- words ------------------------------------------------------------------------------------------------------------


def _print(text: str) -> None:
    """Text for people. Titles come from files of others, so nothing in them may steer the terminal."""
    print("".join(c if c == "\n" or c.isprintable() else " " for c in text))


def _print_json(values: dict[str, Any]) -> None:
    print(json.dumps(values, allow_nan=False))


def _described(take: dict[str, Any]) -> str:
    facts = take["facts"]
    sound = f"{facts['lufs']:.1f} LUFS, true peak {facts['true_peak_dbtp']:.1f} dBTP, {take['duration']:g} s"
    lines = [take["title"], take["plan"].get("words", ""), f"{sound}, seed {take['seed']}", *take["notices"]]
    return "\n".join([*filter(None, lines), take["files"].get("out") or take["files"]["audio"] or ""])


def _line(take: dict[str, Any]) -> str:
    plan = take["plan"]
    heart = "*" if take["favourite"] else " "
    about = ", ".join(f"{plan[name]:g} bpm" if name == "bpm" else plan[name] for name in SHOWN if name in plan)
    made = take["created"][:16].replace("T", " ")
    return f"{take['id']} {heart} {made} {take['duration']:5.0f} s  {take['title']} ({about})"


if __name__ == "__main__":
    sys.exit(main())
