"""A kept WAV -> another file."""

from pathlib import Path

import post_process
from durable import atomic, copy
from masters import picture
from masters.pack import pack, write_wav
from masters.shape import shaped
from song.errors import BadRequest
from song.files import SOUNDS
from song.master import Master, check
from song.progress import Progress, part, silent
from song.take import Facts, Recipe


def convert(
    wav: Path, out: Path, recipe: Recipe, master: Master | None = None, progress: Progress = silent
) -> tuple[str, ...]:
    """A kept WAV as ".wav", ".flac", ".mp3" or ".opus"; what was done to its sound, in sentences.

    Raises BadRequest for what such a file cannot be and for a fade longer than the song, CannotMake for a song that is
    silent, DiskFull. `progress` may raise Cancelled; nothing half is left then.
    """
    kind, master = out.suffix.removeprefix(".").lower(), master or Master()
    if kind not in SOUNDS:
        raise BadRequest("kind", f"must be one of {', '.join(SOUNDS)}")
    check(kind, master)
    if kind == "wav" and master.plain:
        copy(wav, out)
        return ()
    progress(0.0, "Reading")
    made = shaped(post_process.read(wav), recipe, master, part(progress, 0.05, 0.25))
    cover, packing = picture.cover(made.audio), part(progress, 0.25, 1.0)
    if kind == "wav":
        write_wav(out, made, recipe, master.depth, cover, packing)
        return made.done
    return pack(out, kind, made, recipe, master, cover, packing)


def portray(wav: Path, out: Path, facts: Facts) -> None:
    """The picture of a kept WAV; what an older take's facts lack is measured. Raises DiskFull."""
    audio = post_process.read(wav)
    facts = post_process.facts(audio) if facts.crest_db is None else facts
    with atomic(out) as beside:
        beside.write_bytes(picture.picture(audio, facts))
