"""SoundFonts: finding one, reading it, and playing its samples.

Reads SF2 (16-bit samples) and SF3 (Ogg Vorbis samples). The file is mapped, not loaded; a sample is decoded when it is
first played. What is played: key and velocity zones, presets over instruments, loops, tuning, pan, attenuation,
volume and modulation envelopes, low-pass filter, vibrato, exclusive classes. Not read: user modulators.

Source: E-mu Systems, "SoundFont Technical Specification" 2.04 (generator numbers and units below are its own).
"""

import io
import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from numba import njit

from composer.style import Flavour
from settings import ROOT
from song.audio import SAMPLE_RATE
from song.score import Note

FOLDERS = (
    ROOT / ".soundfonts",
    *map(Path, ("/usr/share/sounds/sf2", "/usr/share/sounds/sf3", "/usr/share/soundfonts")),
)
DRUM_BANK = 128
_SUFFIXES = (".sf2", ".sf3")
_RATE = float(SAMPLE_RATE)
_BLOCK = 32
_INAUDIBLE = 2e-4  # 74 dB below the loudest moment of a note
_LONG, _SPARE = 8192, 2048  # frames of an unrolled loop at least, and of its beginning behind its end

_PAIR = np.dtype([("operator", "<u2"), ("amount", "<i2")])
_BAG = np.dtype([("generator", "<u2"), ("modulator", "<u2")])
_PRESET = np.dtype([("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("unused", "<u4", 3)])
_INSTRUMENT = np.dtype([("name", "S20"), ("bag", "<u2")])
_SAMPLE = np.dtype(
    [
        ("name", "S20"),
        *((field, "<u4") for field in ("start", "end", "loop", "loop_end", "rate")),
        *(("key", "u1"), ("correction", "i1"), ("link", "<u2"), ("kind", "<u2")),
    ]
)
_TABLES = {
    "phdr": _PRESET,
    "pbag": _BAG,
    "pgen": _PAIR,
    "inst": _INSTRUMENT,
    "ibag": _BAG,
    "igen": _PAIR,
    "shdr": _SAMPLE,
}
_VORBIS = 0x10  # flag in a sample's kind: SF3

# Generators that we read, by their numbers in section 8.1.2 of the SoundFont 2.04 specification.
_LOOP_START, _LOOP_END, _VIB_PITCH, _MOD_PITCH, _CUTOFF, _RESONANCE, _MOD_CUTOFF, _PAN = 2, 3, 6, 7, 8, 9, 11, 17
_VIB_DELAY, _VIB_RATE, _MOD_DELAY, _MOD_ATTACK, _MOD_HOLD, _MOD_DECAY, _MOD_SUSTAIN, _MOD_RELEASE = range(23, 31)
_DELAY, _ATTACK, _HOLD, _DECAY, _SUSTAIN, _RELEASE, _KEY_HOLD, _KEY_DECAY = range(33, 41)
_USE_INSTRUMENT, _KEYS, _VELOCITIES, _LOOP_START_COARSE = 41, 43, 44, 45
_FIXED_KEY, _FIXED_VELOCITY, _ATTENUATION = 46, 47, 48
_LOOP_END_COARSE, _COARSE, _FINE, _USE_SAMPLE, _MODES, _SCALE, _CLASS, _ROOT = 50, 51, 52, 53, 54, 56, 57, 58
_INSTANT: tuple[int, ...] = (_VIB_DELAY, _MOD_DELAY, _MOD_ATTACK, _MOD_HOLD, _MOD_DECAY, _MOD_RELEASE)
_INSTANT += (_DELAY, _ATTACK, _HOLD, _DECAY, _RELEASE)
_DEFAULTS = dict.fromkeys(_INSTANT, -12_000)  # timecents: a millisecond
_DEFAULTS |= {_CUTOFF: 13_500, _SCALE: 100, _ROOT: -1, _FIXED_KEY: -1, _FIXED_VELOCITY: -1}
_EVERY = 0x7F00  # a range from 0 to 127
# A preset cannot offset these.
_NOT_ADDED = {_USE_INSTRUMENT, _KEYS, _VELOCITIES, _MODES, _CLASS}
_NOT_ADDED |= {_FIXED_KEY, _FIXED_VELOCITY, _ROOT}


@dataclass(frozen=True, eq=False)
class Sample:
    """One decoded sample: float32 with a little silence behind it, its loop in frames, and how it is tuned."""

    sound: np.ndarray
    loop: int
    loop_end: int
    rate: int
    key: int
    correction: int  # cents
    endless: dict[tuple[int, int], tuple[np.ndarray, float]] = field(default_factory=dict)  # what `_endless` made


class SoundFontError(ValueError):
    """The file is not a SoundFont that we can read."""


class SoundFont:
    """An open SoundFont. `name` is the file's, for the recipe."""

    def __init__(self, path: Path) -> None:
        try:
            mapped = np.memmap(path, np.uint8, "r")
        except (OSError, ValueError) as error:
            raise SoundFontError(f"cannot open {path.name}: {error}") from error
        self._open(mapped.data, path.name)

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "memory") -> "SoundFont":
        """A font from memory."""
        font = cls.__new__(cls)
        font._open(memoryview(data), name)
        return font

    def _open(self, data: memoryview, name: str) -> None:
        self.name = name
        self._data = data
        self._samples: dict[int, Sample] = {}
        self._zones: dict[tuple[int, int], list[dict[int, int]]] = {}
        try:
            chunks = dict(_chunks(data))
            self._sound = chunks["smpl"][0]
            tables = {}
            for key, kind in _TABLES.items():
                start, size = chunks[key]
                tables[key] = np.frombuffer(data, kind, size // kind.itemsize, start)
                if not len(tables[key]):
                    raise SoundFontError(f"{name} is not a complete SoundFont")
        except (KeyError, ValueError, struct.error) as error:
            raise SoundFontError(f"{name} is not a SoundFont: {error}") from error
        self._tables = tables
        presets = tables["phdr"][:-1]
        self._presets = {(int(p["bank"]), int(p["program"])): i for i, p in enumerate(presets)}

    def has(self, program: int, drums: bool = False) -> bool:
        """Whether this font can play a General MIDI program (or any drum kit)."""
        return any(bank == DRUM_BANK for bank, _ in self._presets) if drums else (0, program) in self._presets

    def zones(self, bank: int, program: int) -> list[dict[int, int]]:
        """Every region of a preset: generator -> amount, presets already added to instruments."""
        key = (bank, program)
        if key not in self._zones:
            preset = self._presets.get(key, self._presets.get((bank, 0)))
            self._zones[key] = [] if preset is None else self._regions(preset)
        return self._zones[key]

    def _regions(self, preset: int) -> list[dict[int, int]]:
        regions = []
        for outer in self._bags("phdr", "pbag", "pgen", preset, _USE_INSTRUMENT):
            for inner in self._bags("inst", "ibag", "igen", outer[_USE_INSTRUMENT], _USE_SAMPLE):
                region = dict(inner)
                for operator, amount in outer.items():
                    if operator in (_KEYS, _VELOCITIES):
                        region[operator] = _overlap(amount, inner.get(operator, _EVERY))
                    elif operator not in _NOT_ADDED:
                        region[operator] = region.get(operator, _DEFAULTS.get(operator, 0)) + amount
                regions.append(region)
        return regions

    def _bags(self, owners: str, bags: str, generators: str, index: int, last: int) -> list[dict[int, int]]:
        """The zones of one preset or instrument; a first zone without its last generator is the default of the rest."""
        default: dict[int, int] = {}
        zones = []
        first, end = (int(self._tables[owners][i]["bag"]) for i in (index, index + 1))
        for bag in range(first, end):
            a, b = (int(self._tables[bags][i]["generator"]) for i in (bag, bag + 1))
            zone = {int(operator): int(amount) for operator, amount in self._tables[generators][a:b]}
            if last in zone:
                zones.append({**default, **zone})
            elif bag == first:
                default = zone
        return zones

    def sample(self, index: int) -> Sample:
        """Sample number `index`, decoded on first use."""
        if index not in self._samples:
            self._samples[index] = self._decode(self._tables["shdr"][index])
        return self._samples[index]

    def _decode(self, header: np.void) -> Sample:
        start, end, loop, loop_end = (int(header[field]) for field in ("start", "end", "loop", "loop_end"))
        if int(header["kind"]) & _VORBIS:
            packed = self._data[self._sound + start : self._sound + end]
            sound, _ = soundfile.read(io.BytesIO(packed), dtype="float32")
        else:
            raw = np.frombuffer(self._data, "<i2", end - start, self._sound + 2 * start)
            sound = raw.astype(np.float32) / 32_768
            loop, loop_end = loop - start, loop_end - start
        padded = np.concatenate([np.zeros(1, np.float32), sound, np.zeros(8, np.float32)])
        return Sample(
            padded, loop + 1, loop_end + 1, int(header["rate"]), int(header["key"]), int(header["correction"])
        )

    def render(
        self,
        out: np.ndarray,
        notes: Sequence[Note],
        bpm: float,
        program: int,
        drums: bool = False,
        flavour: Flavour | None = None,
    ) -> None:
        """Adds a track to `out`, float32 (2, frames)."""
        zones = self.zones(DRUM_BANK if drums else 0, program)
        beat = 60 / bpm
        chokes = _chokes(notes, zones) if drums else {}
        for number, note in enumerate(notes):
            start, length = note.start * beat, note.duration * beat
            for zone in zones:
                if not (_within(zone, _KEYS, note.pitch) and _within(zone, _VELOCITIES, note.velocity)):
                    continue
                # A struck sound rings out however short its note is, until something of its class chokes it.
                held = chokes.get((number, zone.get(_CLASS, 0)), 32.0) * beat if drums else length
                sample = self.sample(zone[_USE_SAMPLE])
                play(out, round(start * _RATE), sample, zone, note, held, flavour)


def find(explicit: Path | None = None, folders: Iterable[Path] = FOLDERS) -> Path | None:
    """The font to use: `explicit` (file or folder), else the largest font in the first folder that has one."""
    for place in ([explicit] if explicit else []) + list(folders):
        if place.is_file() and place.suffix.lower() in _SUFFIXES:
            return place
        fonts = (
            [file for file in place.rglob("*") if file.suffix.lower() in _SUFFIXES and file.is_file()]
            if place.is_dir()
            else []
        )
        if fonts:
            return max(fonts, key=lambda file: (file.stat().st_size, file.name))
    return None


def load(path: Path | None) -> tuple[SoundFont | None, str]:
    """A font and a sentence about it; a missing or broken file is None and why, never an exception."""
    if path is None:
        return None, "No SoundFont found: every part is played by the studio's own instruments."
    try:
        return SoundFont(path), f"Acoustic parts are played with {path.name}."
    except SoundFontError as error:
        return None, f"The SoundFont could not be used ({error}): every part is played by the studio's own instruments."


def play(
    out: np.ndarray,
    start: int,
    sample: Sample,
    zone: dict[int, int],
    note: Note,
    seconds: float,
    flavour: Flavour | None = None,
) -> None:
    """Adds one sample to `out` from frame `start`, as one zone wants it for a note held for `seconds`."""
    voice = _voice(zone, note, sample, seconds)
    if flavour is not None:  # attack, decay, release and cutoff, in the order of the kernel
        voice[[8, 10, 12, 13]] *= 2.0 ** np.array([flavour.attack, flavour.decay, flavour.release, flavour.bright])
    sound = sample.sound
    if voice[2]:
        loop = (int(voice[3]), int(voice[4]))
        if loop not in sample.endless:
            sample.endless[loop] = _endless(sound, *loop)
        sound, voice[4] = sample.endless[loop]
    _play(out, start, sound, sample.sound, voice)


def _endless(sound: np.ndarray, loop: int, loop_end: int) -> tuple[np.ndarray, float]:
    """A sample whose loop is repeated until it is long, with its beginning once more behind its end: a block that is
    read across the end needs no care. And where the long loop ends."""
    length = loop_end - loop
    rounds = _LONG // length + 1
    turning = np.tile(sound[loop:loop_end], rounds + _SPARE // length + 1)
    return np.concatenate([sound[:loop], turning[: rounds * length + _SPARE]]), float(loop + rounds * length)


def _chunks(data: memoryview) -> Iterable[tuple[str, tuple[int, int]]]:
    """Name, start and size of every leaf chunk of a RIFF file."""
    if bytes(data[:4]) != b"RIFF" or bytes(data[8:12]) != b"sfbk":
        raise ValueError("it does not start like one")
    pending = [(12, min(len(data), 8 + struct.unpack("<I", data[4:8])[0]))]
    while pending:
        at, end = pending.pop()
        while at + 8 <= end:
            name, size = bytes(data[at : at + 4]), struct.unpack("<I", data[at + 4 : at + 8])[0]
            if at + 8 + size > len(data):
                raise ValueError("it is cut short")
            if name == b"LIST":
                pending.append((at + 12, at + 8 + size))
            else:
                yield name.decode("latin-1"), (at + 8, size)
            at += 8 + size
            at += (size & 1) and bytes(data[at : at + 1]) == b"\0"  # some writers forget to pad


def _overlap(first: int, second: int) -> int:
    low = max(first & 255, second & 255)
    high = min(first >> 8 & 255, second >> 8 & 255)
    return low | high << 8


def _within(zone: dict[int, int], operator: int, value: int) -> bool:
    limits = zone.get(operator, _EVERY)
    return limits & 255 <= value <= limits >> 8 & 255


def _chokes(notes: Sequence[Note], zones: list[dict[int, int]]) -> dict[tuple[int, int], float]:
    """Beats after which a later note of the same exclusive class silences a note: {(note number, class): beats}."""
    classes = [
        {zone[_CLASS] for zone in zones if zone.get(_CLASS) and _within(zone, _KEYS, note.pitch)} for note in notes
    ]
    upcoming: dict[int, float] = {}
    found = {}
    for number in sorted(range(len(notes)), key=lambda n: -notes[n].start):
        for name in classes[number]:
            if name in upcoming:
                found[number, name] = upcoming[name] - notes[number].start
            upcoming[name] = notes[number].start
    return found


def _seconds(zone: dict[int, int], operator: int) -> float:
    cents = zone.get(operator, -12_000)
    return 0.0 if cents <= -12_000 else 2.0 ** (min(cents, 8000) / 1200)


def _voice(zone: dict[int, int], note: Note, sample: Sample, seconds: float) -> np.ndarray:
    """What the kernel must know of one note in one zone, (23,) float64, in the order in which `_play` unpacks it."""
    key = zone[_FIXED_KEY] if zone.get(_FIXED_KEY, -1) >= 0 else note.pitch
    velocity = (zone[_FIXED_VELOCITY] if zone.get(_FIXED_VELOCITY, -1) > 0 else note.velocity) / 127
    root = zone.get(_ROOT, -1)
    root = root if 0 <= root <= 127 else sample.key
    cents = (key - root) * zone.get(_SCALE, 100) + zone.get(_COARSE, 0) * 100 + zone.get(_FINE, 0) + sample.correction
    loop = sample.loop + zone.get(_LOOP_START, 0) + 32_768 * zone.get(_LOOP_START_COARSE, 0)
    loop_end = sample.loop_end + zone.get(_LOOP_END, 0) + 32_768 * zone.get(_LOOP_END_COARSE, 0)
    sound = len(sample.sound) - 9
    mode = zone.get(_MODES, 0) & 3
    if not (1 <= loop < loop_end <= sound + 1 and loop_end - loop > 4):
        mode = 0
    gain = 10 ** (-0.4 * max(0, zone.get(_ATTENUATION, 0)) / 200)  # hardware attenuated by 0.4 of what the file says
    angle = (min(500, max(-500, zone.get(_PAN, 0))) / 1000 + 0.5) * math.pi / 2
    # The specification's default modulator closes the filter for soft notes; half of it is what players do.
    cutoff = 8.176 * 2 ** ((zone.get(_CUTOFF, 13_500) - 1200 * (1 - velocity)) / 1200)
    stretch = 2 ** ((60 - key) * zone.get(_KEY_DECAY, 0) / 1200)
    hold = _seconds(zone, _HOLD) * 2 ** ((60 - key) * zone.get(_KEY_HOLD, 0) / 1200)
    return np.array(
        [
            seconds * _RATE,
            sample.rate / _RATE * 2 ** (cents / 1200),
            mode,
            loop,
            loop_end,
            0.5 * gain * velocity**1.7 * math.cos(angle),
            0.5 * gain * velocity**1.7 * math.sin(angle),
            _seconds(zone, _DELAY),
            max(0.001, _seconds(zone, _ATTACK)),
            hold,
            max(0.001, _seconds(zone, _DECAY) * stretch),
            10 ** (-min(1000, max(0, zone.get(_SUSTAIN, 0))) / 200),
            max(0.03, _seconds(zone, _RELEASE)),
            cutoff,
            max(0.6, 10 ** (zone.get(_RESONANCE, 0) / 200) * 0.7),
            zone.get(_MOD_CUTOFF, 0) / 1200,
            max(0.001, _seconds(zone, _MOD_ATTACK)),
            max(0.001, _seconds(zone, _MOD_DECAY)),
            1 - min(1000, max(0, zone.get(_MOD_SUSTAIN, 0))) / 1000,
            zone.get(_VIB_PITCH, 0) / 1200,
            8.176 * 2 ** (zone.get(_VIB_RATE, 0) / 1200),
            _seconds(zone, _VIB_DELAY),
            loop_end - loop,
        ],
        np.float64,
    )


_VECTOR = {"contract", "nnan", "nsz", "reassoc"}


@njit(cache=True, nogil=True, forceinline=True, fastmath=_VECTOR)
def _resample(sound, at, step, block):
    # Hermite interpolation between four neighbours; positions from the block's start, so the loop has no order.
    first = int(at) - 1
    near = sound[first : first + int(step * _BLOCK) + 6]
    part = at - (first + 1)
    for i in range(_BLOCK):
        place = part + step * i
        whole = np.uint64(place)
        f = np.float32(place - whole)
        a, b, c, d = near[whole], near[whole + np.uint64(1)], near[whole + np.uint64(2)], near[whole + np.uint64(3)]
        two, three = np.float32(2.0), np.float32(3.0)
        bend = two * a - np.float32(5.0) * b + np.float32(4.0) * c - d + f * (three * (b - c) + d - a)
        block[i] = b + np.float32(0.5) * f * (c - a + f * bend)


@njit(cache=True, nogil=True, forceinline=True, fastmath=_VECTOR)
def _add(target, block, level, slope):
    first, rise = np.float32(level), np.float32(slope)
    for i in range(target.shape[0]):
        target[i] += block[i] * (first + rise * np.float32(i))


@njit(cache=True, nogil=True, forceinline=True, fastmath=_VECTOR)
def _height(block):
    top = np.float32(0.0)
    for i in range(_BLOCK):
        top = max(top, abs(block[i]))
    return top


@njit(cache=True, nogil=True)
def _play(out, start, sound, tail, voice):
    # `sound` has the loop unrolled; `tail` is the sample as it is, for those that go on behind their loop.
    held, step, mode, loop, loop_end = voice[0], voice[1], int(voice[2]), voice[3], voice[4]
    round_ = voice[22]
    gain_left, gain_right = voice[5], voice[6]
    delay, attack, hold, decay, sustain, release = voice[7], voice[8], voice[9], voice[10], voice[11], voice[12]
    cutoff, q, opens, mod_attack, mod_decay, mod_sustain = (
        voice[13],
        voice[14],
        voice[15],
        voice[16],
        voice[17],
        voice[18],
    )
    vib_depth, vib_rate, vib_delay = voice[19], voice[20], voice[21]
    frames, last = out.shape[1], sound.shape[0] - 5
    filtered = cutoff < 16_000.0 or opens != 0.0
    block = np.zeros(_BLOCK, np.float32)
    at = 1.0
    s1 = s2 = 0.0
    before = loudest = 0.0
    offset = 0
    while start + offset < frames:
        t = (offset + _BLOCK) / _RATE - delay
        # volume: linear attack, hold, exponential decay (the time is that of 100 dB), sustain
        if t <= 0.0:
            after = 0.0
        elif t < attack:
            after = t / attack
        elif t < attack + hold:
            after = 1.0
        else:
            after = max(sustain, math.exp(-11.5 * (t - attack - hold) / decay))
        if offset + _BLOCK > held:
            after *= math.exp(-11.5 * (offset + _BLOCK - held) / _RATE / release)
        if (t > attack and t > 0.0 and after < _INAUDIBLE) or at >= last:
            after = 0.0
        move = step
        if vib_depth != 0.0 and t > vib_delay:
            move = step * 2.0 ** (vib_depth * math.sin(6.283185307 * vib_rate * (t - vib_delay)))
        if mode == 3 and offset > held:
            at = loop + (at - loop) % round_ if at > loop else at
            sound, last, mode = tail, tail.shape[0] - 5, 0
        if at + move * (_BLOCK + 1) < last:
            _resample(sound, at, move, block)
            at += move * _BLOCK
        else:
            for i in range(_BLOCK):
                whole = int(at)
                block[i] = 0.0
                if whole < last:
                    block[i] = sound[whole] + (at - whole) * (sound[whole + 1] - sound[whole])
                    at += move
        if mode > 0 and at >= loop_end:  # behind the loop its beginning follows, longer than a block: see `_endless`
            at -= loop_end - loop
        if filtered:
            if t < mod_attack:
                opened = max(0.0, t / mod_attack)
            else:
                opened = max(mod_sustain, 1.0 - (t - mod_attack) / mod_decay)
            g = math.tan(math.pi * min(20_000.0, max(60.0, cutoff * 2.0 ** (opens * opened))) / _RATE)
            b0 = g * g / (1.0 + g * (g + 1.0 / q))
            a1 = 2.0 * (b0 - b0 / (g * g))
            a2 = 1.0 - 2.0 * b0 / (g * q)
            for i in range(_BLOCK):
                x = block[i] + 1e-15
                y = b0 * x + s1
                s1 = 2.0 * b0 * x - a1 * y + s2
                s2 = b0 * x - a2 * y
                block[i] = y
        height = _height(block)
        loudest = max(loudest, height)
        if t > 0.2 and after < 0.5 and after * height < _INAUDIBLE * loudest:
            after = 0.0
        begin = start + offset
        here = min(_BLOCK, frames - begin)
        slope = (after - before) / _BLOCK
        if begin >= 0:
            _add(out[0, begin : begin + here], block, gain_left * before, gain_left * slope)
            _add(out[1, begin : begin + here], block, gain_right * before, gain_right * slope)
        offset += _BLOCK
        before = after
        if after == 0.0 and t > 0.0:
            break
