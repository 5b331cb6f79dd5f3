"""studio separate: a song in separate parts."""

from pathlib import Path
from typing import Annotated, Any

import typer

from terminal.common import (
    SONG,
    Json,
    check_place,
    copied,
    opened,
    print_json,
    print_text,
    song_id,
    stoppable,
)

MODEL = "A model of Demucs, as `studio models` lists it. Default: a take's own stems, or else the first that is here."


def separate(
    song: Annotated[str, typer.Argument(metavar="FILE|ID", help=SONG)],
    model: Annotated[str, typer.Option("--model", help=MODEL, show_default=False)] = "",
    out: Annotated[Path | None, typer.Option("--out", help="Where to put the zip. Default: beside the song.")] = None,
    as_json: Json = False,
) -> int:
    """The stems of a song as a zip, with what is left of the mix and a null test.

    A take that was made in parts gives those, which are exact. Any other song is taken apart by Demucs. Where the times
    of a take's words are estimated, they are timed by its vocal.
    """
    import post_process

    if out is not None:
        check_place(out)
    with opened() as studio, stoppable() as progress:
        path = studio.separate(song_id(studio, song), model, progress)
        done = studio.done(path)
        if out is not None:
            copied(path, out)
    told = post_process.stems_told(path) | {"done": list(done), "out": str((out or path).absolute())}
    print_json(told) if as_json else print_text(_words(told))
    return 0


def _words(told: dict[str, Any]) -> str:
    if "null" not in told:
        return str(told["out"])
    null = f"Null test: {told['null']['stems_db']:g} dB, with the residual {told['null']['whole_db']:g} dB."
    return "\n".join([told["by"], null, told["licence"], *told["done"], told["out"]])
