"""EnCodec: sound to codes and back (Defossez et al. 2022, "High Fidelity Neural Audio Compression").

Decoding goes as a stream: its only memory is an LSTM, whose state is carried on, and convolutions that reach a few
frames to either side. What comes out in pieces is what would have come out at once, within rounding.
"""

from itertools import pairwise
from math import ceil, prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


class Codec:
    """The codec of a checkpoint. Codes are int64 (batch, codebooks, frames); with two channels, codebooks of left and
    right take turns. Sound is float32 (batch, channels, samples) at `rate`."""

    def __init__(self, model: Any, channels: int, fast: bool):
        """`model` is transformers' EncodecModel in float32, whose decoder is taken apart. `fast` decodes in bf16."""
        import torch

        config = model.config
        self.model, self.channels = model, channels
        self.rate, self.hop = config.sampling_rate, prod(config.upsampling_ratios)
        self.device = next(model.parameters()).device
        self.dtype = torch.bfloat16 if fast else torch.float32
        with torch.no_grad():
            first, memory, *rest = model.decoder.layers
            self.first, self.memory = _plain(first).to(self.dtype), memory.lstm.to(self.dtype)
            self.rest = torch.nn.Sequential(*(_quick(one) for one in rest)).to(self.dtype)
        self.ahead = config.kernel_size // 2  # frames that the first convolution reaches to either side
        self.reach = _reach(config)

    @property
    def frames_per_second(self) -> float:
        return self.rate / self.hop

    def encode(self, sound: np.ndarray) -> np.ndarray:
        """Codes (1, codebooks, frames) of sound (channels, samples)."""
        import torch

        with torch.inference_mode():
            waves = torch.from_numpy(sound)[:, None].to(self.device)  # every channel for itself
            found = self.model.encode(waves).audio_codes[0]  # (channels, codebooks, frames)
        return found.permute(1, 0, 2).reshape(1, -1, found.shape[-1]).cpu().numpy()

    def stream(self) -> "Stream":
        return Stream(self)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """The sound of codes, at once: (batch, channels, frames * hop)."""
        return self.stream().push(codes, last=True)


class Stream:
    """Codes go in as they are made; what is settled comes out."""

    def __init__(self, codec: Codec):
        self.codec = codec
        self._codes: Any = None
        self._state: Any = None  # of the LSTM
        self._remembered: Any = None  # what it gave for the last frames, from `_from` on
        self._from = self._through = self._out = 0  # frames: see above; that it has seen; that have come out

    def push(self, codes: np.ndarray, last: bool = False) -> np.ndarray:
        """Sound (batch, channels, samples) that follows what came out before; all that is left if `last`."""
        import torch

        batch = codes.shape[0]
        with torch.inference_mode():
            new = self._by_channel(torch.from_numpy(codes))
            self._codes = new if self._codes is None else torch.cat([self._codes, new], dim=-1)
            self._remember(last)
            sound = self._sounded(last)
        return sound.float().reshape(batch, self.codec.channels, -1).cpu().numpy()

    def _by_channel(self, codes: "Tensor") -> "Tensor":
        """(batch, codebooks of all channels, frames) as (batch * channels, codebooks, frames)."""
        apart = codes.unflatten(1, (-1, self.codec.channels)).transpose(1, 2)
        return apart.flatten(0, 1).to(self.codec.device)

    def _remember(self, last: bool) -> None:
        """The first convolution and the LSTM, for every frame whose surroundings are known."""
        import torch

        codec, start = self.codec, self._through
        known = self._codes.shape[-1]
        end = known if last else max(start, known - codec.ahead)
        if end == start:
            return
        low, high = max(0, start - codec.ahead), min(known, end + codec.ahead)
        summed = codec.model.quantizer.decode(self._codes[..., low:high].transpose(0, 1))
        entering = codec.first(summed.to(codec.dtype))[..., start - low : end - low].permute(2, 0, 1)
        found, self._state = codec.memory(entering, self._state)
        found = (found + entering).permute(1, 2, 0)
        self._remembered = found if self._remembered is None else torch.cat([self._remembered, found], dim=-1)
        self._through = end

    def _sounded(self, last: bool) -> "Tensor":
        """The upsampling, for every frame that the LSTM has seen the neighbours of."""
        import torch

        codec, start = self.codec, self._out
        end = self._through if last else max(start, self._through - codec.reach)
        if end == start:
            return torch.zeros(self._codes.shape[0], 0)
        low, high = max(0, start - codec.reach), min(self._through, end + codec.reach)
        block = self._remembered[..., low - self._from : high - self._from]
        sound = codec.rest(block)[..., (start - low) * codec.hop : (end - low) * codec.hop]
        kept = max(0, end - codec.reach)
        self._remembered, self._from, self._out = self._remembered[..., kept - self._from :], kept, end
        return sound


def _reach(config: Any) -> int:
    """Frames to either side that the upsampling looks at."""
    rates = np.cumprod([1, *config.upsampling_ratios])  # samples a frame, before each stage and after the last
    widest = (config.residual_kernel_size - 1) // 2 * config.dilation_growth_rate ** (config.num_residual_layers - 1)
    stages = sum(1 / before + widest * config.num_residual_layers / after for before, after in pairwise(rates))
    return ceil(stages + config.last_kernel_size // 2 / rates[-1])


def _plain(layer: Any) -> Any:
    """A layer with its weight norm multiplied out."""
    from torch.nn.utils import parametrize

    for part in layer.modules():
        if parametrize.is_parametrized(part, "weight"):
            parametrize.remove_parametrizations(part, "weight")
    return layer


def _quick(layer: Any) -> Any:
    """A layer of the upsampling, rewritten where that is faster."""
    import torch

    layer = _plain(layer)
    inner = getattr(layer, "conv", None)
    if isinstance(inner, torch.nn.ConvTranspose1d) and not layer.causal and inner.kernel_size[0] == 2 * inner.stride[0]:
        return _raising(inner)
    if isinstance(inner, torch.nn.Conv1d) and inner.out_channels == 1 and not layer.causal:
        return _closing(inner, layer.pad_mode)
    return layer


def _raising(inner: Any) -> Any:
    """A transposed convolution that is twice as wide as its stride: each output needs two inputs, so it is a plain
    convolution of width two that gives all phases, which are then laid side by side. Trimmed as EnCodec trims."""
    import torch

    class Raising(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stride = inner.stride[0]
            # (in, out, 2 * stride) -> (out * stride, in, 2): the earlier input meets the later half of the kernel
            halves = inner.weight.unflatten(-1, (2, self.stride)).flip(2)
            self.weight = torch.nn.Parameter(halves.permute(1, 3, 0, 2).flatten(0, 1).contiguous())
            self.bias = torch.nn.Parameter(inner.bias.repeat_interleave(self.stride))

        def forward(self, states: "Tensor") -> "Tensor":
            phases = torch.nn.functional.conv1d(states, self.weight, self.bias, padding=1)
            whole = phases.unflatten(1, (-1, self.stride)).transpose(2, 3).flatten(2)
            right = self.stride // 2
            return whole[..., self.stride - right : whole.shape[-1] - right]

    return Raising()


def _closing(inner: Any, mode: str) -> Any:
    """A convolution to one channel as one matrix product, whose rows are then shifted and added up."""
    import torch

    class Closing(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(inner.weight[0].T.contiguous())  # (width of the kernel, in)
            self.bias = torch.nn.Parameter(inner.bias.clone())

        def forward(self, states: "Tensor") -> "Tensor":
            wide = self.weight.shape[0]
            states = torch.nn.functional.pad(states, ((wide - 1) - (wide - 1) // 2, (wide - 1) // 2), mode)
            rows = self.weight @ states  # (batch, width of the kernel, samples)
            count = states.shape[-1] - wide + 1
            summed = torch.stack([rows[:, place, place : place + count] for place in range(wide)]).sum(0)
            return (summed + self.bias)[:, None]

    return Closing()
