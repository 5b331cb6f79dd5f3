"""A LoRA's file, before anybody believes it: its kind, its size, its header, its numbers. Nothing is ever unpickled."""

import json
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from song.errors import BadRequest

MAX_BYTES = 2 * 2**30
MAX_HEADER = 10_000_000  # bytes; that of a LoRA with 384 tensors has 50 kB
MAX_TENSORS = 20_000
# What is read, as numpy reads it; it has no bfloat16.
DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}
AGAIN = "get the file again"
_ONLY = "only .safetensors files are opened"
_MAGIC = {
    b"version https://git-lfs": f"is a Git LFS pointer, not the file itself; run git lfs pull, or {AGAIN}",
    b"PK\x03\x04": f"is a pickle or an archive, and {_ONLY}; convert it first",
    b"GGUF": f"is a GGUF file, and {_ONLY}; convert it first",
    **dict.fromkeys(
        (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
        f"is a pickle, which could run code, and {_ONLY}; convert it first",
    ),
    **dict.fromkeys((b"<!DOCTYPE", b"<!doctype", b"<html", b"<HTML"), f"is a web page, not the file itself; {AGAIN}"),
}


@dataclass(frozen=True)
class Tensor:
    """One tensor of a file: the bytes from `start` to `end`."""

    dtype: str  # a key of DTYPES
    shape: tuple[int, ...]
    start: int
    end: int


def refusal(called: str, why: str) -> BadRequest:
    """What is wrong with a file, in one sentence that begins with what people call it."""
    return BadRequest("loras", f"{called[:80]} {why}")


def check_kind(path: Path, called: str) -> None:
    """Raises BadRequest for what is no safetensors file, by its kind, its size and its first bytes."""
    try:
        status = path.stat()
    except OSError as error:
        raise refusal(called, f"cannot be read ({error.strerror}); choose another file") from None
    if not stat.S_ISREG(status.st_mode):
        raise refusal(called, "is no file; choose a .safetensors file")
    if not os.access(path, os.R_OK):
        raise refusal(called, "cannot be read; check its rights")
    if status.st_size > MAX_BYTES:
        raise refusal(called, f"has {status.st_size / 1e9:.1f} GB, which no LoRA needs; the most is 2.1 GB")
    with path.open("rb") as file:
        _check_start(file.read(64), status.st_size, called)


def _check_start(start: bytes, size: int, called: str) -> None:
    """Eight bytes that count the header, then the header, a JSON object."""
    if not start:
        raise refusal(called, f"is empty; {AGAIN}")
    if start[8:9] != b"{":
        other = next((why for magic, why in _MAGIC.items() if start.lstrip().startswith(magic)), None)
        text = "a text" if all(byte >= 32 or byte in b"\t\n\r" for byte in start) else "something else"
        raise refusal(called, other or f"is {text}, no safetensors file; {AGAIN}")
    length = int.from_bytes(start[:8], "little")
    if length > MAX_HEADER:
        raise refusal(called, f"announces a header of {length} bytes, which no LoRA has; {AGAIN}")
    if length > size - 8:
        raise refusal(called, f"is cut off within its header; {AGAIN}")


def header(path: Path, called: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors by name, and the texts that the header has beside them. Raises BadRequest.

    The library holds the header against the file: no byte used twice, none left over, no size that cannot be.
    """
    try:
        with safe_open(path, framework="np"), path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            said = json.loads(file.read(length), object_pairs_hook=_unique)
    except (SafetensorError, ValueError, RecursionError) as error:
        cut = "is cut off" if "not fully covered" in str(error) else "is damaged"
        raise refusal(called, f"{cut}: its header does not describe what is there; {AGAIN}") from None
    beside = said.pop("__metadata__", None) or {}
    if not said or len(said) > MAX_TENSORS:
        raise refusal(called, f"holds {len(said)} tensors, which no LoRA does; choose another file")
    return {name: _tensor(name, values, 8 + length, called) for name, values in said.items()}, beside


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _tensor(name: str, said: Mapping[str, Any], begin: int, called: str) -> Tensor:
    if said["dtype"] not in DTYPES:
        raise refusal(called, f"keeps {name[:80]} as {said['dtype'][:10]}; only F32, F16 and BF16 are read")
    start, end = said["data_offsets"]
    return Tensor(said["dtype"], tuple(said["shape"]), begin + start, begin + end)


def check_finite(path: Path, called: str) -> None:
    """Raises BadRequest where a number in the file is none. Reads all of it, tensor by tensor."""
    tensors, _ = header(path, called)
    whole = np.memmap(path, np.uint8, "r")
    for name, tensor in tensors.items():
        if not _finite(whole[tensor.start : tensor.end], tensor.dtype):
            raise refusal(called, f"holds NaN or infinity in {name[:80]}: its training failed; choose another one")


def _finite(raw: np.ndarray, dtype: str) -> bool:
    values = np.frombuffer(raw.tobytes(), DTYPES[dtype])  # a copy: tensors may begin at odd bytes
    if dtype == "BF16":
        return not bool(((values & 0x7F80) == 0x7F80).any())  # an exponent of ones: infinity or NaN
    return bool(np.isfinite(values).all())


def number(path: Path, tensor: Tensor, name: str, called: str) -> float:
    """The one number of a tensor. Raises BadRequest where there are more, or fewer."""
    if math.prod(tensor.shape) != 1:
        raise refusal(called, f"has {math.prod(tensor.shape)} numbers in {name[:80]} instead of one; {AGAIN}")
    with path.open("rb") as file:
        file.seek(tensor.start)
        raw = np.frombuffer(file.read(tensor.end - tensor.start), DTYPES[tensor.dtype])
    return float((raw.astype("<u4") << 16).view("<f4")[0] if tensor.dtype == "BF16" else raw[0])
