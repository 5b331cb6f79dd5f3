"""Sound as MusicGen wants to hear it, and what it plays as the studio keeps it: rates, channels, melodies to follow."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.composer import Composer
from engines.musicgen import brief
from engines.musicgen.chroma import RATE, chroma, wrapped
from song.audio import SAMPLE_RATE, Audio
from song.progress import Progress, part
from song.request import Generate

if TYPE_CHECKING:
    from engines.musicgen.model import Model


def guide(request: Any, progress: Progress) -> np.ndarray | None:
    """What the composer plays where chords, form or meter are given, without its drums: mono at `RATE`."""
    if not isinstance(request, Generate) or not brief.guided(request):
        return None
    wanted = request.model_copy(update={"duration": brief.new_seconds(request)})
    take = Composer().generate(wanted, part(progress, 0.0, 0.0))
    pitched = [stem.samples for name, stem in take.stems.items() if name not in ("drums", "percussion")]
    return mono(Audio(np.stack(pitched).sum(axis=0)))


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
