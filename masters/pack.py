"""A master as a file: WAV at any depth, FLAC, and what is packed with losses, decoded and measured."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, TypeVar

import numpy as np
import soundfile

import dsp
import post_process
import tags
from durable import atomic
from masters import lame, ogg
from masters.depth import pcm16
from masters.shape import Made, quieter, said
from song.audio import Audio
from song.master import Master
from song.progress import Progress, part, silent
from song.take import Recipe

CLIPPING = 0.0  # dBTP that a packed file stays below where no ceiling was asked for
_NEAR = 0.02  # dB that are taken off more than needed, with every attempt
_TRIES = 4
_BLOCK = post_process.BLOCK
Block = TypeVar("Block")
_MP3: dict[str, Any] = {"format": "MP3", "subtype": "MPEG_LAYER_III", "compression_level": 0.0}
_PACKED: dict[tuple[str, str], dict[str, Any]] = {
    ("flac", "24"): {"format": "FLAC", "subtype": "PCM_24"},
    ("flac", "16"): {"format": "FLAC", "subtype": "PCM_16"},
    # libsndfile counts down from the best that a kind has: 320 kbit/s and V0 of MP3, and here 256 kbit/s of Opus.
    ("mp3", "320"): _MP3 | {"bitrate_mode": "CONSTANT"},
    ("mp3", "v0"): _MP3 | {"bitrate_mode": "VARIABLE"},
    ("opus", "320"): {"format": "OGG", "subtype": "OPUS", "compression_level": 0.5},
}


def write_wav(path: Path, made: Made, recipe: Recipe, depth: str, cover: bytes, progress: Progress = silent) -> None:
    """A WAV with tags, cover and what a Broadcast Wave File says of itself. Raises DiskFull."""
    audio, code = made.audio, 3 if depth == "32f" else 1
    done = " ".join(made.done).replace(",", ";").replace(".", "") if made.done else f"{audio.sample_rate} Hz, {depth}"
    facts = post_process.facts(audio)
    before, after = post_process.wav_tags(recipe, audio.sample_rate, depth, facts, made.head, done, cover)
    with atomic(path) as beside, open(beside, "wb") as file:
        bits = int(depth.removesuffix("f"))
        blocks = _told(_wav_blocks(audio, depth), audio, progress, "Writing")
        post_process.write_riff(file, audio, code, bits, before, blocks, after)


def _wav_blocks(audio: Audio, depth: str) -> Iterator[bytes | np.ndarray]:
    if depth == "16":
        yield from _dithered(audio)
        return
    for start in range(0, audio.frames, _BLOCK):
        block = audio.samples[:, start : start + _BLOCK]
        yield dsp.pcm24(block) if depth == "24" else block.T.astype("<f4").tobytes()


def pack(
    path: Path, kind: str, made: Made, recipe: Recipe, master: Master, cover: bytes, progress: Progress = silent
) -> tuple[str, ...]:
    """Encode beside, then put our tags where libsndfile's would be: it has no field for a tempo, a key or a recipe.
    What was done, in sentences. Raises DiskFull."""
    with atomic(path) as beside, TemporaryFile(dir=path.parent) as raw:
        if kind == "flac":
            blocks = _told(_whole_blocks(made.audio, master.depth), made.audio, progress, "Packing")
            _encode(raw, _PACKED[kind, master.depth], made.audio, blocks)
            told: tuple[str, ...] = ()
        else:
            ceiling = max(CLIPPING, made.ceiling_dbtp) if master.ceiling_dbtp is None else made.ceiling_dbtp
            told = _encode_below(raw, kind, master.quality, made.audio, ceiling, progress)
        raw.seek(0)
        with open(beside, "wb") as out:
            if kind == "opus":
                out.writelines(ogg.retagged(raw, tags.vorbis_comment(recipe, cover)))
            else:
                out.write(tags.flac_head(raw, recipe, cover) if kind == "flac" else tags.id3(recipe, cover))
                shutil.copyfileobj(raw, out, 2**20)
    return (*made.done, *told)


def _encode_below(
    raw: BinaryIO, kind: str, quality: str, audio: Audio, ceiling: float, progress: Progress
) -> tuple[str, ...]:
    """Encode, decode, and look: what is packed with losses peaks elsewhere, and may have to be made again, quieter."""
    down, stage = 0.0, "Packing"
    for attempt in range(1, _TRIES + 1):
        sound = quieter(audio, down) if down else audio
        blocks = _told(_float_blocks(sound), sound, part(progress, 0.0, 0.9), stage)
        peak = _packed_peak(raw, kind, quality, sound, blocks)
        stage = "Packing again, quieter"
        if peak <= ceiling:
            return (said(down, ceiling),) if down else ()
        down += peak - ceiling + attempt * _NEAR
    return (f"True peak reaches {peak:.1f} dBTP once it is decoded.",)


def _packed_peak(raw: BinaryIO, kind: str, quality: str, audio: Audio, blocks: Iterable[np.ndarray]) -> float:
    """Encode into `raw`; the true peak of what comes out of it again, dBTP."""
    raw.seek(0)
    raw.truncate()
    if kind == "mp3" and (c := lame.usable()):
        lame.encode(c, raw, audio.sample_rate, audio.channels, quality, blocks)
    else:
        _encode(raw, _PACKED[kind, quality], audio, blocks)
    raw.seek(0)
    samples, rate = soundfile.read(raw, dtype="float32", always_2d=True)
    return dsp.true_peak(np.ascontiguousarray(samples.T), rate)


def _float_blocks(audio: Audio) -> Iterator[np.ndarray]:
    for start in range(0, audio.frames, _BLOCK):
        yield np.ascontiguousarray(audio.samples[:, start : start + _BLOCK].T)


def _whole_blocks(audio: Audio, depth: str) -> Iterator[np.ndarray]:
    """Whole numbers at the top of their type, as libsndfile takes them."""
    if depth == "16":
        yield from _dithered(audio)
        return
    for block in _float_blocks(audio):
        yield np.clip(np.rint(block * np.float32(2**23)), -(2**23), 2**23 - 1).astype(np.int32) << 8


def _dithered(audio: Audio) -> Iterator[np.ndarray]:
    numbers = pcm16(audio.samples)
    return (numbers[start : start + _BLOCK] for start in range(0, audio.frames, _BLOCK))


def _told(blocks: Iterable[Block], audio: Audio, progress: Progress, stage: str) -> Iterator[Block]:
    """The blocks of a sound, with how many have gone by."""
    for number, block in enumerate(blocks):
        progress(number * _BLOCK / audio.frames, stage)
        yield block


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
