"""The studio in a terminal. Songs and JSON go to stdout, everything else to stderr.

Exit codes: 0 made, 1 compared and unlike, 2 the request cannot be used, 3 this machine cannot do it, 130 cancelled.
"""

import inspect
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

import private
from song.errors import BadRequest, Cancelled, StudioError
from song.files import KINDS
from song.master import Master, read_master
from song.request import Cover, Edit, Extend, Generate, Knobs, fields, read
from song.writing import WriteLyrics, read_brief
from terminal.common import (
    SONG,
    Json,
    check_place,
    copied,
    finished,
    opened,
    print_json,
    print_text,
    song_id,
    stoppable,
)
from terminal.comparing import compare
from terminal.flags import knob_flags, parameter, switches, typed
from terminal.loras import adapters
from terminal.models import models
from terminal.pack import gamepack
from terminal.stems import separate

if TYPE_CHECKING:
    from backend import Studio
    from song.audio import Audio
    from song.take import Recipe

FORMATS = {".wav": "wav", ".flac": "flac", ".mp3": "mp3", ".opus": "opus"}
_SLICE = re.compile(r"^(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)$")  # 12:24, as slices are written: 12 s to 24 s
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
app.add_typer(models, name="models")
app.add_typer(adapters, name="loras")
app.command()(separate)
app.command()(compare)
app.command()(gamepack)

Out = Annotated[
    Path | None, typer.Option("--out", help="Where to put the song: a name ending in .wav, .flac, .mp3 or .opus.")
]
Id = Annotated[str, typer.Argument(metavar="ID", help="A take in the library.")]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code. What is wrong is said in one sentence on stderr."""
    private.umask()
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
        said = {name: typed(fields(mode)[name], text) for name, text in words.items() if text is not None}
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
    with opened() as studio:
        request = read(said | ({"source": song_id(studio, song)} if said["mode"] != "generate" else {}))
        job = finished(studio, studio.submit(request))
        takes = [_delivered(studio, id, out, number, stems, as_json) for number, id in enumerate(job.takes)]
    if job.state == "cancelled":
        return _complain("Cancelled.", CANCELLED)
    if job.state != "done":
        return _complain(job.error or "The song was not made.", 2 if job.error_code == BadRequest.code else 3)
    if as_json:
        print_json(takes[0] | ({"takes": takes} if request.variations > 1 else {}))
    else:
        print_text("\n\n".join(_described(take) for take in takes))
    return 0


def _flags(mode: type[Knobs]) -> inspect.Signature:
    """The knobs as flags. All but switches are text here, so that a bad number gets the same sentence as everywhere."""
    knobs = dict(fields(mode))
    words = knobs.pop("prompt")
    source = knobs.pop("source", None)
    members = knob_flags("prompt", words, knobs)
    if source:
        kind = Annotated[str, typer.Argument(metavar="FILE|ID", help=SONG, show_default=False)]
        members.insert(0, inspect.Parameter("song", inspect.Parameter.KEYWORD_ONLY, annotation=kind))
    every = typer.Option(
        "--stems/--no-stems", help="Also make the zip of stems. Default: with --json, where there are any."
    )
    members += [
        parameter("out", *get_args(Out)),
        inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json),
        parameter("stems", bool | None, every),
    ]
    return inspect.Signature(members, return_annotation=int)


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


def _delivered(
    studio: "Studio", id: str, out: Path | None, number: int, stems: bool | None, as_json: bool
) -> dict[str, Any]:
    """A take's summary, once its files are where they were asked for. A second variation becomes song-2.wav."""
    if stems or (stems is None and as_json and studio.library.take(id).recipe.stems):
        studio.export(id, "stems")
    take = studio.library.take(id).summary()
    if out is not None:
        place = out if number == 0 else out.with_stem(f"{out.stem}-{number + 1}")
        copied(studio.export(id, FORMATS[out.suffix.lower()]), place)
        take["files"]["out"] = str(place.absolute())
    return take


for _mode in (Generate, Cover, Extend, Edit):
    app.command(name=str(_mode.model_fields["mode"].default))(_command(_mode))


def _lyrics(*, as_json: bool, **words: Any) -> int:
    """Write lyrics from a brief: in English at once, with no download; in other languages by a model that is here."""
    import lyrics

    said = {name: typed(fields(WriteLyrics)[name], text) for name, text in words.items() if text is not None}
    request = read_brief(said)
    if lyrics.chosen(request).folder is None:  # needs no studio
        written = lyrics.write(request)
    else:
        with opened() as studio:
            *_, written = studio.write(request)
    if as_json:
        print_json(written.summary() | {"lyrics": str(written.lyrics)})
    else:
        print("\n".join([f"{written.title} (seed {written.seed})", *written.notices]), file=sys.stderr)
        print_text(str(written.lyrics))
    return 0


_lyrics.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [
        *knob_flags(
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
    with opened() as studio:
        id = song_id(studio, song)
        origin, heard = studio.source(id), studio.listen(id)
    if as_json:
        print_json({"source": id, "title": origin.title, "words": heard.words()} | heard.model_dump(mode="json"))
    else:
        corrections = "Correct me with --source-bpm, --source-key, --source-meter, --source-downbeat, --source-chords."
        sure = f"Sure of the tempo: {heard.bpm_confidence:.0%}, of the key: {heard.key_confidence:.0%}."
        print_text("\n".join([heard.words(), sure, heard.grid(), corrections, *origin.notices, f"Its id is {id}."]))
    return 0


@app.command()
def verify_edit(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="The song as it was: WAV or FLAC.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="The song with its edit: WAV or FLAC.")],
    region: Annotated[str, typer.Option("--region", help='What may differ, in seconds: "12-24, 40-48" or 12:24.')] = "",
    as_json: Json = False,
) -> int:
    """Count the samples that differ outside the regions of an edit. Fails with 1 if there are any."""
    import post_process
    from song import regions

    old, new = (_lossless(path) for path in (before, after))
    if (old.sample_rate, old.channels, old.frames) != (new.sample_rate, new.channels, new.frames):
        raise BadRequest("after", "has another length, rate or number of channels than the song before")
    spans = regions.inside(_SLICE.sub(r"\1-\2", region.strip()), new.duration)
    inside = [(round(start * new.sample_rate), round(end * new.sample_rate)) for start, end in spans]
    compared, changed = post_process.difference(old, new, inside)
    if as_json:
        print_json({"identical": not changed, "compared": compared, "changed_outside": changed})
    else:
        print_text(f"{changed} of {compared} samples outside the regions differ.")
    return 1 if changed else 0


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
    sell: Annotated[str, typer.Option(help="May they be sold? Only those of which it is yes, no or unknown.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    as_json: Json = False,
) -> int:
    """The takes that were kept, newest first."""
    with opened() as studio:
        asked: dict[str, Any] = {"search": search, "favourites": favourites, "sell": sell}
        takes = [kept.summary() for kept in studio.library.takes(**asked, limit=limit)]
        count = studio.library.count(**asked)
    if as_json:
        print_json({"count": count, "takes": takes})
    elif takes:
        print_text("\n".join(_line(take) for take in takes))
    else:
        print("Nothing found." if search or favourites or sell else "Nothing here yet.", file=sys.stderr)
    return 0


@app.command()
def show(id: Id, as_json: Json = False) -> int:
    """Everything about one take."""
    with opened() as studio:
        take = studio.library.take(id).summary()
    print_json(take) if as_json else print_text(_described(take))
    return 0


def _export(*, id: str, kind: str, out: Path | None, **said: Any) -> int:
    """A take as a file. What the flags ask for is done to a WAV, FLAC, MP3 or Opus; the take stays as it is."""
    if out is not None:
        check_place(out)
    shape = read_master(kind, {name: value for name, value in said.items() if value is not None})
    with opened() as studio, stoppable() as progress:
        path = studio.export(id, kind, shape, progress)
        done = studio.done(path)
        if out is not None:
            copied(path, out)
    print_text(str(out or path))
    print("\n".join(done), end="\n" * bool(done), file=sys.stderr)
    return 0


def _export_flags() -> inspect.Signature:
    """Take and kind, where to put it, and a flag for whatever a master can be."""
    one_of = f"{', '.join(KINDS[:-1])} or {KINDS[-1]}."
    shape = switches(fields(Master))
    kind = inspect.Parameter.KEYWORD_ONLY
    place = Annotated[Path | None, typer.Option("--out", help="Where to put it. Default: beside the take.")]
    return inspect.Signature(
        [
            inspect.Parameter("id", kind, annotation=Id),
            inspect.Parameter("kind", kind, annotation=Annotated[str, typer.Argument(metavar="KIND", help=one_of)]),
            inspect.Parameter("out", kind, default=None, annotation=place),
            *shape,
        ]
    )


_export.__signature__ = _export_flags()  # type: ignore[attr-defined]
app.command(name="export")(_export)


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
    with opened() as studio:
        path, told = studio.loop(id, bar, bars, times)
        if out is not None:
            check_place(out)
            copied(path, out)
    told = told | {"out": str(out or path)}
    words = f"bars {told['bar']} to {told['bar'] + told['bars'] - 1}, seam {told['seam_db']:+.1f} dB"
    print_json(told) if as_json else print_text(f"{told['out']}: {words}")
    return 0


@app.command()
def forget(id: Id) -> int:
    """Take a song out of the library. It can be restored for a week."""
    with opened() as studio:
        title = studio.library.forget(id).recipe.title
    print_text(f"Forgot {title}. Bring it back with: studio restore {id}")
    return 0


@app.command()
def restore(id: Id) -> int:
    """Bring a forgotten song back."""
    with opened() as studio:
        title = studio.library.restore(id).recipe.title
    print_text(f"{title} is back.")
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
    with opened() as studio, tempfile.TemporaryDirectory(prefix="studio-") as folder:
        recipe = _recipe(studio, song)
        path, again, identical = studio.replay(recipe, Path(folder))
        if out is not None:
            _write_again(path, out, again)
    differences = _differences(recipe, again)
    if as_json:
        told = {"id": recipe.id, "title": recipe.title, "identical": identical, "differences": differences}
        print_json(told | {"duration": again.duration, "out": str(out.absolute()) if out else None})
    else:
        print_text(_verdict(recipe, identical, differences))
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
    import masters

    with durable.room(), private.as_asked():
        masters.convert(path, out, recipe)


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


# --- the machine ------------------------------------------------------------------------------------------------------


@app.command(name="doctor")
def examine(as_json: Json = False) -> int:
    """What this machine has, and what each engine lacks."""
    import doctor

    findings = doctor.examine()
    if as_json:
        print_json({finding.name: finding.__dict__ for finding in findings})
    else:
        print_text("\n".join(f"{finding.name:<12} {finding.said}" for finding in findings))
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


# --- words ------------------------------------------------------------------------------------------------------------


def _described(take: dict[str, Any]) -> str:
    facts = take["facts"]
    sound = f"{facts['lufs']:.1f} LUFS, true peak {facts['true_peak_dbtp']:.1f} dBTP, {take['duration']:g} s"
    sold = f"May it be sold? {take['ledger']['reason']}"
    lines = [take["title"], take["plan"].get("words", ""), f"{sound}, seed {take['seed']}", *take["notices"], sold]
    return "\n".join([*filter(None, lines), take["files"].get("out") or take["files"]["audio"] or ""])


def _line(take: dict[str, Any]) -> str:
    plan = take["plan"]
    heart = "*" if take["favourite"] else " "
    about = ", ".join(f"{plan[name]:g} bpm" if name == "bpm" else plan[name] for name in SHOWN if name in plan)
    made = take["created"][:16].replace("T", " ")
    return f"{take['id']} {heart} {made} {take['duration']:5.0f} s  {take['title']} ({about})"


if __name__ == "__main__":
    sys.exit(main())
