"""A stranger's file -> a plain WAV, in a child process that may be lost.

No byte of the file is read in this process. A child with hard limits on memory, time, disk and open files unpacks it
block by block and believes no header: WAV, AIFF, FLAC, MP3, Ogg and Opus by libsndfile, MP4 (m4a), AAC and Matroska by
ffmpeg where that is installed. What comes out is ours: 24-bit PCM, two channels, the file's own rate, finite, within
full scale.

The child is this same file, run as a script: it imports numpy and soundfile only.
"""

import json
import math
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import soundfile

from song.errors import BadRequest, DiskFull

BLOCK = 8_192  # frames read at once; where a file breaks off, the block it breaks in is lost
UNKNOWN = 2**62  # libsndfile's length of a stream that does not say
FULL_SCALE = 2**23 - 1  # largest 24-bit sample
DAMAGED = 4.0  # a sample beyond 12 dB over full scale was never music
SURROUND = {
    3: "LRC",
    4: "LRLR",
    5: "LRCLR",
    6: "LRC-LR",
    7: "LRC-CLR",
    8: "LRC-LRLR",
}  # order of WAV and FLAC; - is LFE
KINDS = "wav, flac, mp3, ogg, opus or m4a"


@dataclass(frozen=True)
class Limits:
    """What a file may ask for. Seconds of sound count in the header and again in the frames that are really there."""

    min_bytes: int = 64
    min_seconds: float = 1.0
    max_seconds: float = 600.0
    rates: tuple[int, int] = (8_000, 192_000)
    channels: int = 8
    memory: int = 1 << 30  # bytes of address space; what is really used stays below 512 MB
    cpu_seconds: int = 60
    wall_seconds: float = 90.0


@dataclass(frozen=True)
class Decoded:
    """A file of ours: 24-bit PCM WAV, two channels. `notices` are sentences about what was put right."""

    path: Path
    frames: int
    sample_rate: int
    notices: tuple[str, ...] = ()

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate


class _Refused(Exception):
    """The sentence for the user."""


def decode(path: Path | str, folder: Path | str, limits: Limits | None = None) -> Decoded:
    """Unpack a file of unknown origin into a WAV in `folder`.

    Raises BadRequest("source", ...) with one sentence where the file cannot be used, DiskFull where there is no room.
    Leaves nothing behind in `folder` then.
    """
    limits = limits or Limits()
    with tempfile.TemporaryDirectory(prefix=".tmp-", dir=folder) as scratch:
        found = _ask_child(Path(path), Path(scratch), limits)
        if "full" in found:
            raise DiskFull("There is not enough free space to unpack this file; free some and try again.")
        if "refused" in found:
            raise BadRequest("source", found["refused"])
        whole = Path(folder) / f"{uuid4().hex}.wav"
        os.replace(Path(scratch) / "song.wav", whole)
    return Decoded(whole, found["frames"], found["sample_rate"], tuple(found["notices"]))


def _ask_child(path: Path, scratch: Path, limits: Limits) -> dict[str, Any]:
    """The child's answer. A child that dies or dawdles has answered too."""
    command = [sys.executable, __file__, str(path.absolute()), str(scratch.absolute()), json.dumps(asdict(limits))]
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    child = subprocess.Popen(
        command,
        env=kept | {"OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        said, _ = child.communicate(timeout=limits.wall_seconds)
    except subprocess.TimeoutExpired:
        return {"refused": "takes too long to unpack; save it as a plain wav and try again"}
    finally:
        _end(child)
    if child.returncode == -signal.SIGXCPU:
        return {"refused": "takes too long to unpack; save it as a plain wav and try again"}
    try:
        return dict(json.loads(said))
    except ValueError:  # killed, out of memory: whatever it was, the file did it
        return {"refused": "breaks the decoder; it may be damaged, save it again as wav and try again"}


def _end(child: "subprocess.Popen[bytes]") -> None:
    """The child and what it started, if anything of it is still there."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdout:
        child.stdout.close()


# --- in the child -----------------------------------------------------------------------------------------------------


@dataclass
class _Sound:
    """What was seen while copying: real frames, the loudest sane sample, and how many were not."""

    sample_rate: int
    channels: int
    promised: int  # frames as the header has them, 0 where it does not say
    cut_off: bool  # libsndfile saw that the end is missing
    frames: int = 0
    peak: float = 0.0
    not_finite: int = 0
    wild: int = 0
    notices: list[str] = field(default_factory=list)


def _child(path: str, scratch: Path, limits: Limits) -> dict[str, Any]:
    try:
        _tie_down(limits)
        source = _open(path, limits)
        sound = _unpack(source, scratch, limits)
        return {"frames": sound.frames, "sample_rate": sound.sample_rate, "notices": sound.notices}
    except _Refused as refusal:
        return {"refused": str(refusal)}
    except MemoryError:
        return {"refused": "asks for more memory than a song may; save it again as wav and try again"}
    except OSError:  # reading is done by libsndfile, so this is our own writing
        return {"full": True}


def _tie_down(limits: Limits) -> None:
    largest = round((limits.max_seconds + 2) * limits.rates[1]) * 8 + 65_536  # two channels of 32 bits
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, largest),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_AS, limits.memory),
    ):
        with suppress(ValueError, OSError):  # macOS knows no RLIMIT_AS
            resource.setrlimit(what, (most, most))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write too many is an OSError then


def _open(path: str, limits: Limits) -> int:
    """A descriptor of the file, if it is one: never a link, a pipe or a folder."""
    try:
        source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise _Refused("is not there; give the path of a song") from None
    except (OSError, ValueError):
        raise _Refused("cannot be opened; give the path of a song that is a plain file and may be read") from None
    found = os.fstat(source)
    if not stat.S_ISREG(found.st_mode):
        raise _Refused("is not a file; give the path of a song")
    if not found.st_size:
        raise _Refused("is empty; give a file with sound in it")
    if found.st_size < limits.min_bytes:
        raise _Refused("is too small to hold any sound; give a song")
    return source


def _unpack(source: int, scratch: Path, limits: Limits) -> _Sound:
    """song.wav in `scratch`. What goes over full scale is turned down in a second pass, once it is known how far."""
    container = _container(os.pread(source, 64, 0))
    if container == "":
        raise _Refused(f"is no audio file that can be read here; use {KINDS}")
    if container is not None:
        source = _by_ffmpeg(source, container, scratch, limits)
    sound = _copy(source, scratch / "song.wav", 1.0, limits)
    _judge(sound, limits)
    if sound.peak > 1.0:
        _copy(source, scratch / "song.wav", FULL_SCALE / 2**23 / sound.peak, limits)
    return sound


def _container(head: bytes) -> str | None:
    """ffmpeg's name of the format, None where libsndfile reads it, "" where nobody does. By magic bytes alone."""
    if head[:4] in (b"RIFF", b"RF64", b"FORM", b"fLaC", b"OggS") or head[:3] == b"ID3":
        return None
    if head[4:8] == b"ftyp":
        return "mov"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"
    return None if head[0] == 0xFF and head[1] & 0xE0 == 0xE0 else ""  # an MPEG frame


def _by_ffmpeg(source: int, container: str, scratch: Path, limits: Limits) -> int:
    """The sound of an m4a, aac or mka as float WAV. The format is forced, so that a playlist opens no other file."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise _Refused("is m4a, aac or mka, which needs ffmpeg; install ffmpeg, or save the song as wav or mp3")
    unpacked = scratch / "unpacked.wav"
    command = [program, "-nostdin", "-v", "error", "-threads", "1", "-protocol_whitelist", "file,pipe"]
    command += ["-f", container, "-i", f"file:/dev/fd/{source}", "-map", "0:a:0", "-vn", "-sn", "-dn"]
    command += ["-t", str(limits.max_seconds + 1), "-ac", "2", "-c:a", "pcm_f32le", "-f", "wav", f"file:{unpacked}"]
    subprocess.run(command, pass_fds=[source], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    try:
        return os.open(unpacked, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise _Refused("cannot be unpacked; it may be damaged, save it again as wav and try again") from None


def _copy(source: int, target: Path, gain: float, limits: Limits) -> _Sound:
    """Every frame that is really there, as 24-bit PCM on two channels; what was 16 or 24-bit PCM stays exact."""
    os.lseek(source, 0, os.SEEK_SET)
    try:
        song = soundfile.SoundFile(source, closefd=False)
    except soundfile.LibsndfileError:
        raise _Refused(f"is no audio file that can be read here; use {KINDS}") from None
    promised = 0 if song.frames >= UNKNOWN else song.frames
    sound = _Sound(song.samplerate, song.channels, promised, _cut_off(song.extra_info))
    _check_header(sound, limits)
    with song, wave.open(str(target), "wb") as out:
        out.setparams((2, 3, sound.sample_rate, 0, "NONE", ""))
        to_stereo = _to_stereo(song.channels)
        for block in _blocks(song):
            sound.frames += len(block)
            if sound.frames > limits.max_seconds * sound.sample_rate:
                raise _too_long(limits)
            mixed = _sane(block, sound) @ to_stereo
            sound.peak = max(sound.peak, float(np.abs(mixed).max()))
            steps = np.clip(np.rint(mixed * (gain * 2**23)), -FULL_SCALE, FULL_SCALE).astype("<i4")
            out.writeframesraw(steps.view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
    return sound


def _cut_off(log: str) -> bool:
    """What libsndfile noted while it opened the file; the length it reports is already that of what is left.

    A WAV that was written as a stream claims the largest size there is, and is whole.
    """
    sizes = re.search(r"^data : (\d+) \(should be (\d+)\)", log, re.MULTILINE)
    return "lacks an end-of-stream bit" in log or bool(sizes and int(sizes[2]) < int(sizes[1]) < 2**31 - 1)


def _check_header(sound: _Sound, limits: Limits) -> None:
    low, high = limits.rates
    if not low <= sound.sample_rate <= high:
        raise _Refused(f"has a sample rate of {sound.sample_rate} Hz; save it with {low} to {high} Hz")
    if not 1 <= sound.channels <= limits.channels:
        raise _Refused(f"has {sound.channels} channels; save it with 1 to {limits.channels}, best with two")
    if sound.promised > limits.max_seconds * sound.sample_rate:
        raise _too_long(limits)


def _too_long(limits: Limits) -> _Refused:
    return _Refused(f"is longer than {limits.max_seconds / 60:g} minutes; cut it and try again")


def _blocks(song: soundfile.SoundFile) -> Iterator[np.ndarray]:
    """float32 (frames, channels) until the file ends or cannot be followed any more."""
    while True:
        try:
            block = song.read(BLOCK, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            return
        if not len(block):
            return
        yield block


def _sane(block: np.ndarray, sound: _Sound) -> np.ndarray:
    """The block without what cannot be sound; counts what was put right."""
    finite = np.isfinite(block)
    if not finite.all():
        sound.not_finite += int(block.size - finite.sum())
        block = np.where(finite, block, 0.0)
    wild = np.abs(block) > DAMAGED
    if wild.any():
        sound.wild += int(wild.sum())
        block = np.where(wild, np.sign(block), block)
    return block.astype(np.float64)


def _to_stereo(channels: int) -> np.ndarray:
    """(channels, 2): mono on both, two as they are, more as ITU-R BS.775 folds them, so that the sum cannot clip."""
    if channels <= 2:
        return np.ones((1, 2)) if channels == 1 else np.eye(2)
    shares = {"L": (1.0, 0.0), "R": (0.0, 1.0), "C": (math.sqrt(0.5), math.sqrt(0.5)), "-": (0.0, 0.0)}
    mix = np.array([shares[place] for place in SURROUND[channels]])
    return mix / mix.sum(axis=0)


def _judge(sound: _Sound, limits: Limits) -> None:
    """Refuse what is no song, and say what was put right in one that is."""
    seconds = sound.frames / sound.sample_rate
    samples = max(1, sound.frames * sound.channels)
    if sound.frames == 0:
        raise _Refused("holds no sound that can be read; it may be cut off or damaged, save it again and try again")
    if seconds < limits.min_seconds:
        raise _Refused(f"holds only {seconds:.2f} s of sound; give at least {limits.min_seconds:g} s")
    if sound.not_finite > samples / 2:
        raise _Refused("looks damaged, most of its samples are not numbers; save it again and try again")
    if sound.wild > samples / 100:
        raise _Refused("looks damaged, it is far over full scale; save it again and try again")
    if sound.peak < 1e-5:
        raise _Refused("is silent; give a song that can be heard")
    if sound.cut_off or sound.frames < 0.98 * sound.promised:
        sound.notices.append(f"The file is cut off or damaged; the first {seconds:.1f} s could be read and are used.")
    if sound.not_finite:
        sound.notices.append(f"{sound.not_finite} samples of the file were not numbers; they are silent now.")
    if sound.wild:
        sound.notices.append(f"{sound.wild} samples of the file were far over full scale; they were clipped.")
    if sound.channels > 2:
        sound.notices.append(f"The file has {sound.channels} channels; they were mixed down to two.")
    if sound.peak > 1.0:
        over = 20 * math.log10(sound.peak)
        sound.notices.append(f"The file goes {over:.1f} dB over full scale; it was turned down by as much.")


if __name__ == "__main__":
    where, room, asked = sys.argv[1:]
    print(json.dumps(_child(where, Path(room), Limits(**json.loads(asked)))))
