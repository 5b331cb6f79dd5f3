"""studio gamepack: a theme for games, in layers that stack."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from song.errors import Cancelled, CannotMake
from song.request import Generate, read
from terminal.common import Json, check_place, copied, finished, opened, print_json, print_text

if TYPE_CHECKING:
    from backend import Studio

THEME = "What the theme should be, in words; or the id of a take that the composer made."
_ID = re.compile(r"[0-9a-f]{20}(-\d+)?")  # see library.take_id


def gamepack(
    theme: Annotated[str, typer.Argument(metavar="WORDS|ID", help=THEME)],
    seed: Annotated[int | None, typer.Option("--seed", help="Of a theme in words. Default: by chance.")] = None,
    bar: Annotated[int | None, typer.Option(help="The first bar, from 1. Default: the liveliest section's.")] = None,
    bars: Annotated[int | None, typer.Option(help="How many. Default: to that section's end, 8 at most.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Where to put the zip. Default: beside the take.")] = None,
    as_json: Json = False,
) -> int:
    """A theme as three layers that loop and stack, two transitions and two stingers, with a cue sheet, in one zip."""
    if out is not None:
        check_place(out)
    with opened() as studio:
        path, cues = studio.gamepack(_take(studio, theme, seed), bar, bars)
        if out is not None:
            copied(path, out)
    told = cues | {"out": str((out or path).absolute())}
    print_json(told) if as_json else print_text(_words(told))
    return 0


def _take(studio: "Studio", theme: str, seed: int | None) -> str:
    """The take that was named, or one that is made of the words."""
    if _ID.fullmatch(theme):
        return theme
    said = {"mode": Generate.model_fields["mode"].default, "prompt": theme, "engine": "composer", "seed": seed}
    job = finished(studio, studio.submit(read(said)))
    if job.state == "cancelled":
        raise Cancelled("Cancelled.")
    if job.state != "done":
        raise CannotMake(job.error or "The theme was not made.")
    return job.takes[0]


def _words(told: dict[str, Any]) -> str:
    above, below = told["meter"]
    grid = f"{told['bars']} bars of {above}/{below} at {told['bpm']:g} bpm in {told['key']}"
    layers = [f"  {one['file']}: {', '.join(one['players'])}" for one in told["layers"]]
    others = [f"  {one['file']}" for one in (*told["transitions"], *told["stingers"])]
    level = f"All layers together: {told['lufs']:.1f} LUFS, true peak {told['true_peak_dbtp']:.1f} dBTP."
    return "\n".join([f"{told['title']}: {grid}", *layers, *others, level, told["out"]])
