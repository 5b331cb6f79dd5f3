"""studio compare: what differs between two songs."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from song.errors import BadRequest
from terminal.common import SONG, Json, opened, print_json, print_text

if TYPE_CHECKING:
    from backend import Studio
    from song.audio import Audio
    from song.take import Recipe

ROWS = {"sample_rate": "Hz", "channels": "channels", "duration": "s", "lufs": "LUFS", "true_peak_dbtp": "dBTP"}


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help=SONG)],
    b: Annotated[str, typer.Argument(metavar="B", help="The song to hold against it.")],
    as_json: Json = False,
) -> int:
    """What differs in the recipes of two songs, field by field, and in their sound.

    Ends with 0 where every sample is the same, whatever the recipes say, and with 1 where the sounds differ.
    """
    import compare as room

    with opened() as studio, tempfile.TemporaryDirectory(prefix="studio-") as folder:
        (recipe, sound), (other, against) = (_opened(studio, song, Path(folder)) for song in (a, b))
    told: dict[str, Any] = {"sound": room.sounds(sound, against), "recipes": None, "notices": []}
    told["notices"] = [f"{name} has no recipe of the studio; only the sound is compared."
                       for name, one in ((a, recipe), (b, other)) if one is None]  # fmt: skip
    if recipe and other:
        told["recipes"] = room.recipes(recipe, other)
    for side, one in (("a", recipe), ("b", other)):
        told["sound"][side] |= {"bpm": one.facts.bpm if one else None, "key": one.facts.key if one else None}
    print_json(told) if as_json else print_text("\n".join(_words(told)))
    return 0 if told["sound"]["identical"] else 1


def _opened(studio: "Studio", song: str, folder: Path) -> "tuple[Recipe | None, Audio]":
    """Recipe and sound of a file or an id. A file is not taken into the library; a stranger's is unpacked apart."""
    import decode
    import post_process
    import tags

    path = Path(song)
    if not (path.exists() or path.suffix or path.name != song):
        origin = studio.source(song)
        return origin.recipe, post_process.read(origin.path)
    sound = decode.decode(path, folder).path
    try:
        recipe = tags.read_recipe(path)
    except BadRequest:
        recipe = None
    return recipe, post_process.read(sound)


def _words(told: dict[str, Any]) -> list[str]:
    sound, recipes = told["sound"], told["recipes"]
    lines = list(told["notices"])
    if recipes is not None:
        lines += [f"{name}: {_short(then)} | {_short(now)}" for name, (then, now) in recipes.items()]
        lines += [] if recipes else ["The recipes are the same."]
    lines += [_row(sound, name, unit) for name, unit in (ROWS | {"bpm": "bpm", "key": ""}).items()]
    return [*filter(None, lines), _verdict(sound)]


def _row(sound: dict[str, Any], name: str, unit: str) -> str:
    mine, other = (sound[side][name] for side in ("a", "b"))
    if mine is None and other is None:
        return ""
    same = "the same" if mine == other else "unlike"
    return f"{name.replace('_', ' ')}: {_short(mine)} | {_short(other)} {unit}".rstrip() + f" ({same})"


def _short(value: Any) -> str:
    text = "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _verdict(sound: dict[str, Any]) -> str:
    if sound["identical"]:
        return "Identical: every sample is the same."
    if sound["first"] is None:
        return "The sounds differ: unlike rates or channels, so they cannot be laid over each other."
    if sound["difference_db"] is None:
        return f"The sounds differ: one of them ends at {sound['first']:g} s, up to there they are the same."
    return f"The sounds differ from {sound['first']:g} s on; the difference is at {sound['difference_db']:+.1f} dB."
