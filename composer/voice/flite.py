"""Flite speaks: text to phones, durations, syllables and mel-cepstra, through the C library and ctypes.

Flite 2.2 (Black and Lenzo, "Flite: a small fast run-time synthesis engine", 2001) and its statistical voices are an OS
package (Debian: libflite1), permissively licensed. It is not thread-safe and trusts its input, so one lock guards it,
and only short lines of a-z and apostrophes reach it.
"""

import ctypes
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from composer.voice.phones import BANDS, HOP, VOWELS, WARP_RATE, Frames, Phone, Spoken, Word, syllabified, warped
from settings import ROOT, find_library

LIBRARY = "libflite.so.1"
FETCHED = ROOT / ".voices"
_VOICES = {False: "rms", True: "slt"}  # the low singer and the high one
_LONGEST = 400  # characters of a line; lyrics have a tenth of that
_EMPHASIS = 0.55  # how much the spectrum's peaks are raised over speech: held vowels stay clear
_CONSONANTS = 3.0  # dB: consonants over speech, since a band plays along
_OPEN = VOWELS | frozenset(["l", "r", "w", "y", "m", "n", "ng"])
_CLEAR = (0.8, 0.6, 0.4, 0.2, 0.0)  # at least this share of each band is periodic in what can be held
_SOFTLY = (0.1, 0.2, 0.4, 0.2, 0.1)
_LOCK = threading.Lock()
_Pointer = ctypes.c_void_p


class _Track(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("frames", ctypes.c_int),
        ("channels", ctypes.c_int),
        ("times", ctypes.POINTER(ctypes.c_float)),
        ("rows", ctypes.POINTER(ctypes.POINTER(ctypes.c_float))),
    )


_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "flite_init": (ctypes.c_int, ()),
    "flite_synth_text": (_Pointer, (ctypes.c_char_p, _Pointer)),
    "new_utterance": (_Pointer, ()),
    "utt_init": (_Pointer, (_Pointer, _Pointer)),
    "utt_set_input_text": (ctypes.c_int, (_Pointer, ctypes.c_char_p)),
    "utt_synth": (_Pointer, (_Pointer,)),
    "uttfunc_val": (_Pointer, (_Pointer,)),
    "feat_set": (None, (_Pointer, ctypes.c_char_p, _Pointer)),
    "feat_val": (_Pointer, (_Pointer, ctypes.c_char_p)),
    "get_param_val": (_Pointer, (_Pointer, ctypes.c_char_p, _Pointer)),
    "utt_relation": (_Pointer, (_Pointer, ctypes.c_char_p)),
    "relation_head": (_Pointer, (_Pointer,)),
    "item_next": (_Pointer, (_Pointer,)),
    "item_daughter": (_Pointer, (_Pointer,)),
    "item_as": (_Pointer, (_Pointer, ctypes.c_char_p)),
    "flite_ffeature_string": (ctypes.c_char_p, (_Pointer, ctypes.c_char_p)),
    "flite_ffeature_float": (ctypes.c_float, (_Pointer, ctypes.c_char_p)),
    "val_track": (_Pointer, (_Pointer,)),
    "val_cg_db": (_Pointer, (_Pointer,)),
    "mlpg": (_Pointer, (_Pointer, _Pointer)),
    "delete_utterance": (None, (_Pointer,)),
    "delete_track": (None, (_Pointer,)),
}
_UttFunc = ctypes.CFUNCTYPE(_Pointer, _Pointer)


@_UttFunc
def _silently(utterance: Any) -> Any:
    """What stands in for the waveform where only the words are wanted."""
    return utterance


class FliteError(OSError):
    """The library is not there, or is not the one we know."""


def find(setting: Path | None) -> Path | None:
    """The library: where the setting points, else what was fetched, else the system's. None where there is none."""
    return find_library(LIBRARY, setting, FETCHED)


class Flite:
    """Flite's English voices. Raises FliteError where the library or one of its parts cannot be opened."""

    name = "Flite"
    early = 0.009

    def __init__(self, library: Path) -> None:
        self._folder = library.parent if library.parent != Path() else None
        try:
            for part in ("flite", "flite_usenglish", "flite_cmulex"):
                ctypes.CDLL(self._place(part), ctypes.RTLD_GLOBAL)
            self._c = ctypes.CDLL(self._place("flite"))
            for function, (result, arguments) in _SIGNATURES.items():
                called = getattr(self._c, function)
                called.restype, called.argtypes = result, list(arguments)
            self._c.flite_init()
            self._voices = {high: self._register(voice) for high, voice in _VOICES.items()}
        except (OSError, AttributeError) as error:
            raise FliteError(f"{library.name} cannot be used: {error}") from error

    def _place(self, part: str) -> str:
        name = LIBRARY.replace("flite", part)
        return str(self._folder / name) if self._folder else name

    def _register(self, voice: str) -> int:
        library = ctypes.CDLL(self._place(f"flite_cmu_us_{voice}"))
        register = getattr(library, f"register_cmu_us_{voice}")
        register.restype, register.argtypes = _Pointer, [_Pointer]
        return int(register(None))

    @lru_cache(maxsize=512)  # noqa: B019  there is one Flite in a process
    def syllables(self, words: tuple[str, ...]) -> tuple[Word, ...]:
        """Phones, syllables and stress of a line; times are all 0."""
        text = _bounded(words)
        with _LOCK:
            c = self._c
            utterance = c.utt_init(c.new_utterance(), self._voices[False])
            c.utt_set_input_text(utterance, text)
            features = ctypes.cast(utterance, ctypes.POINTER(_Pointer))[0]
            c.feat_set(features, b"wave_synth_func", c.uttfunc_val(ctypes.cast(_silently, _Pointer)))
            c.utt_synth(utterance)
            try:
                return self._words(utterance, len(words))
            finally:
                c.delete_utterance(utterance)

    @lru_cache(maxsize=256)  # noqa: B019
    def speak(self, words: tuple[str, ...], high: bool) -> Spoken:
        """A line as the low or the high voice says it."""
        text = _bounded(words)
        with _LOCK:
            c, voice = self._c, self._voices[high]
            utterance = c.flite_synth_text(text, voice)
            if not utterance:
                raise FliteError(f"nothing came back for {text.decode()!r}")
            try:
                found = self._words(utterance, len(words))
                cepstra, strength = self._tracks(utterance, voice)
            finally:
                c.delete_utterance(utterance)
        return Spoken(found, _dressed(cepstra, strength, found))

    def _words(self, utterance: int, count: int) -> tuple[Word, ...]:
        """One Word for each of ours: Flite may make two words of one token ("it's")."""
        c = self._c
        times = self._times(utterance)
        found = []
        for token in self._row(c.relation_head(c.utt_relation(utterance, b"Token"))):
            phones: list[tuple[Phone, bool, int]] = []
            for word in self._row(c.item_daughter(token)):
                phones += self._phones(word, times)
            found.append(syllabified(phones))
        if len(found) != count:
            raise FliteError(f"{count} words became {len(found)}")
        return tuple(found)

    def _phones(self, word: int, times: dict[int, tuple[float, float]]) -> Iterator[tuple[Phone, bool, int]]:
        c = self._c
        above = c.item_as(word, b"SylStructure")
        for syllable in self._row(c.item_daughter(above) if above else None):
            stress = int(c.flite_ffeature_string(syllable, b"stress") or b"0")
            for place, segment in enumerate(self._row(c.item_daughter(syllable))):
                start, end = times.get(c.item_as(segment, b"Segment") or 0, (0.0, 0.0))
                yield Phone(c.flite_ffeature_string(segment, b"name").decode(), start, end), place == 0, min(1, stress)

    def _times(self, utterance: int) -> dict[int, tuple[float, float]]:
        """Where each segment lies, by its item in the relation Segment."""
        c, times, now = self._c, {}, 0.0
        for segment in self._row(c.relation_head(c.utt_relation(utterance, b"Segment"))):
            end = float(c.flite_ffeature_float(segment, b"end"))
            times[segment] = (now, end)
            now = end
        return times

    def _row(self, item: int | None) -> Iterator[int]:
        while item:
            yield item
            item = self._c.item_next(item)

    def _tracks(self, utterance: int, voice: int) -> tuple[np.ndarray, np.ndarray]:
        """Mel-cepstra with their f0 in front, smoothed as Flite does before it filters, and strengths of voicing."""
        c = self._c
        features = ctypes.cast(utterance, ctypes.POINTER(_Pointer))[0]
        of_voice = ctypes.cast(voice, ctypes.POINTER(_Pointer))[1]
        parameters, strengths = c.feat_val(features, b"param_track"), c.feat_val(features, b"str_track")
        database = c.get_param_val(features, b"cg_db", None) or c.feat_val(of_voice, b"cg_db")
        if not (parameters and strengths and database):
            raise FliteError("this voice has no cepstra")
        smooth = c.mlpg(c.val_track(parameters), c.val_cg_db(database))
        cepstra = _copied(smooth)
        c.delete_track(smooth)
        return cepstra, _copied(c.val_track(strengths))


def _bounded(words: tuple[str, ...]) -> bytes:
    text = " ".join(words)
    if not words or len(text) > _LONGEST or not all(set(word) <= set("abcdefghijklmnopqrstuvwxyz'") for word in words):
        raise ValueError(f"not a line of plain words: {text[:80]!r}")
    return text.encode("ascii")


def _copied(pointer: int) -> np.ndarray:
    track = ctypes.cast(pointer, ctypes.POINTER(_Track))[0]
    rows = [np.ctypeslib.as_array(track.rows[row], (track.channels,)) for row in range(track.frames)]
    return np.array(rows, np.float32)


def _dressed(track: np.ndarray, strength: np.ndarray, words: tuple[Word, ...]) -> Frames:
    """Speech made ready for song: clearer peaks, louder consonants."""
    voiced = (track[:, 0] > 0).astype(np.float32)
    cepstra = track[:, 1:].copy()
    table = np.cos(np.arange(cepstra.shape[1])[:, None] * warped(np.linspace(0, WARP_RATE / 2, 129))).astype(np.float32)
    before = np.exp(2 * (cepstra @ table)).mean(axis=1)
    cepstra[:, 2:] *= 1 + _EMPHASIS
    cepstra[:, 0] += 0.5 * np.log(before / np.exp(2 * (cepstra @ table)).mean(axis=1))
    middle = (np.arange(len(track)) + 0.5) * HOP
    hard, open_ = np.zeros((2, len(track)), bool)
    for phone in (phone for word in words for syllable in word for phone in syllable.phones):
        inside = (middle >= phone.start) & (middle < phone.end)
        hard |= inside & (not phone.vowel)
        open_ |= inside & (phone.name in _OPEN)
    cepstra[:, 0] += np.convolve(np.pad(hard * (_CONSONANTS / 8.686), 2, mode="edge"), _SOFTLY, "valid")
    if strength.shape[1] != len(BANDS) or len(strength) != len(track):
        raise FliteError("this voice mixes its excitation in another way")
    voiced = np.maximum(voiced, open_).astype(np.float32)  # who speaks may whisper the end of a vowel; who sings, not
    strength = np.maximum(strength, open_[:, None] * np.array(_CLEAR, np.float32))
    return Frames(cepstra, np.clip(strength, 0, 1), voiced)
