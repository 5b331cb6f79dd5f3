"""MP3 by the system's LAME, through ctypes, where there is one.

libsndfile, which packs all else, brings its own. In soundfile's wheels (0.12 to 0.14) that was compiled without being
optimised and takes three times as long. Asked the same, both make the same file, to the last byte: see
tests/test_masters.py. LAME 3.100 is an OS package (Debian: libmp3lame0), under the LGPL.
"""

import ctypes
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from settings import ROOT, find_library, settings
from song.errors import CannotMake

LIBRARY = "libmp3lame.so.0"
FETCHED = ROOT / ".lame"
HOW = "make lame, or apt install libmp3lame0, or set STUDIO_LAME to the folder that holds libmp3lame.so.0"
_MONO, _VARIABLE = 3, 4  # as lame.h counts channel modes, and ways to vary the rate
_KBPS = 320
_SLACK = 7200  # bytes that a call may write beside 1.25 for every frame, says lame.h
_Pointer, _int = ctypes.c_void_p, ctypes.c_int
_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "lame_init": (_Pointer, ()),
    "lame_set_in_samplerate": (_int, (_Pointer, _int)),
    "lame_set_out_samplerate": (_int, (_Pointer, _int)),
    "lame_set_num_channels": (_int, (_Pointer, _int)),
    "lame_set_mode": (_int, (_Pointer, _int)),
    "lame_set_write_id3tag_automatic": (None, (_Pointer, _int)),
    "lame_set_VBR": (_int, (_Pointer, _int)),
    "lame_set_VBR_quality": (_int, (_Pointer, ctypes.c_float)),
    "lame_set_brate": (_int, (_Pointer, _int)),
    "lame_init_params": (_int, (_Pointer,)),
    "lame_encode_buffer_interleaved_ieee_float": (_int, (_Pointer, _Pointer, _int, _Pointer, _int)),
    "lame_encode_buffer_ieee_float": (_int, (_Pointer, _Pointer, _Pointer, _int, _Pointer, _int)),
    "lame_encode_flush": (_int, (_Pointer, _Pointer, _int)),
    "lame_get_lametag_frame": (ctypes.c_size_t, (_Pointer, _Pointer, ctypes.c_size_t)),
    "lame_close": (_int, (_Pointer,)),
}


class LameError(OSError):
    """The library is not there, or is not the one we know."""


def find(setting: Path | None) -> Path | None:
    """The library: where the setting points, else what was fetched, else the system's. None where there is none."""
    return find_library(LIBRARY, setting, FETCHED)


@cache
def library(place: Path) -> Any:
    """The library, ready to be called. Raises LameError."""
    try:
        c = ctypes.CDLL(str(place))
        for function, (result, arguments) in _SIGNATURES.items():
            called = getattr(c, function)
            called.restype, called.argtypes = result, list(arguments)
    except (OSError, AttributeError) as error:
        raise LameError(f"{place.name} cannot be used: {error}") from error
    return c


def usable() -> Any:
    """The library of this machine, or None."""
    place = find(settings().lame)
    try:
        return library(place) if place else None
    except LameError:  # `studio doctor` says so
        return None


def encode(c: Any, raw: BinaryIO, rate: int, channels: int, quality: str, blocks: Iterable[np.ndarray]) -> None:
    """Float32 blocks (frames, channels) as an MP3 in an empty file; `quality` is "320" or "v0". Raises CannotMake."""
    lame, rest = c.lame_init(), np.empty(_SLACK, np.uint8)
    try:
        _ask(c, lame, rate, channels, quality)
        for block in blocks:
            room = np.empty(_SLACK + len(block) * 5 // 4, np.uint8)
            raw.write(room[: _counted(_encoded(c, lame, block, room))].tobytes())
        raw.write(rest[: _counted(c.lame_encode_flush(lame, rest.ctypes.data, len(rest)))].tobytes())
        raw.seek(0)  # the first frame tells how long the song is, which is known now
        raw.write(rest[: c.lame_get_lametag_frame(lame, rest.ctypes.data, len(rest))].tobytes())
    finally:
        c.lame_close(lame)


def _ask(c: Any, lame: int, rate: int, channels: int, quality: str) -> None:
    c.lame_set_in_samplerate(lame, rate)
    c.lame_set_out_samplerate(lame, rate)
    c.lame_set_num_channels(lame, channels)
    c.lame_set_write_id3tag_automatic(lame, 0)
    if channels == 1:
        c.lame_set_mode(lame, _MONO)
    if quality == "v0":
        c.lame_set_VBR(lame, _VARIABLE)
    else:
        c.lame_set_brate(lame, _KBPS)
    c.lame_set_VBR_quality(lame, 0.0)  # the best; a constant rate only tells it
    _counted(c.lame_init_params(lame))


def _encoded(c: Any, lame: int, block: np.ndarray, room: np.ndarray) -> int:
    at, frames, into = block.ctypes.data, len(block), (room.ctypes.data, len(room))
    if block.shape[1] == 1:
        return int(c.lame_encode_buffer_ieee_float(lame, at, at, frames, *into))
    return int(c.lame_encode_buffer_interleaved_ieee_float(lame, at, frames, *into))


def _counted(answer: int) -> int:
    if answer < 0:
        raise CannotMake("LAME could not pack this song as MP3; take flac or opus instead.")
    return answer
