"""A kept take's sound as a master wants it, before depth and packing."""

from dataclasses import dataclass

import numpy as np

import dsp
import post_process
from dsp.splice import resampled
from song.audio import Audio
from song.errors import BadRequest, CannotMake
from song.master import Master
from song.progress import Progress, part, silent
from song.take import Recipe

SILENT = 10 ** (-60 / 20)  # what lies below at head and tail is cut where that is asked for
KEPT_SECONDS = 0.02  # of it, so that nothing begins or ends abruptly; it is faded
CEILING = -1.0  # dBTP that a file stays below, or as high as the take itself where that is higher
_NEAR = 0.02  # dB that are taken off more than needed


@dataclass(frozen=True, eq=False)
class Made:
    """A master before it is packed: sound, how many frames of it were cut at the head, what was done, in words, and the
    true peak that it keeps below, in dBTP."""

    audio: Audio
    head: int
    done: tuple[str, ...]
    ceiling_dbtp: float


def shaped(audio: Audio, recipe: Recipe, master: Master, progress: Progress = silent) -> Made:
    """The take's sound in the shape of a master: trimmed, faded, loud enough, at its rate.

    Raises CannotMake for a song that is silent where it is to be trimmed, BadRequest for a fade longer than the song.
    """
    ceiling = CEILING if master.ceiling_dbtp is None else master.ceiling_dbtp
    head, done = 0, []
    if master.trim:
        audio, head, tail = _trimmed(audio)
        done.append(f"{head / audio.sample_rate:.2f} s of silence cut at the head, {tail:.2f} s at the tail.")
    faded = audio
    if master.fade_in or master.fade_out:
        faded = _faded(audio, master.fade_in, master.fade_out)
        done.append(_fades(master))
    if master.target_lufs is not None or master.ceiling_dbtp is not None:
        wanted = dsp.loudness(faded.samples, audio.sample_rate) if master.target_lufs is None else master.target_lufs
        finished = post_process.finish(
            audio,  # it fades by itself, and what it takes away of a constant with it
            target_lufs=wanted,
            fade_in=master.fade_in,
            fade_out=master.fade_out,
            ceiling_dbtp=ceiling,
            progress=part(progress, 0.0, 0.8),
        )
        audio = finished.audio
        done += [f"At {finished.lufs:.1f} LUFS.", *finished.notices]
    else:
        audio, ceiling = faded, max(ceiling, recipe.facts.true_peak_dbtp)
    if master.rate != audio.sample_rate:
        progress(0.8, "Resampling")
        head = round(head * master.rate / audio.sample_rate)
        audio = Audio(resampled(audio.samples, audio.sample_rate, master.rate), master.rate)
        audio, told = _below(audio, ceiling)
        done += told
    return Made(audio, head, tuple(done), ceiling)


def _trimmed(audio: Audio) -> tuple[Audio, int, float]:
    """Without silence at the ends; frames that were cut at the head, seconds at the tail."""
    heard = np.flatnonzero((np.abs(audio.samples) > SILENT).any(axis=0))
    if not heard.size:
        raise CannotMake("The song is silent from its first to its last second, so nothing would be left of it.")
    keep = round(KEPT_SECONDS * audio.sample_rate)
    first, last = max(0, int(heard[0]) - keep), min(audio.frames, int(heard[-1]) + 1 + keep)
    rise, fall = (KEPT_SECONDS if cut else 0.0 for cut in (first, audio.frames - last))
    kept = dsp.fade(audio.samples[:, first:last], audio.sample_rate, rise, fall)
    return Audio(kept, audio.sample_rate), first, (audio.frames - last) / audio.sample_rate


def _faded(audio: Audio, fade_in: float, fade_out: float) -> Audio:
    """With fades, in seconds. Raises BadRequest where the song is too short for them."""
    for name, seconds in (("fade_in", fade_in), ("fade_out", fade_out)):
        if seconds > audio.duration:
            raise BadRequest(name, f"is longer than the song, which has {audio.duration:.1f} s; ask for less")
    if fade_in + fade_out > audio.duration:
        together = f"{fade_in + fade_out:g} s with the fade at the start"
        raise BadRequest("fade_out", f"takes {together}, and the song has {audio.duration:.1f} s; ask for less")
    return Audio(dsp.fade(audio.samples, audio.sample_rate, fade_in, fade_out), audio.sample_rate)


def _fades(master: Master) -> str:
    ways = (("in", master.fade_in), ("out", master.fade_out))
    return f"Faded {' and '.join(f'{way} over {seconds:g} s' for way, seconds in ways if seconds)}."


def _below(audio: Audio, ceiling: float) -> tuple[Audio, tuple[str, ...]]:
    """As it is, or as much quieter as true peak lies above the ceiling."""
    over = dsp.true_peak(audio.samples, audio.sample_rate) - ceiling
    if over <= 0:
        return audio, ()
    return quieter(audio, over + _NEAR), (said(over + _NEAR, ceiling),)


def quieter(audio: Audio, db: float) -> Audio:
    """The same sound, `db` decibels lower."""
    return Audio(audio.samples * np.float32(10 ** (-db / 20)), audio.sample_rate)


def said(db: float, ceiling: float) -> str:
    """What was done so that true peak keeps below a ceiling."""
    return f"{db:.1f} dB quieter than the take, so that true peak stays below {ceiling:g} dBTP."
