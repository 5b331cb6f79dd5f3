"""Sound as MusicGen wants to hear it, and what it plays as the studio keeps it: rates, channels, melodies to follow.

A melody is the loudest pitch class of every moment, so bass and drums must not be in what it is heard from: audiocraft
takes a song apart by Demucs first and listens to vocals and "other" (Copet et al. 2023, "Simple and Controllable Music
Generation", 4.1). So does the studio where Demucs is here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import checkpoints
import separation
from engines.composer import Composer
from engines.musicgen import brief
from engines.musicgen.chroma import RATE, chroma, wrapped
from song.audio import SAMPLE_RATE, Audio
from song.progress import Progress, part
from song.request import Generate

if TYPE_CHECKING:
    from engines.musicgen.model import Model


UNSUNG = ("bass", "drums", "percussion")  # parts that carry no melody


@dataclass(frozen=True, eq=False)
class Tune:
    """A melody to follow: the sound it is heard from, mono at `RATE`; what a take says of that; and for its recipe, who
    took the song apart, "<name> <revision>"."""

    samples: np.ndarray
    notice: str = ""
    separator: str = ""


def heard(audio: Audio, progress: Progress) -> Tune:
    """The melody of a song: from vocals and all else but bass and drums where Demucs is here, else from the whole mix,
    which the notice says. Raises NotEnoughMemory, CannotMake."""
    if lack := separation.lack():
        return whole(audio, lack)
    name, place = separation.chosen()
    try:
        parts = separation.separator().separate(audio, name, place, progress)
    finally:
        separation.separator().unload()  # MusicGen needs the memory now
    sung = np.stack([one.samples for role, one in parts.items() if role not in UNSUNG]).sum(axis=0)
    revision = str(checkpoints.manifest(place).get("revision", "")) or "unknown"
    notice = f"The melody was heard without bass and drums, by {name}. {separation.licence(name)}"
    return Tune(mono(Audio(sung, audio.sample_rate)), notice, f"{name} {revision}")


def whole(audio: Audio, why: str) -> Tune:
    """The melody of a song that could not be taken apart, and why."""
    return Tune(mono(audio), f"The melody was heard in the whole mix, with bass and drums. {why}")


def guide(request: Any, progress: Progress) -> np.ndarray | None:
    """What the composer plays where chords, form or meter are given, without bass and drums: mono at `RATE`."""
    if not isinstance(request, Generate) or not brief.guided(request):
        return None
    wanted = request.model_copy(update={"duration": brief.new_seconds(request)})
    take = Composer().generate(wanted, part(progress, 0.0, 0.0))
    pitched = [stem.samples for name, stem in take.stems.items() if name not in (*UNSUNG, "reverb")]
    return mono(Audio(np.stack(pitched or [take.audio.samples]).sum(axis=0)))


def melody(model: "Model", tune: np.ndarray, start: float = 0.0) -> Callable[[int], np.ndarray]:
    """The chroma of a tune, mono at `RATE`, for the window that begins at a frame of the song."""
    rate = model.codec.frames_per_second
    return lambda frame: chroma(wrapped(tune, start + frame / rate, model.window / rate))


def mono(audio: Audio) -> np.ndarray:
    """All of a song, at `RATE`, (samples,)."""
    return excerpt(audio, 0.0, audio.duration, 1)[0]


def excerpt(audio: Audio, start: float, end: float, channels: int) -> np.ndarray:
    """Seconds `start` to `end` at the codec's rate, float32 (channels, samples); one channel is the mean of two."""
    from dsp.splice import resampled

    heard = audio.samples[:, round(start * audio.sample_rate) : round(end * audio.sample_rate)]
    heard = heard if channels == 2 else heard.mean(axis=0, keepdims=True)
    return resampled(np.ascontiguousarray(heard), audio.sample_rate, RATE)


def at_home(sound: np.ndarray, model: "Model") -> np.ndarray:
    """The codec's sound as the studio keeps it: two channels at its own rate."""
    from dsp.splice import resampled

    sound = np.broadcast_to(sound, (2, sound.shape[1])) if sound.shape[0] == 1 else sound
    return resampled(np.ascontiguousarray(sound), model.codec.rate, SAMPLE_RATE)
