"""Finish: what an engine made becomes sound that is loud enough, and files that anybody can play.

Audio -> Audio (`finish`, `residual`), Audio -> file (`write_wav`, `write_stems_zip`). Loudness and true peak are ITU-R
BS.1770-4, the gate and the way of speaking are EBU R128.

The finished song is a row of 24-bit numbers, and everything is measured, hashed and written from those: a WAV and a
FLAC of one take decode to the same samples, bit for bit. Rounding is to the nearest even number, without dither, so
that the same request gives the same file; it leaves noise at -146 dBFS, far below what any converter resolves.
"""

import hashlib
import io
import json
import math
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

import bwf
import tags
from durable import atomic
from song.audio import Audio
from song.errors import BadRequest, EngineFailed
from song.names import file_name
from song.progress import Progress, part, silent
from song.take import Facts, Proof, Recipe, Region, Seam, Splice

SILENCE_DBTP = -138.5  # the smallest step of 24 bits; what true peak is said to be where there is none
TOLERANCE_LU = 0.08
TARGET_LUFS = -14.0
MARGIN_DB = 0.3  # another meter's interpolation filter may read this much higher than ours
MOST_GAIN_DB = 40.0  # more would bring up what was never meant to be heard
MOST_LOSS_LU = 6.0  # how much of the loudness the limiter may eat before it is heard as crushing
FULL_SCALE = 2**23
EXACT_DB, NOTHING_DB = -90.0, -200.0  # of a null test: what counts as nothing left, and what is said where nothing is
STEMS_ABOUT, PACK_CUES = "stems.json", "cues.json"
BLOCK = 2**16  # frames written at a time
_TRIES = 6


# --- Audio -> Audio ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Finished:
    """A mastered song: 24-bit numbers in float32, what was measured of them, what the user should know."""

    audio: Audio
    facts: Facts
    notices: tuple[str, ...] = ()

    @property
    def lufs(self) -> float:
        return self.facts.lufs

    @property
    def true_peak_dbtp(self) -> float:
        return self.facts.true_peak_dbtp


def finish(
    audio: Audio,
    *,
    target_lufs: float = TARGET_LUFS,
    fade_in: float = 0.0,
    fade_out: float = 0.0,
    ceiling_dbtp: float = -1.0,
    progress: Progress = silent,
) -> Finished:
    """Remove DC, fade (seconds), bring to `target_lufs` within 0.1 LU with true peak below `ceiling_dbtp`.

    Frames and channels stay as they are. Where the target would need crushing, the song stays quieter and a notice says
    so; silence stays silence. Raises EngineFailed for sound that is empty or not made of finite numbers.
    """
    import dsp  # compiled code takes half a second to import, and the page never finishes a song itself

    rate = audio.sample_rate
    if not audio.frames or not np.isfinite(audio.samples).all():
        raise EngineFailed("The engine made broken sound; try another seed or another engine.")
    faded = dsp.fade(audio.samples, rate, fade_in, fade_out)
    _remove_dc(faded, rate, fade_in, fade_out)
    loud, notices = _loud(faded, rate, target_lufs, ceiling_dbtp - MARGIN_DB, progress)
    # A limiter leans on the taller side of the wave. What little it leaves is taken away without a step at the ends.
    _remove_dc(loud, rate, max(0.01, fade_in), max(0.01, fade_out))
    _quantise(loud)
    return Finished(Audio(loud, rate), facts(Audio(loud, rate)), notices)


def _remove_dc(samples: np.ndarray, rate: int, fade_in: float, fade_out: float) -> None:
    """Take each channel's constant away in place. It fades in and out, so that silence at the ends stays silence."""
    import dsp

    frames = samples.shape[1]
    rise, fall = (min(frames // 2, round(seconds * rate)) for seconds in (fade_in, fade_out))
    head = dsp.fade(np.ones(rise, np.float32), rate, fade_in=rise / rate)
    tail = dsp.fade(np.ones(fall, np.float32), rate, fade_out=fall / rate)
    weight = max(1e-9, float(head.sum() + tail.sum()) + frames - rise - fall)
    for row in samples:
        constant = np.float32(row.sum(dtype=np.float64) / weight)
        row[:rise] -= constant * head
        row[rise : frames - fall] -= constant
        row[frames - fall :] -= constant * tail


def _loud(
    samples: np.ndarray, rate: int, target: float, ceiling: float, progress: Progress
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The limiter takes loudness away, so gain and limiter are tried together until one of two things is reached:
    the target, or the most loudness that the limiter may take."""
    import dsp

    before = dsp.loudness(samples, rate)
    if before <= dsp.SILENCE_LUFS:
        return dsp.limit(samples, rate, ceiling), ("The song is silent; its loudness was left alone.",)
    gain = min(target - before, MOST_GAIN_DB)
    reach = before + gain
    tried: list[tuple[float, float]] = []
    for attempt in range(_TRIES):
        progress(attempt / _TRIES, "Mastering")
        loud = dsp.limit(samples, rate, ceiling, gain)
        after = dsp.loudness(loud, rate)
        loss = gain - (after - before)
        tried.append((gain, max(after - reach, loss - MOST_LOSS_LU)))
        if abs(tried[-1][1]) <= TOLERANCE_LU:
            break
        gain -= tried[-1][1] / _slope(tried)
    return loud, _shortfall(target, after)


def _slope(tried: list[tuple[float, float]]) -> float:
    """How much a dB of gain changes what is sought: 1 where the limiter rests, less where it works."""
    if len(tried) < 2 or tried[-1][0] == tried[-2][0]:
        return 0.8
    (gain0, miss0), (gain1, miss1) = tried[-2:]
    return min(1.0, max(0.2, (miss1 - miss0) / (gain1 - gain0)))


def _shortfall(target: float, lufs: float) -> tuple[str, ...]:
    if target - lufs <= 0.3:
        return ()
    return (f"The song is at {lufs:.1f} LUFS instead of {target:g}: making it louder would crush it.",)


def measured(audio: Audio) -> Finished:
    """A song that is finished already, as the 24-bit numbers it is kept as. What was 24-bit stays exactly as it was."""
    samples = audio.samples.copy()
    _quantise(samples)
    kept = Audio(samples, audio.sample_rate)
    return Finished(kept, facts(kept))


def facts(audio: Audio) -> Facts:
    """What meters say of a song: loudness and its range, its loudest moments, true peak, crest."""
    import dsp

    power = dsp.hop_power(audio.samples, audio.sample_rate)
    said = {
        "lufs": dsp.gated_loudness(power),
        "true_peak_dbtp": max(SILENCE_DBTP, dsp.true_peak(audio.samples, audio.sample_rate)),
        "loudness_range_lu": dsp.loudness_range(power),
        "momentary_lufs": dsp.loudest(power, 0.4),
        "short_term_lufs": dsp.loudest(power, 3.0),
        "crest_db": _crest(audio.samples),
    }
    return Facts(**{name: round(value, 2) for name, value in said.items()})


def _crest(samples: np.ndarray) -> float:
    """dB from the root mean square of all samples up to the highest; 0 for silence."""
    power = sum(float(np.dot(row, row)) for row in samples) / samples.size
    height = max(float(samples.max()), -float(samples.min()))
    return 20 * math.log10(height) - 10 * math.log10(power) if power > 0 else 0.0


# --- what stayed as it was --------------------------------------------------------------------------------------------


def proof(audio: Audio, splice: Splice) -> Proof:
    """Count, on the finished samples, what differs from the source outside the regions, and look at the seams."""
    rate = audio.sample_rate
    compared, changed = difference(splice.original, audio, splice.regions, splice.offset)
    return Proof(
        regions=tuple(
            Region(start=round(first / rate, 4), end=round(last / rate, 4), first=first, last=last)
            for first, last in splice.regions
        ),
        compared=compared,
        changed_outside=changed,
        offset=splice.offset,
        seams=tuple(_seam(audio, at, frames) for at, frames in splice.seams),
    )


def difference(before: Audio, after: Audio, regions: Iterable[tuple[int, int]], offset: int = 0) -> tuple[int, int]:
    """(24-bit samples compared, how many of them differ) outside `regions`, frames of `after` with `last` exclusive.

    Frame 0 of `before` lies at `offset` of `after`; a frame that `after` has and `before` lacks counts as different.
    """
    import dsp

    compared = different = 0
    for start, end in _outside(regions, after.frames):
        compared += end - start
        low, high = max(start, offset), min(end, offset + before.frames)
        different += (end - start - max(0, high - low)) * after.channels
        if low < high:
            old = before.samples[:, low - offset : high - offset]
            different += dsp.differing24(after.samples[:, low:high], old)
    return compared * after.channels, different


def _outside(regions: Iterable[tuple[int, int]], frames: int) -> Iterator[tuple[int, int]]:
    """What lies between regions, which may touch and overlap."""
    reached = 0
    for first, last in sorted(regions):
        if first > reached:
            yield reached, min(first, frames)
        reached = max(reached, last)
    if reached < frames:
        yield reached, frames


def _seam(audio: Audio, at: int, frames: int) -> Seam:
    """Loudness of the three seconds after a crossfade less that of the three seconds before it."""
    from dsp import splice

    rate, span = audio.sample_rate, 3 * audio.sample_rate
    before = splice.loudness_around(audio.samples, rate, max(0, at - span), at)
    after = splice.loudness_around(audio.samples, rate, at + frames, min(audio.frames, at + frames + span))
    step = round(after - before, 2)
    return Seam(at=round(at / rate, 4), level_step_db=step, crossfade_ms=round(1000 * frames / rate, 2))


# --- 24-bit numbers ---------------------------------------------------------------------------------------------------


def _quantise(samples: np.ndarray) -> None:
    """Round to steps of 24 bits, in place. Float32 holds every such number exactly."""
    from dsp.hands import each

    def stretch(start: int) -> None:
        numbers = samples[:, start : start + BLOCK]
        numbers *= np.float32(FULL_SCALE)
        np.rint(numbers, out=numbers)
        np.clip(numbers, -FULL_SCALE, FULL_SCALE - 1, out=numbers)
        numbers *= np.float32(1 / FULL_SCALE)

    each(stretch, range(0, samples.shape[1], BLOCK))


def samples_sha256(audio: Audio) -> str:
    """Hash of the 24-bit samples, interleaved, little-endian: what a replay compares."""
    digest = hashlib.sha256()
    for block in _packed(audio):
        digest.update(block.data)
    return digest.hexdigest()


def _packed(audio: Audio) -> Iterator[np.ndarray]:
    """The samples as a WAV holds them, block by block."""
    import dsp

    return (dsp.pcm24(audio.samples[:, start : start + BLOCK]) for start in range(0, audio.frames, BLOCK))


# --- Audio -> file ----------------------------------------------------------------------------------------------------


def write_wav(path: Path, audio: Audio, recipe: Recipe) -> None:
    """24-bit WAV with the recipe in it, and what a Broadcast Wave File says of itself. Raises DiskFull."""
    with atomic(path) as beside, open(beside, "wb") as file:
        before, after = wav_tags(recipe, audio.sample_rate, "24", recipe.facts)
        write_riff(file, audio, 1, 24, before, _packed(audio), after)


def wav_tags(
    recipe: Recipe, rate: int, depth: str, facts: Facts, head: int = 0, done: str = "", cover: bytes = b""
) -> tuple[bytes, bytes]:
    """The chunks that stand before and after the samples of a song's WAV; see bwf.bext for what they are told."""
    before = tags.chunk(b"bext", bwf.bext(recipe, rate, depth, facts, head, done))
    before += tags.chunk(b"iXML", bwf.ixml(recipe, rate, depth, head)) + tags.info_list(tags.fields(recipe))
    return before, tags.chunk(b"id3 ", tags.id3(recipe, cover))


def write_loop(path: Path, audio: Audio, recipe: Recipe, bpm: float, meter: tuple[int, int], bars: int) -> None:
    """24-bit WAV that says where it loops: a `smpl` chunk for samplers, an `acid` chunk for what stretches loops to a
    tempo. Raises DiskFull.

    Sources: IBM and Microsoft, Multimedia Standards Update 3.0 (smpl); libsndfile's reading of ACID's chunk.
    """
    with atomic(path) as beside, open(beside, "wb") as file:
        about = tags.info_list({"title": f"{recipe.title}: loop"}) + _loop_chunks(audio, bpm, meter, bars)
        write_riff(file, audio, 1, 24, about, _packed(audio))


def _loop_chunks(audio: Audio, bpm: float, meter: tuple[int, int], bars: int) -> bytes:
    rate, quarters = audio.sample_rate, bars * meter[0] * 4 / meter[1]
    unit = 4 if quarters.is_integer() else meter[1]  # what its tempo counts: quarter notes, where they come out even
    whole = struct.pack("<6I", 0, 0, 0, audio.frames - 1, 0, 0)  # from the first sample to the last, without an end
    smpl = struct.pack("<9I", 0, 0, round(1e9 / rate), 60, 0, 0, 0, 1, 0) + whole
    stretches = 4  # one flag of many; no root note is claimed
    count = struct.pack("<IHHf", round(quarters * unit / 4), meter[1], meter[0], bpm * unit / 4)
    acid = struct.pack("<IHHf", stretches, 60, 0x8000, 0.0) + count
    return tags.chunk(b"smpl", smpl) + tags.chunk(b"acid", acid)


def write_pack(
    path: Path, layers: Mapping[str, Audio], passages: Mapping[str, Audio], cues: Mapping[str, Any], recipe: Recipe
) -> None:
    """A game pack as one uncompressed zip: 24-bit WAVs under the names that the cue sheet has for them, in its order,
    those that loop saying so themselves, and the sheet as "cues.json". Raises DiskFull."""
    meter, listed = tuple(cues["meter"]), [cues[kind] for kind in ("layers", "transitions", "stingers")]
    named = zip([one["file"] for kind in listed for one in kind], [*layers.items(), *passages.items()], strict=True)
    with atomic(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
        for label, (name, audio) in named:
            about = tags.info_list({"title": f"{recipe.title}: {name}"})
            if name in layers:
                about += _loop_chunks(audio, cues["bpm"], (meter[0], meter[1]), cues["bars"])
            with archive.open(_entry(label), "w") as file:
                write_riff(file, audio, 1, 24, about, _packed(audio))
        archive.writestr(_entry(PACK_CUES), json.dumps(cues, indent=1))
        archive.writestr(_entry("recipe.json"), recipe.model_dump_json(indent=1))


def pack_cues(path: Path) -> dict[str, Any]:
    """The cue sheet of a game pack."""
    with zipfile.ZipFile(path) as archive:
        return dict(json.loads(archive.read(PACK_CUES)))


def read(path: Path) -> Audio:
    """A file that the studio wrote. Strangers' files go through decode.py. Raises BadRequest."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        raise BadRequest("file", "cannot be read as sound; give a WAV, FLAC or MP3 that the studio made") from None
    return Audio(np.ascontiguousarray(samples.T), rate)


@dataclass(frozen=True)
class Null:
    """What is left when stems are taken from their mix, as RMS in dB below it, NOTHING_DB where that is nothing:
    of the stems by themselves, and of stems and residual together."""

    stems_db: float
    whole_db: float

    @property
    def exact(self) -> bool:
        """Whether the stems alone are the mix, and the residual is below all hearing."""
        return self.stems_db <= EXACT_DB


def residual(mix: Audio, stems: Iterable[Audio]) -> tuple[Audio, Null]:
    """What the stems lack of their mix, and the null test: all are added up one after the other in 32-bit float, as a
    DAW does."""
    total = np.zeros_like(mix.samples)
    for stem in stems:
        total += stem.samples
    rest = mix.samples - total
    total += rest
    return Audio(rest, mix.sample_rate), Null(below(rest, mix.samples), below(mix.samples - total, mix.samples))


def below(left: np.ndarray, whole: np.ndarray) -> float:
    """Power of one sound against that of another, in dB."""
    powers = [float(np.square(samples, dtype=np.float64).mean()) for samples in (left, whole)]
    return round(max(NOTHING_DB, 10 * float(np.log10((powers[0] + 1e-30) / (powers[1] + 1e-30)))), 1)


def write_stems_zip(
    path: Path, stems: Mapping[str, Audio], name: str, mix: Audio, made: Mapping[str, Any], progress: Progress = silent
) -> Null:
    """Every stem as a 32-bit float WAV in one uncompressed zip; float, so that they still sum to `mix` exactly.

    Files are called "01 Drums.wav"; `name`, the song's title, stands in each one's title tag. Beside them lie what is
    left of the mix, with a number of its own where it can be heard, and how they were `made` with the null test: as
    "stems.json", and in words ("by", "sum", "licence" of `made`) as "About.txt". `progress` may raise Cancelled.
    """
    progress(0.0, "Writing")
    rest, null = residual(mix, stems.values())
    sounds = [
        (f"{number:02d} {file_name(stem, 'Stem')}", audio) for number, (stem, audio) in enumerate(stems.items(), 1)
    ]
    sounds.append(("Residual" if null.exact else f"{len(stems) + 1:02d} Residual", rest))
    told = {"title": name, **made, "null": asdict(null), "files": [f"{label}.wav" for label, _ in sounds]}
    with atomic(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
        for number, (label, audio) in enumerate(sounds):
            blocks = _float_blocks(audio, part(progress, number / len(sounds), (number + 1) / len(sounds)))
            title = tags.info_list({"title": f"{name}: {label.lstrip('0123456789 ')}"})
            with archive.open(_entry(f"{label}.wav"), "w", force_zip64=audio.samples.nbytes > 2**31 - BLOCK) as file:
                write_riff(file, audio, 3, 32, title, blocks)
        archive.writestr(_entry(STEMS_ABOUT), json.dumps(told, indent=1))
        archive.writestr(_entry("About.txt"), _in_words(told, len(stems), null))
    return null


def _float_blocks(audio: Audio, progress: Progress) -> Iterator[bytes]:
    for at in range(0, audio.frames, BLOCK):
        progress(at / audio.frames, "Writing")
        yield audio.samples[:, at : at + BLOCK].T.astype("<f4").tobytes()


def stems_told(path: Path) -> dict[str, Any]:
    """What a zip of stems says of itself; empty for one from before it did."""
    with zipfile.ZipFile(path) as archive:
        return dict(json.loads(archive.read(STEMS_ABOUT))) if STEMS_ABOUT in archive.namelist() else {}


def stem(path: Path, name: str) -> Audio | None:
    """One of the sounds of a zip of stems, by the name it has there ("Vocals"); None where there is none of it."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            if member.partition(" ")[2] == f"{name}.wav":
                samples, rate = soundfile.read(io.BytesIO(archive.read(member)), dtype="float32", always_2d=True)
                return Audio(np.ascontiguousarray(samples.T), rate)
    return None


def _entry(name: str) -> zipfile.ZipInfo:
    """Dated 1980: the same stems give the same zip."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    return entry


def _in_words(told: Mapping[str, Any], stems: int, null: Null) -> str:
    alone = f"Added up, the {stems} stems are {told['sum']} to {null.stems_db:g} dB"
    whole = f"with the residual to {null.whole_db:g} dB."
    return "\n".join([told["title"], "", told["by"], f"{alone}, {whole}", told["licence"], ""])


def write_riff(
    file: Any,
    audio: Audio,
    code: int,
    bits: int,
    before: bytes,
    blocks: Iterable[bytes | np.ndarray],
    after: bytes = b"",
) -> None:
    """WAV: format (`code` 1 is whole numbers, 3 float), tags, samples, more tags. Sizes are known, so nothing seeks."""
    frame = audio.channels * bits // 8
    data = audio.frames * frame
    layout = struct.pack("<HHIIHH", code, audio.channels, audio.sample_rate, audio.sample_rate * frame, frame, bits)
    head = tags.chunk(b"fmt ", layout)
    if code == 3:  # whatever is not plain PCM also states its length
        head = tags.chunk(b"fmt ", layout + b"\0\0") + tags.chunk(b"fact", struct.pack("<I", audio.frames))
    head += before + b"data" + struct.pack("<I", data)
    tail = b"\0" * (data % 2) + after
    file.write(b"RIFF" + struct.pack("<I", 4 + len(head) + data + len(tail)) + b"WAVE" + head)
    for block in blocks:
        file.write(block)
    file.write(tail)
