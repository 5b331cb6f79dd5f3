"""Tensors as they lie in safetensors files: found, and put into another file under other names, byte by byte.

Nothing is loaded, so that the size of a model does not matter. For the format see `checkpoints.whole`.
"""

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from checkpoints.whole import AGAIN, INDEX, ITEM_BITS, SINGLE, header, read_object
from song.errors import BadCheckpoint

CHUNK = 1 << 22  # bytes between two looks at progress


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies: bytes [start, end) of a file."""

    file: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def bytes(self) -> int:
        return self.end - self.start


def tensors(folder: Path, single: str = SINGLE, index: str = INDEX) -> dict[str, Tensor]:
    """All tensors of a model by name, whether in one file or in shards. Raises BadCheckpoint."""
    files = [folder / single]
    if (folder / index).exists():
        files = [folder / shard for shard in sorted(set(read_object(folder / index)["weight_map"].values()))]
    found: dict[str, Tensor] = {}
    for file in files:
        said = header(file)
        with file.open("rb") as opened:
            data = 8 + int.from_bytes(opened.read(8), "little")
        for name, (dtype, shape, start, end) in said.items():
            if name in found:
                raise BadCheckpoint(f"{file} holds {name[:80]}, which {found[name].file.name} does, too; {AGAIN}.")
            found[name] = Tensor(file, dtype, shape, data + start, data + end)
    return found


def put(path: Path, wanted: Mapping[str, Tensor], beat: Callable[[int], None]) -> None:
    """A new file of these tensors, synced. `beat` hears of every few bytes that are written, and may raise."""
    order = sorted(wanted, key=lambda name: (-ITEM_BITS[wanted[name].dtype], name))  # each on a multiple of its size
    text = _header({name: wanted[name] for name in order})
    with path.open("wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        for name in order:
            _copy(wanted[name], out, beat)
        out.flush()
        os.fsync(out.fileno())


def _header(wanted: Mapping[str, Tensor]) -> bytes:
    said: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, one in wanted.items():
        said[name] = {"dtype": one.dtype, "shape": one.shape, "data_offsets": [end, end + one.bytes]}
        end += one.bytes
    text = json.dumps(said, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 8)


def _copy(one: Tensor, out: BinaryIO, beat: Callable[[int], None]) -> None:
    with one.file.open("rb") as file:
        file.seek(one.start)
        for _ in range(math.ceil(one.bytes / CHUNK)):
            block = file.read(min(CHUNK, one.end - file.tell()))
            if not block:
                raise BadCheckpoint(f"{one.file} became shorter while it was read; {AGAIN}.")
            out.write(block)
            beat(len(block))
