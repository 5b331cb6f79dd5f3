"""What a model needs in memory against what is free, in bytes, before anything is loaded. Knows no model by name.

MusicGen:

    need = weights + cache + codec + working
      weights  decoder in the chosen precision; text encoder and codec in 32 bit (they are small, and the codec's sound)
      cache    keys and values of every layer, for the longest window, with and without the words (guidance)
      codec    the widest layers of EnCodec's decoder for the seconds decoded at once
      working  libraries, activations of the prompt, logits

A diffusion pipeline (ACE-Step): weights of all its parts; in `cache` what its transformer computes with, in `codec` the
widest layers of the VAE for the seconds decoded at once.

The numbers of parts are counted from the architecture (Copet et al. 2023, "Simple and Controllable Music Generation";
Défossez et al. 2022 for EnCodec) and agree with the published files to 2 % (tests/test_memory.py).
"""

import contextlib
import gc
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from song.errors import NotEnoughMemory

BYTES = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "int8": 1.03}  # a weight; int8 with the scales of its rows
FRAME_RATE = 50  # codebook frames in a second
TEXT_ENCODER = 109_600_000  # parameters of the T5-base encoder
CODEC = 59_000_000  # parameters of EnCodec at 32 kHz
TEXT_WIDTH = 768  # of the T5-base encoder
VOCABULARY = 2048
CHROMA = 12
PREFIX = 256 + 235  # positions at most that words and 30 s of melody take in front of the frames
CODEC_SECOND = 3 * 64 * 32_000 * 4  # bytes: three buffers of the last layer, 64 channels at 32 kHz, 32 bit
TOKEN_RATE = 12.5  # of ACE-Step's transformer in a second: 25 latents, two a token
ACTIVATIONS = 24  # times its width that a token takes while a layer computes (measured: 16 to 23.5)
ENCODERS = 596_000_000 + 169_000_000  # parameters of ACE-Step's text encoder and VAE, beside the published ones
VAE_SECOND = 3 * 128 * 48_000  # numbers: three buffers of the last layer, 128 channels at 48 kHz
SEPARATED_RATE = 44_100  # hertz, of Demucs
SEPARATED_CHUNK = 1_000_000_000  # bytes: what the layers of HTDemucs hold of its 7.8 s
WORKING = 700_000_000  # torch and its libraries once loaded, and the activations of a prompt
SPARE_SHARE, SPARE_MOST = 0.1, 8 * 10**9  # of the whole memory, left to everything else


@dataclass(frozen=True)
class Shape:
    """A decoder: layers of width `hidden`, one head per codebook; `cross` where every layer attends to the words."""

    layers: int
    hidden: int
    codebooks: int
    cross: bool = True

    @property
    def parameters(self) -> int:
        """Of decoder, heads and projections: 4 h² an attention, 8 h² the feed-forward pair."""
        layer = (16 if self.cross else 12) * self.hidden**2
        tokens = self.codebooks * (2 * VOCABULARY + 1) * self.hidden
        return self.layers * layer + tokens + (TEXT_WIDTH + (0 if self.cross else CHROMA)) * self.hidden


@dataclass(frozen=True)
class Need:
    """Bytes, part by part."""

    weights: int
    cache: int
    codec: int
    working: int = WORKING

    @property
    def total(self) -> int:
        return self.weights + self.cache + self.codec + self.working

    def __str__(self) -> str:
        parts = {"weights": self.weights, "cache": self.cache, "codec": self.codec, "working": self.working}
        return ", ".join(f"{name} {gigabytes(size)}" for name, size in parts.items())


@dataclass(frozen=True)
class Room:
    """What a device has, and what of it is not taken. Bytes."""

    free: int
    whole: int

    @property
    def spare(self) -> int:
        """What stays for everything else: a machine whose GPU shares its memory freezes when this is used up."""
        return min(SPARE_MOST, int(SPARE_SHARE * self.whole))

    @property
    def usable(self) -> int:
        return max(0, self.free - self.spare)


def shape(config: Mapping[str, Any]) -> Shape:
    """The decoder's shape from a transformers config.json of MusicGen. Raises KeyError for any other."""
    decoder = config["decoder"]
    cross = config.get("model_type") != "musicgen_melody"
    return Shape(decoder["num_hidden_layers"], decoder["hidden_size"], decoder["num_codebooks"], cross)


def need(
    shape: Shape,
    precision: str = "fp32",
    seconds: float = 30.0,
    batch: int = 1,
    cache: str = "fp32",
    decoded_at_once: float = 30.0,
) -> Need:
    """What one window of `seconds` needs with `batch` variations. `precision` and `cache` are keys of BYTES."""
    weights = shape.parameters * BYTES[precision] + (TEXT_ENCODER + CODEC) * BYTES["fp32"]
    position = 2 * shape.layers * shape.hidden * BYTES[cache]  # keys and values
    frames = seconds * FRAME_RATE + shape.codebooks
    rows = 2 * batch  # with the words and without
    keys = position * rows * (frames + PREFIX)  # a cross-attending decoder keeps the words' keys beside, as many
    channels = 2 if shape.codebooks > 4 else 1
    return Need(int(weights), int(keys), int(CODEC_SECOND * min(seconds, decoded_at_once) * batch * channels))


def pipeline(
    parameters: float,
    precision: str = "fp32",
    seconds: float = 60.0,
    rows: int = 2,
    width: int = 2560,
    tile: float = 10.0,
    heads: int = 0,
) -> Need:
    """What ACE-Step needs: `parameters` of all its parts, songs of `seconds`, `rows` of them side by side (guidance
    counts twice), a transformer of `width`, `tile` seconds decoded at once. `precision` is a key of BYTES. `heads` are
    those whose scores are held while a layer computes, in 32 bit before and after their softmax: none where kernels are
    fused."""
    size = BYTES[precision]
    tokens = seconds * TOKEN_RATE
    activations = rows * tokens * width * ACTIVATIONS * size + 2 * rows * heads * tokens**2 * BYTES["fp32"]
    return Need(int(parameters * size), int(activations), int(VAE_SECOND * size * min(seconds, tile)))


def reader(config: Mapping[str, Any], parameters: int, precision: str, positions: int, texts: int = 1) -> Need:
    """What a language model needs that reads and writes `texts` of so many `positions` side by side: `parameters` as
    its files have them, keys and values by transformers' config.json. Raises KeyError for what is no such config."""
    heads = config["num_attention_heads"]
    width = config.get("head_dim") or config["hidden_size"] // heads
    groups = config.get("num_key_value_heads") or heads
    keys = 2 * config["num_hidden_layers"] * groups * width * positions * texts  # and values
    return Need(int(parameters * BYTES[precision]), int(keys * BYTES[precision]), 0)


def separator(parameters: float, seconds: float = 60.0, stems: int = 6) -> Need:
    """What Demucs needs: its weights in 32 bit, one chunk on its way through the layers (counted in `cache`, measured),
    and in `codec` the song of `seconds` with its stems, at the model's rate and at the song's."""
    sound = int(seconds * 2 * 4 * (SEPARATED_RATE + 48_000) * (stems + 2))
    return Need(int(parameters * BYTES["fp32"]), SEPARATED_CHUNK, sound)


def room(device: str = "cpu") -> Room:
    """What is free on "cpu", "cuda" or "cuda:1". A GPU that shares the machine's memory is asked as the machine is."""
    if not device.startswith("cuda"):
        return host()
    import torch

    if shared(device):
        return host()
    free, whole = torch.cuda.mem_get_info(device)
    return Room(free, whole)


def shared(device: str) -> bool:
    """Whether a device is a GPU that shares the machine's memory: there is then nowhere to move anything to."""
    if not device.startswith("cuda"):
        return False
    import torch

    properties = torch.cuda.get_device_properties(device)
    return shares_memory(properties.name, bool(getattr(properties, "is_integrated", False)))


def shares_memory(name: str, integrated: bool) -> bool:
    """Whether a GPU has no memory of its own. The driver's own count of free memory is too low there."""
    return integrated or bool(re.search(r"\b(GB10|Orin|Thor|Xavier)\b", name))


def host(root: Path = Path("/")) -> Room:
    """The machine's memory, or this process's share of it where a control group (v2, v1) gives it less.

    Raises NotEnoughMemory where the system does not say: then nothing can be promised.
    """
    lines = _read(root / "proc/meminfo").splitlines()
    sizes = {words[0].rstrip(":"): int(words[1]) * 1024 for line in lines if len(words := line.split()) >= 2}
    if not {"MemAvailable", "MemTotal"} <= sizes.keys():
        raise NotEnoughMemory("This system does not say how much memory is free; the studio's models need Linux.")
    rooms = [Room(sizes["MemAvailable"], sizes["MemTotal"]), *_groups(root)]
    return Room(min(one.free for one in rooms), min(one.whole for one in rooms))


def _groups(root: Path) -> list[Room]:
    """The limits of this process's control groups, up to the topmost."""
    found = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            base, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            base = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        inner = Path(path.lstrip("/"))
        found += [_group(base / folder, *names) for folder in (inner, *inner.parents)]
    return [group for group in found if group is not None]


def _group(folder: Path, limit: str, used: str, reclaimable: str) -> Room | None:
    """One control group; None where it sets no limit. Cached files are given back when memory is asked for."""
    with contextlib.suppress(ValueError):  # "max"
        most, taken = int(_read(folder / limit)), int(_read(folder / used))
        if most < 2**62:  # v1 says "no limit" with a very large one
            cached = re.search(rf"^{reclaimable} (\d+)", _read(folder / "memory.stat"), re.MULTILINE)
            return Room(max(0, most - taken + (int(cached[1]) if cached else 0)), most)
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def require(
    needed: Need | int,
    what: str,
    device: str = "cpu",
    choices: Mapping[str, int] | None = None,
    has: Room | None = None,
) -> None:
    """Raises NotEnoughMemory, with numbers, where `what` does not fit beside all else that runs. Where it fits on a
    GPU, torch may from now on take what is usable and no more, whatever was counted wrongly.

    `choices` are what could be taken instead, and their bytes: those that fit are named. `has` is the device's own
    where not given.
    """
    has = has or room(device)
    total = needed if isinstance(needed, int) else needed.total
    if total <= has.usable:
        if device.startswith("cuda"):
            _bound(device, has)
        return
    parts = "" if isinstance(needed, int) else f" ({needed})"
    fitting = [name for name, size in (choices or {}).items() if size <= has.usable]
    instead = f"choose {' or '.join(fitting)}, or close something" if fitting else "close something and try again"
    raise NotEnoughMemory(
        f"{what} needs {gigabytes(total)} here{parts}, {gigabytes(has.usable)} are free "
        f"beside {gigabytes(has.spare)} for everything else; {instead}."
    )


def _bound(device: str, has: Room) -> None:
    """Running out is then an error that engines know, and not a machine that freezes."""
    import torch

    whole = torch.cuda.get_device_properties(device).total_memory  # of which torch counts the share
    share = (torch.cuda.memory_reserved(device) + has.usable) / whole
    torch.cuda.set_per_process_memory_fraction(min(1.0, share), device)


def gigabytes(size: float) -> str:
    """As people read it: 13.9 GB, 0.2 GB."""
    return f"{size / 1e9:.1f} GB"


def ran_out(error: BaseException) -> bool:
    """Whether an error of torch or Python says that memory was not enough."""
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)


def give_back() -> None:
    """Let go of what nothing refers to any more, on the GPU too where torch holds some of it."""
    gc.collect()
    if "torch" in sys.modules and (torch := sys.modules["torch"]).cuda.is_available():
        torch.cuda.empty_cache()
