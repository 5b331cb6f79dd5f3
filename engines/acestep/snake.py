"""Latents -> sound: the decoder of ACE-Step's VAE (Oobleck; Evans et al. 2024, "Stable Audio Open"), fused.

On a CPU it runs on our convolution kernels: weight norm multiplied out, weights packed, transposed convolutions as
plain ones of two taps, bias, residual and Snake in the pass of the convolution before them, sums and residuals in
float32. Elsewhere it is diffusers' own module with weight norm multiplied out and Snake as one compiled function, or
plain where it cannot be compiled.

Either way the sound comes in tiles that know as much of their surroundings as the decoder looks at, so that memory does
not grow with the song, and between tiles a song can be cancelled. On a CPU tiles are bitwise what one pass would give.
"""

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

import memory
from song.progress import Progress, silent

if TYPE_CHECKING:
    from torch import Tensor

    from kernels import Convolution, Snake

    Wave = Callable[[Tensor, Tensor, Tensor], Tensor]
    Compiler = Callable[..., Wave]  # torch.compile

TILE = 48  # latent frames that a thread decodes at once: 2 s, some 100 MB
TILE_ELSEWHERE = 250  # and that PyTorch does: 10 s, some 2 GB
COMPILES = "compiles"  # what this file, run as a script, says where functions can be compiled
_MOST_THREADS = 16
_LAST = 3  # samples to either side that the last convolution looks at
_DILATIONS = 1, 3, 9  # of the residual units in a block

Span = tuple[int, int]


class Decoder(Protocol):
    @property
    def notice(self) -> str:
        """What the user should know about how it decodes, as far as it knows by now; "" where that is nothing."""

    def decode(self, latents: "Tensor", progress: Progress = silent, tile: int = 0) -> np.ndarray:
        """Latents (songs, frames, channels), as the pipeline gives them with output_type="latent" -> float32
        (songs, channels, samples), as the VAE means it: not normalised. No more than `tile` frames at once, or what
        is usual; before each tile `progress` may raise Cancelled."""


def decoder(vae: Any) -> Decoder:
    """The fastest decoder that there is for a diffusers AutoencoderOobleck, in the VAE's own precision. On a GPU the
    VAE itself is changed, and goes on giving the same sound."""
    import torch

    if vae.device.type != "cpu":
        return TorchDecoder(vae, torch.compile)
    from kernels import KernelsUnfit  # compiled code: half a second to import, so only where sound is made

    try:
        return PackedDecoder(vae, "bf16" if vae.dtype == torch.bfloat16 else "fp32")
    except KernelsUnfit as error:
        return TorchDecoder(vae, notice=f"Decoded by PyTorch's own, slower convolutions: {error}")


# --- what looks at what -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reach:
    """What a layer looks at: output i of a convolution at the inputs from i - before to i - before + extent. Where
    `stride` is above 1 it is transposed and twice as wide as its stride; `before` is then trimmed off its outputs."""

    before: int
    extent: int
    stride: int = 1

    def needed(self, outputs: Span) -> Span:
        """The inputs that these outputs need, from the first to before the last."""
        first, end = outputs
        if self.stride == 1:
            return first - self.before, end - self.before + self.extent
        return (first + self.before) // self.stride - 1, (end - 1 + self.before) // self.stride + 1

    def made(self, inputs: Span) -> Span:
        """The outputs that can be made of these inputs."""
        first, end = inputs
        if self.stride == 1:
            return first + self.before, end + self.before - self.extent
        return (first + 1) * self.stride - self.before, end * self.stride - self.before


def _block(ratio: int) -> list[Reach]:
    """A transposed convolution, then residual units: a wide layer and one of a single tap each."""
    units = [reach for dilation in _DILATIONS for reach in (Reach(3 * dilation, 6 * dilation), Reach(0, 0))]
    return [Reach(math.ceil(ratio / 2), 1, ratio), *units]


def _reaches(ratios: Sequence[int]) -> list[Reach]:
    """Layer by layer but for the last, for upsampling ratios in the decoder's order."""
    return [Reach(3, 6), *(reach for ratio in ratios for reach in _block(ratio))]


def _needed(reaches: Sequence[Reach], outputs: Span) -> list[Span]:
    """What each layer takes for `outputs` of the last one; places outside a signal are zero."""
    spans = []
    for reach in reversed(reaches):
        outputs = reach.needed(outputs)
        spans.append(outputs)
    return spans[::-1]


def overlap(ratios: Sequence[int]) -> int:
    """Latent frames on either side of a tile that its sound depends on."""
    first, end = _needed(_reaches(ratios), (-_LAST, math.prod(ratios) + _LAST))[0]
    return max(-first, end - 1)


# --- on a CPU ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution and what follows it: a residual (`adds`), becoming one (`keeps`), Snake."""

    reach: Reach
    convolution: "Convolution"
    snake: "Snake"
    adds: bool = False
    keeps: bool = False


class Room:
    """Memory that a thread uses again for every tile: new pages cost as much as the arithmetic on them."""

    def __init__(self) -> None:
        self._kept: dict[int, np.ndarray] = {}

    def take(self, number: int, shape: Span, kind: Any) -> np.ndarray:
        from kernels.memory import lines

        size = math.prod(shape) * np.dtype(kind).itemsize
        if number not in self._kept or len(self._kept[number]) < size:
            self._kept[number] = lines(size)
        return self._kept[number][:size].view(kind).reshape(shape)


_STREAM, _SUMS = 2, 3  # places in a room beside 0 and 1, which signals take in turns


class PackedDecoder:
    """See `Decoder`. The same sound for any number of threads and any size of tile."""

    notice = ""

    def __init__(self, vae: Any, precision: str, threads: int = 0):
        """`precision` is fp32 or bf16; 0 threads means one for each core. Raises KernelsUnfit."""
        self.threads = threads or min(_MOST_THREADS, len(os.sched_getaffinity(0)))
        self.ratios, self.channels = tuple(vae.upsampling_ratios), int(vae.config.audio_channels)
        self.hop = math.prod(self.ratios)
        self._layers = list(_layers(vae.decoder, self.ratios, precision))
        self._last = _closing(vae.decoder.conv2, precision)

    def decode(self, latents: "Tensor", progress: Progress = silent, tile: int = 0) -> np.ndarray:
        (songs, frames, _), tile = latents.shape, min(tile or TILE, TILE)
        rows = latents.detach().float().cpu().numpy()
        sound = np.empty((songs, self.channels, frames * self.hop), np.float32)
        rooms: SimpleQueue[Room] = SimpleQueue()
        for _ in range(self.threads):
            rooms.put(Room())

        def work(part: tuple[int, int]) -> None:
            song, first = part
            end, room = min(first + tile, frames), rooms.get()
            sound[song, :, first * self.hop : end * self.hop] = self._tile(rows[song], (first, end), room)
            rooms.put(room)

        parts = [(song, first) for song in range(songs) for first in range(0, frames, tile)]
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="vae")
        try:
            progress(0, "Decoding")
            for done, _ in enumerate(pool.map(work, parts), 1):
                progress(done / len(parts), "Decoding")
        finally:
            pool.shutdown(cancel_futures=True)
        return sound

    def _tile(self, latents: np.ndarray, frames: Span, room: Room) -> np.ndarray:
        """The sound (channels, samples) of frames from the first to before the last, of `latents` (all, channels)."""
        asked = frames[0] * self.hop - _LAST, frames[1] * self.hop + _LAST
        spans = _needed([layer.reach for layer in self._layers], asked)
        length, first, place = len(latents), spans[0][0], 0
        signal = _entering(latents, spans[0], self._layers[0].convolution)
        stream, begun = signal, first
        for layer, (low, high) in zip(self._layers, spans, strict=True):
            one, stride = layer.convolution, layer.reach.stride
            signal = signal[low - first : high - first]
            first, end = layer.reach.made((low, high))
            shape = (end - first) // stride, one.outputs
            if layer.keeps and not layer.adds:
                stream, begun = room.take(_STREAM, shape, np.float32).reshape(end - first, -1), first
            residual = stream[first - begun : end - begun].reshape(shape) if layer.keeps or layer.adds else None
            active, place = room.take(place, shape, signal.dtype), 1 - place
            one(
                signal,
                kept=residual if layer.keeps else None,
                added=residual if layer.adds else None,
                snake=layer.snake,
                active=active,
            )
            signal, length = active.reshape(end - first, -1), length * stride
            signal[: max(0, -first)] = 0
            signal[max(0, length - first) :] = 0
        return self._closed(signal[asked[0] - first : asked[1] - first], room)

    def _closed(self, signal: np.ndarray, room: Room) -> np.ndarray:
        """The last convolution: a product for all its taps at once, then each tap's outputs moved to their place."""
        sums = room.take(_SUMS, (len(signal), self._last.outputs), np.float32)
        self._last(signal, kept=sums)
        count, taps = len(signal) - 2 * _LAST, 2 * _LAST + 1
        found = np.zeros((count, self.channels), np.float32)
        for tap in range(taps):
            found += sums[tap : tap + count, tap * self.channels : (tap + 1) * self.channels]
        return found.T


def _entering(latents: np.ndarray, span: Span, first: "Convolution") -> np.ndarray:
    """Latents (all, channels) over a span, zero outside, as the first convolution takes them."""
    from kernels.memory import bfloat16

    low, high = max(0, span[0]), min(len(latents), span[1])
    wide = np.zeros((span[1] - span[0], first.inputs), np.float32)
    wide[low - span[0] : high - span[0], : latents.shape[1]] = latents[low:high]
    return bfloat16(wide) if first.narrow else wide


def _layers(net: Any, ratios: Sequence[int], precision: str) -> Iterator[Layer]:
    """The layers of diffusers' OobleckDecoder but for its last, in order."""
    yield Layer(Reach(3, 6), _plain(net.conv1, precision), _snake(net.block[0].snake1))
    after = [*(block.snake1 for block in net.block[1:]), net.snake1]
    for block, ratio, following in zip(net.block, ratios, after, strict=True):
        raised, *reaches = _block(ratio)
        units = [block.res_unit1, block.res_unit2, block.res_unit3]
        snakes = [*(unit.snake1 for unit in units[1:]), following]
        yield Layer(raised, _raising(block.conv_t1, precision), _snake(units[0].snake1, ratio), keeps=True)
        for number, (unit, snake) in enumerate(zip(units, snakes, strict=True)):
            yield Layer(reaches[2 * number], _plain(unit.conv1, precision), _snake(unit.snake2))
            last = unit is units[-1]
            yield Layer(
                reaches[2 * number + 1], _plain(unit.conv2, precision), _snake(snake), adds=True, keeps=not last
            )


def _weights(module: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Weight, with its norm multiplied out in float32, and bias."""
    import torch

    with torch.inference_mode():
        weight = torch._weight_norm(module.weight_v.float(), module.weight_g.float(), 0)
        bias = None if module.bias is None else module.bias.float().cpu().numpy()
        return weight.cpu().numpy(), bias


def _plain(module: Any, precision: str) -> "Convolution":
    from kernels import Convolution

    return Convolution(*_weights(module), dilation=module.dilation[0], precision=precision)


def _raising(module: Any, precision: str) -> "Convolution":
    """A transposed convolution twice as wide as its stride: the earlier of two inputs meets the later half of the
    kernel. Its outputs are all phases of a moment, each as wide as a signal is in memory."""
    from kernels import Convolution
    from kernels.memory import padded, whole

    weight, bias = _weights(module)  # (in, out, 2 * stride)
    (inputs, outputs, _), stride, width = weight.shape, module.stride[0], whole(weight.shape[1])
    halves = weight.reshape(inputs, outputs, 2, stride)[:, :, ::-1].transpose(3, 1, 0, 2)  # (stride, out, in, 2)
    phases = padded(np.ascontiguousarray(halves), stride, width, inputs, 2).reshape(stride * width, inputs, 2)
    assert bias is not None
    return Convolution(phases, np.tile(padded(bias, width), stride), precision=precision)


def _closing(module: Any, precision: str) -> "Convolution":
    """A convolution to a few channels as one of a single tap, with an output for each of its taps and channels."""
    from kernels import Convolution

    weight, _ = _weights(module)
    return Convolution(weight.transpose(2, 0, 1).reshape(-1, weight.shape[1], 1), None, precision=precision)


def _snake(module: Any, phases: int = 1) -> "Snake":
    """Snake's parameters, once for every phase of a moment."""
    import torch

    from kernels import Snake

    with torch.inference_mode():
        a, b = (one.float().exp() if module.logscale else one.float() for one in (module.alpha, module.beta))
    return Snake.of(a.flatten().cpu().numpy(), b.flatten().cpu().numpy() + np.float32(1e-9), phases)


# --- elsewhere --------------------------------------------------------------------------------------------------------


class TorchDecoder:
    """See `Decoder`. Snake is one function compiled by `compiler`, and plain without one or where it fails."""

    def __init__(self, vae: Any, compiler: "Compiler | None" = None, notice: str = ""):
        self.vae, self.device = vae, vae.device  # it may be moved off the GPU later, and comes back to be used
        self.overlap, self.hop = overlap(vae.upsampling_ratios), math.prod(vae.upsampling_ratios)
        self._wave, self._said = CompiledWave(compiler), notice
        if compiler is not None:
            self._wave.try_on(vae.device, vae.dtype)
        _simplify(vae.decoder, self._wave)

    @property
    def notice(self) -> str:
        fault = self._wave.fault
        return f"Decoded without compiled functions, which is slower: {fault}." if fault else self._said

    def decode(self, latents: "Tensor", progress: Progress = silent, tile: int = 0) -> np.ndarray:
        import torch

        frames, tile, sounds = latents.shape[1], min(tile or TILE_ELSEWHERE, TILE_ELSEWHERE), []
        with torch.inference_mode():
            for first in range(0, frames, tile):
                progress(first / frames, "Decoding")
                end, low = min(first + tile, frames), max(0, first - self.overlap)
                part = latents[:, low : end + self.overlap].transpose(1, 2).to(self.device, self.vae.dtype)
                sound = self.vae.decode(part).sample
                sounds.append(sound[..., (first - low) * self.hop : (end - low) * self.hop].float().cpu().numpy())
        return np.concatenate(sounds, axis=-1)


def _wave(x: "Tensor", a: "Tensor", size: "Tensor") -> "Tensor":
    """Snake in float32 inside: x + sin^2(a x) size, per channel of (batch, channels, samples)."""
    wide = x.float()
    wave = a * wide
    return wave.sin_().square_().mul_(size).add_(wide).to(x.dtype)  # in place: uncompiled, each would be a new array


class CompiledWave:
    """`_wave` compiled, and plain from the first time on that compiling or calling it fails: a compiler that does not
    know this GPU must not cost a song that is ready but for its sound. `fault` then says why, in one line."""

    def __init__(self, compiler: "Compiler | None"):
        self.fault = ""
        self._fast = None if compiler is None else compiler(_wave, dynamic=True)  # compiles when it is first called

    def __call__(self, x: "Tensor", a: "Tensor", size: "Tensor") -> "Tensor":
        if self._fast is not None:
            try:
                return self._fast(x, a, size)
            except Exception as error:  # of a compiler, its compiler, an assembler, a cache on a full disk
                if memory.ran_out(error):
                    raise
                self._give_up(f"{type(error).__name__}: {_line(error)}")
        return _wave(x, a, size)

    def try_on(self, device: Any, dtype: Any) -> None:
        """Compile now, on a little of what is to come, and hold the answer against the plain one."""
        import torch

        with torch.inference_mode():
            x = torch.linspace(-4, 4, 8 * 64, device=device).reshape(1, 8, 64).to(dtype)
            a, size = torch.linspace(0.5, 2, 16, device=device).reshape(2, 1, 8, 1)
            if not torch.allclose(self(x, a, size).float(), _wave(x, a, size).float(), rtol=0.02, atol=1e-4):
                self._give_up("the compiled function computes something else")

    def _give_up(self, fault: str) -> None:
        self._fast, self.fault = None, fault


def _line(error: Exception) -> str:
    """The line of an error that says the most: a compiler's own last word, or else the first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no reason given"]
    return next((line for line in lines if "fatal" in line), lines[0])[:200].rstrip(".")


def compile_fault(device: str = "cuda") -> str:
    """Why PyTorch's functions cannot be compiled for a device, in one line; "" where they can. Takes seconds."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        return "this PyTorch cannot use the GPU"
    wave = CompiledWave(torch.compile)
    wave.try_on(device, torch.float32)
    return wave.fault


def _simplify(net: Any, wave: "Wave") -> None:
    """Multiply out weight norm, and let every Snake be `wave`."""
    import torch

    class Snake(torch.nn.Module):
        a: torch.Tensor
        size: torch.Tensor

        def __init__(self, module: Any):
            super().__init__()
            a, b = (one.float().exp() if module.logscale else one.float() for one in (module.alpha, module.beta))
            self.register_buffer("a", a.detach())
            self.register_buffer("size", 1 / (b.detach() + 1e-9))

        def forward(self, x: "Tensor") -> "Tensor":
            return wave(x, self.a, self.size)

    for module in list(net.modules()):
        if hasattr(module, "weight_g"):
            torch.nn.utils.remove_weight_norm(module)
        for name, inner in list(module.named_children()):
            if type(inner).__name__ == "Snake1d":
                setattr(module, name, Snake(inner))


if __name__ == "__main__":  # `studio doctor` asks in a process of its own, which may crash with its compiler
    print(compile_fault(*sys.argv[1:]) or COMPILES)
