"""A checkpoint in memory: words in, numbers out for the decode loop. Weights and tokenizer are read by transformers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import checkpoints
import memory
from checkpoints.reading import complaining
from engines.musicgen import audiocraft, found
from engines.musicgen.codec import Codec
from engines.musicgen.packed import PackedStep, threads
from engines.musicgen.step import Step, TorchStep
from engines.musicgen.tokens import Tables, delayed
from song.errors import BadRequest

if TYPE_CHECKING:
    from torch import Tensor

WINDOW = 1500  # frames that the published decoders were trained on: 30 s
MAX_WORDS = 512  # tokens of a text that are read; T5 was trained on no more

PRECISIONS = ("fp32", "bf16", "int8")


@dataclass(frozen=True, eq=False)
class Conditions:
    """What a batch of songs is made from. `rows` counts the songs, and again as many where scores are guided.

    context  float32 (songs, longest, width) with `lengths` for cross-attention; of a melody checkpoint None
    prefix   (rows, some, width): what a melody checkpoint reads before the first code
    """

    rows: int
    songs: int
    context: np.ndarray | None = None
    lengths: tuple[int, ...] = ()
    prefix: "Tensor | None" = None

    @property
    def before(self) -> int:
        """Positions that lie before the first code."""
        return 0 if self.prefix is None else int(self.prefix.shape[1])


class Model:
    """One checkpoint, loaded. Raises CannotMake where its files cannot be used."""

    def __init__(self, name: str, folder: Path, precision: str):
        """`precision` is fp32, bf16 or int8."""
        import torch

        self.name, self.precision = name, precision
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        if precision == "int8" and self.device == "cuda":
            raise BadRequest("precision", "int8 is for the processor; choose bf16 on a GPU")
        self.revision = found.revision(folder)
        with complaining("The checkpoint", name):
            self.net, self.tokenizer = _read(folder, precision)
            self.net.to(self.device)
            decoder = self.net.decoder
            self.melody = found.kind(folder) == "musicgen_melody"
            self.channels: int = decoder.config.audio_channels
            said = self.net.generation_config.max_length  # transformers says 20 where a checkpoint says nothing
            self.window = said if said and said > 100 else WINDOW
            self.tables = _tables(decoder, self.window)
            fast = precision != "fp32" and (self.device == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported())
            self.codec = Codec(self.net.audio_encoder, self.channels, fast)
            self.step, self.notice = _step(decoder, precision, self.device)

    # -- words --------------------------------------------------------------------------------------------------------

    def conditions(self, words: Sequence[str], guided: bool, chroma: np.ndarray | None = None) -> Conditions:
        """One song for each of `words`. `chroma`, float32 (songs, frames, 12), only for a melody checkpoint."""
        import torch

        songs = len(words)
        with torch.inference_mode():
            read = self.tokenizer(
                list(words), padding=True, truncation=True, max_length=MAX_WORDS, return_tensors="pt"
            ).to(self.device)
            states = self.net.text_encoder(**read).last_hidden_state
            if hasattr(self.net, "enc_to_dec_proj"):
                states = self.net.enc_to_dec_proj(states)
            states = states * read["attention_mask"][..., None]
            rows = 2 * songs if guided else songs
            if self.melody:
                return Conditions(rows, songs, prefix=self._prefix(states, chroma, guided))
        lengths = tuple(int(count) for count in read["attention_mask"].sum(1))
        return Conditions(rows, songs, states.float().cpu().numpy(), lengths)

    def _prefix(self, states: "Tensor", chroma: np.ndarray | None, guided: bool) -> "Tensor":
        """The melody, then the words; where scores are guided, the same rows again with neither."""
        import torch

        config = self.net.config
        none = torch.zeros(len(states), 1, config.num_chroma, dtype=states.dtype, device=states.device)
        none[..., 0] = 1  # how no melody was written when the weights were trained
        tune = none if chroma is None else torch.from_numpy(chroma).to(none)
        tunes = [self._through(one, config.chroma_length) for one in ([tune, none] if guided else [tune])]
        spoken = [states, torch.zeros_like(states)] if guided else [states]
        return torch.cat([torch.cat([tune, words], dim=1) for tune, words in zip(tunes, spoken, strict=True)])

    def _through(self, chroma: "Tensor", length: int) -> "Tensor":
        """Chroma as the decoder reads it, over and over until it is long enough."""
        states = self.net.audio_enc_to_dec_proj(chroma) if hasattr(self.net, "audio_enc_to_dec_proj") else chroma
        return states.repeat(1, -(-length // states.shape[1]), 1)[:, :length]

    # -- codes --------------------------------------------------------------------------------------------------------

    def begin(self, conditions: Conditions, given: np.ndarray, frames: int) -> tuple[np.ndarray, int]:
        """Make the step ready for `frames` frames, of which `given`, (songs, codebooks, some), are known.

        Gives the pattern to fill in, and the position whose codes enter first.
        """
        pattern = delayed(self.tables, frames, given)
        known, before = given.shape[-1], conditions.before
        positions = before + pattern.shape[-1]
        self.step.begin(conditions.rows, conditions.songs, positions, conditions.context, conditions.lengths)
        if before + known:
            for layer, (keys, values) in enumerate(self._seen(conditions, pattern[..., :known])):
                self.step.fill(layer, keys, values, 0)
        return pattern, known

    def _seen(self, conditions: Conditions, codes: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Keys and values, layer by layer, of what comes before the first step: all positions in one go."""
        import torch

        core = self.net.decoder.model.decoder
        again = conditions.rows // conditions.songs
        with torch.inference_mode():
            entering = torch.from_numpy(codes).repeat(again, 1, 1).to(self.device)
            if conditions.prefix is not None:
                told = sum(table(entering[:, place]) for place, table in enumerate(core.embed_tokens))
                said = {"inputs_embeds": torch.cat([conditions.prefix, told], dim=1)}
            else:
                said = {"input_ids": entering.flatten(0, 1)} | self._looking(conditions, again)
            cache = core(**said, use_cache=True).past_key_values.self_attention_cache
            return [(one.keys.float().cpu().numpy(), one.values.float().cpu().numpy()) for one in cache.layers]

    def _looking(self, conditions: Conditions, again: int) -> "dict[str, Tensor]":
        import torch

        assert conditions.context is not None
        context = torch.from_numpy(conditions.context).to(self.device, self.net.decoder.dtype)
        real = torch.arange(context.shape[1])[None] < torch.tensor(conditions.lengths)[:, None]
        nothing = [torch.zeros_like(context)] * (again - 1)
        return {
            "encoder_hidden_states": torch.cat([context, *nothing]),
            "encoder_attention_mask": real.repeat(again, 1).long().to(self.device),
        }


# --- reading files ----------------------------------------------------------------------------------------------------


def _step(decoder: Any, precision: str, device: str) -> tuple[Step, str]:
    """The fastest step that there is, and what the user should know about it."""
    if device != "cpu":
        return TorchStep(decoder, precision), ""
    from kernels import KernelsUnfit  # compiled code: half a second to import, so only where sound is made

    try:
        return PackedStep(decoder, precision), ""
    except KernelsUnfit as error:
        return TorchStep(decoder, precision), f"Made with PyTorch's own, slower step: {error}"


@cache
def best_precision() -> str:
    """What "auto" means: on a GPU bf16 where it can, on a CPU the fastest that loses nothing audible, measured now."""
    import torch

    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    from kernels import KernelsUnfit, choose

    try:
        return choose(("bf16", "fp32"), threads=threads())
    except KernelsUnfit:
        return "bf16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "fp32"


def make_sure_it_fits(name: str, folder: Path, precision: str) -> None:
    """Raises NotEnoughMemory, with numbers, before anything is loaded."""
    import torch

    if found.kind(folder) == "audiocraft":  # its shape is inside the weights; the file says how large they are
        needed = memory.WORKING + 2 * (folder / found.AUDIOCRAFT).stat().st_size
        return memory.require(needed, name, "cuda" if torch.cuda.is_available() else "cpu")
    shape = memory.shape(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    sizes = {one: _needed(shape, one, device) for one in (precision, *PRECISIONS)}
    smaller = {f"{one} precision": sizes[one].total for one in PRECISIONS if sizes[one].total < sizes[precision].total}
    memory.require(sizes[precision], name, device, smaller)


def _needed(shape: memory.Shape, precision: str, device: str) -> memory.Need:
    """What a checkpoint takes: on a CPU its packed weights lie beside those that read the prompts."""
    narrow = "fp32" if precision == "fp32" else "bf16"
    needed = memory.need(shape, precision, cache=narrow, decoded_at_once=2.0)
    beside = shape.parameters * memory.BYTES[narrow] if device == "cpu" else 0
    return replace(needed, weights=int(needed.weights + beside))


def _read(folder: Path, precision: str) -> tuple[Any, Any]:
    """Model and tokenizer: nothing from the network, no code of others, weights from safetensors alone, but for
    people's own in audiocraft's format. The codec stays float32."""
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    if found.kind(folder) == "audiocraft":
        weights = audiocraft.states(folder)
        base = audiocraft.base(weights, folder.name)
        checkpoints.verify(base)
        net, tokenizer = _read(base, precision)
        audiocraft.put(weights, net)
        return net, tokenizer
    melody = found.kind(folder) == "musicgen_melody"
    kind = (
        transformers.MusicgenMelodyForConditionalGeneration if melody else transformers.MusicgenForConditionalGeneration
    )
    net = _whole(kind, folder, dtype=torch.float32 if precision == "fp32" else torch.bfloat16)
    if precision != "fp32":
        mapping = {r"^audio_encoder\.": ""}
        net.audio_encoder = _whole(
            transformers.EncodecModel, folder, config=net.config.audio_encoder, dtype=torch.float32, key_mapping=mapping
        )
    if net.decoder.config.activation_function != "gelu":
        raise ValueError("activation_function")
    if not (folder / "tokenizer.json").is_file():  # transformers would make one up
        raise ValueError("tokenizer.json")
    return net, transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _whole(kind: Any, folder: Path, **said: Any) -> Any:
    """A model of transformers. Raises ValueError if any weight is missing or of another shape."""
    net, report = kind.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, output_loading_info=True, **said
    )
    if lacking := [*report["missing_keys"], *report["mismatched_keys"]]:
        raise ValueError(f"weights lack {lacking[:3]}")
    return net.eval().requires_grad_(False)


def _tables(decoder: Any, window: int) -> Tables:
    import torch

    core = decoder.model.decoder
    positions = window + 2 * MAX_WORDS  # what may come before: a melody, words; and the delays
    places = core.embed_positions.get_embedding(positions, decoder.config.hidden_size).float()
    codes = torch.stack([table.weight for table in core.embed_tokens]).float()
    return Tables(codes.cpu().numpy(), places.cpu().numpy(), decoder.config.audio_channels)
