"""A kept WAV -> another file."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import numpy as np
import soundfile

import dsp
import post_process
import tags
from dsp.splice import resampled
from durable import atomic, copy
from masters import ogg, picture
from masters.depth import pcm16
from song.audio import Audio
from song.errors import BadRequest, CannotMake
from song.files import SOUNDS
from song.master import Master, check
from song.take import Facts, Recipe

SILENT = 10 ** (-60 / 20)  # what lies below at head and tail is cut where that is asked for
KEPT_SECONDS = 0.02  # of it, so that nothing begins or ends abruptly; it is faded
CEILING = -1.0  # dBTP that a file stays below, or as high as the take itself where that is higher
_NEAR = 0.02  # dB that are taken off more than needed
CLIPPING = 0.0  # dBTP that a packed file stays below where no ceiling was asked for
_TRIES = 4
_BLOCK = post_process.BLOCK
_MP3: dict[str, Any] = {"format": "MP3", "subtype": "MPEG_LAYER_III", "compression_level": 0.0}
_PACKED: dict[tuple[str, str], dict[str, Any]] = {
    ("flac", "24"): {"format": "FLAC", "subtype": "PCM_24"},
    ("flac", "16"): {"format": "FLAC", "subtype": "PCM_16"},
    # libsndfile counts down from the best that a kind has: 320 kbit/s and V0 of MP3, and here 256 kbit/s of Opus.
    ("mp3", "320"): _MP3 | {"bitrate_mode": "CONSTANT"},
    ("mp3", "v0"): _MP3 | {"bitrate_mode": "VARIABLE"},
    ("opus", "320"): {"format": "OGG", "subtype": "OPUS", "compression_level": 0.5},
}


@dataclass(frozen=True, eq=False)
class Made:
    """A master before it is packed: sound, how many frames of it were cut at the head, what was done, in words, and the
    true peak that it keeps below, in dBTP."""

    audio: Audio
    head: int
    done: tuple[str, ...]
    ceiling_dbtp: float


def convert(wav: Path, out: Path, recipe: Recipe, master: Master | None = None) -> tuple[str, ...]:
    """A kept WAV as ".wav", ".flac", ".mp3" or ".opus"; what was done to its sound, in sentences.

    Raises BadRequest for what such a file cannot be, CannotMake for a song that is silent, DiskFull.
    """
    kind, master = out.suffix.removeprefix(".").lower(), master or Master()
    if kind not in SOUNDS:
        raise BadRequest("kind", f"must be one of {', '.join(SOUNDS)}")
    check(kind, master)
    if kind == "wav" and master.plain:
        copy(wav, out)
        return ()
    made = shaped(post_process.read(wav), recipe, master)
    cover = picture.cover(made.audio)
    if kind == "wav":
        _write_wav(out, made, recipe, master.depth, cover)
        return made.done
    return _pack(out, kind, made, recipe, master, cover)


def shaped(audio: Audio, recipe: Recipe, master: Master) -> Made:
    """The take's sound as a master wants it, before depth and packing."""
    ceiling = CEILING if master.ceiling_dbtp is None else master.ceiling_dbtp
    head, done = 0, []
    if master.trim:
        audio, head, tail = _trimmed(audio)
        done.append(f"{head / audio.sample_rate:.2f} s of silence cut at the head, {tail:.2f} s at the tail.")
    if master.target_lufs is not None or master.ceiling_dbtp is not None:
        wanted = dsp.loudness(audio.samples, audio.sample_rate) if master.target_lufs is None else master.target_lufs
        finished = post_process.finish(audio, target_lufs=wanted, ceiling_dbtp=ceiling)
        audio = finished.audio
        done += [f"At {finished.lufs:.1f} LUFS.", *finished.notices]
    else:
        ceiling = max(ceiling, recipe.facts.true_peak_dbtp)
    if master.rate != audio.sample_rate:
        head = round(head * master.rate / audio.sample_rate)
        audio = Audio(resampled(audio.samples, audio.sample_rate, master.rate), master.rate)
        audio, said = _below(audio, ceiling)
        done += said
    return Made(audio, head, tuple(done), ceiling)


def portray(wav: Path, out: Path, facts: Facts) -> None:
    """The picture of a kept WAV; what an older take's facts lack is measured. Raises DiskFull."""
    audio = post_process.read(wav)
    facts = post_process.facts(audio) if facts.crest_db is None else facts
    with atomic(out) as beside:
        beside.write_bytes(picture.picture(audio, facts))


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


def _below(audio: Audio, ceiling: float) -> tuple[Audio, tuple[str, ...]]:
    """As it is, or as much quieter as true peak lies above the ceiling."""
    over = dsp.true_peak(audio.samples, audio.sample_rate) - ceiling
    if over <= 0:
        return audio, ()
    return _quieter(audio, over + _NEAR), (_said(over + _NEAR, ceiling),)


def _quieter(audio: Audio, db: float) -> Audio:
    return Audio(audio.samples * np.float32(10 ** (-db / 20)), audio.sample_rate)


def _said(db: float, ceiling: float) -> str:
    return f"{db:.1f} dB quieter than the take, so that true peak stays below {ceiling:g} dBTP."


# --- files ------------------------------------------------------------------------------------------------------------


def _write_wav(path: Path, made: Made, recipe: Recipe, depth: str, cover: bytes) -> None:
    audio, code = made.audio, 3 if depth == "32f" else 1
    done = " ".join(made.done).replace(",", ";").replace(".", "") if made.done else f"{audio.sample_rate} Hz, {depth}"
    facts = post_process.facts(audio)
    before, after = post_process.wav_tags(recipe, audio.sample_rate, depth, facts, made.head, done, cover)
    with atomic(path) as beside, open(beside, "wb") as file:
        bits = int(depth.removesuffix("f"))
        post_process.write_riff(file, audio, code, bits, before, _wav_blocks(audio, depth), after)


def _wav_blocks(audio: Audio, depth: str) -> Iterator[bytes | np.ndarray]:
    if depth == "16":
        yield pcm16(audio.samples)
        return
    for start in range(0, audio.frames, _BLOCK):
        block = audio.samples[:, start : start + _BLOCK]
        yield dsp.pcm24(block) if depth == "24" else block.T.astype("<f4").tobytes()


def _pack(path: Path, kind: str, made: Made, recipe: Recipe, master: Master, cover: bytes) -> tuple[str, ...]:
    """Encode beside, then put our tags where libsndfile's would be: it has no field for a tempo, a key or a recipe."""
    with atomic(path) as beside, TemporaryFile(dir=path.parent) as raw:
        if kind == "flac":
            _encode(raw, _PACKED[kind, master.depth], made.audio, _whole_blocks(made.audio, master.depth))
            said: tuple[str, ...] = ()
        else:
            ceiling = max(CLIPPING, made.ceiling_dbtp) if master.ceiling_dbtp is None else made.ceiling_dbtp
            said = _encode_below(raw, _PACKED[kind, master.quality], made.audio, ceiling)
        raw.seek(0)
        with open(beside, "wb") as out:
            if kind == "opus":
                out.writelines(ogg.retagged(raw, tags.vorbis_comment(recipe, cover)))
            else:
                out.write(tags.flac_head(raw, recipe, cover) if kind == "flac" else tags.id3(recipe, cover))
                shutil.copyfileobj(raw, out, 2**20)
    return (*made.done, *said)


def _encode_below(raw: BinaryIO, how: dict[str, Any], audio: Audio, ceiling: float) -> tuple[str, ...]:
    """Encode, decode, and look: what is packed with losses peaks elsewhere, and may have to be made again, quieter."""
    down = 0.0
    for attempt in range(1, _TRIES + 1):
        peak = _packed_peak(raw, how, _quieter(audio, down) if down else audio)
        if peak <= ceiling:
            return (_said(down, ceiling),) if down else ()
        down += peak - ceiling + attempt * _NEAR
    return (f"True peak reaches {peak:.1f} dBTP once it is decoded.",)


def _packed_peak(raw: BinaryIO, how: dict[str, Any], audio: Audio) -> float:
    """Encode into `raw`; the true peak of what comes out of it again, dBTP."""
    raw.seek(0)
    raw.truncate()
    _encode(raw, how, audio, _float_blocks(audio))
    raw.seek(0)
    samples, rate = soundfile.read(raw, dtype="float32", always_2d=True)
    return dsp.true_peak(np.ascontiguousarray(samples.T), rate)


def _float_blocks(audio: Audio) -> Iterator[np.ndarray]:
    for start in range(0, audio.frames, _BLOCK):
        yield np.ascontiguousarray(audio.samples[:, start : start + _BLOCK].T)


def _whole_blocks(audio: Audio, depth: str) -> Iterator[np.ndarray]:
    """Whole numbers at the top of their type, as libsndfile takes them."""
    if depth == "16":
        yield pcm16(audio.samples)
        return
    for block in _float_blocks(audio):
        yield np.clip(np.rint(block * np.float32(2**23)), -(2**23), 2**23 - 1).astype(np.int32) << 8


def _encode(raw: BinaryIO, how: dict[str, Any], audio: Audio, blocks: Iterable[np.ndarray]) -> None:
    sink = _Sink(raw)
    try:
        with soundfile.SoundFile(sink, "w", audio.sample_rate, audio.channels, **how) as song:
            for block in blocks:
                song.write(block)
    finally:
        if sink.error:
            raise sink.error


class _Sink:
    """A file for libsndfile to write to. Errors in its callbacks would only be printed; here they are kept."""

    def __init__(self, file: BinaryIO):
        self.file = file
        self.error: OSError | None = None
        self.read, self.tell = file.read, file.tell

    def write(self, data: Any) -> int:
        return self._kept(self.file.write, data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._kept(self.file.seek, offset, whence)

    def _kept(self, act: Callable[..., int], *arguments: Any) -> int:
        try:
            return act(*arguments)
        except OSError as error:
            self.error = self.error or error
            return 0
