"""Checkpoints as audiocraft writes them: people's own fine-tunes of MusicGen.

Their state_dict.bin holds the decoder alone. Text encoder, codec and tokenizer never change in such training, so they
are borrowed from a published checkpoint of the same shape. It is a pickle, read for tensors and plain values only.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.musicgen import found
from song.errors import CannotMake

if TYPE_CHECKING:
    from torch import Tensor

_NAMES = (  # what audiocraft calls a part, and what transformers does
    (r"^emb\.", "model.decoder.embed_tokens."),
    (r"^transformer\.", "model.decoder."),
    (r"^out_norm\.", "model.decoder.layer_norm."),
    (r"^linears\.", "lm_heads."),
    (r"\.cross_attention\.", ".encoder_attn."),
    (r"\.linear([12])\.", r".fc\1."),
    (r"\.norm1\.", ".self_attn_layer_norm."),
    (r"\.norm_cross\.", ".encoder_attn_layer_norm."),
    (r"\.norm2\.", ".final_layer_norm."),
)
_WORDS = "condition_provider.conditioners.description.output_proj."
_TUNES = "condition_provider.conditioners.self_wav."


def states(folder: Path) -> dict[str, "Tensor"]:
    """The weights of state_dict.bin by audiocraft's names. Raises CannotMake for a melody checkpoint."""
    import torch

    package = torch.load(folder / found.AUDIOCRAFT, map_location="cpu", weights_only=True)
    weights = package["best_state"]
    if any(name.startswith(_TUNES) for name in weights):
        raise CannotMake(
            f"{folder.name} is a melody checkpoint in audiocraft's format, which cannot be read here; "
            "choose one that was trained on words alone, or one of transformers' format."
        )
    return weights


def base(weights: dict[str, "Tensor"], name: str) -> Path:
    """A published checkpoint of the same shape. Raises CannotMake where there is none."""
    wanted = {
        "hidden_size": weights["emb.0.weight"].shape[1],
        "vocab_size": weights["emb.0.weight"].shape[0] - 1,
        "num_codebooks": _count(r"emb\.\d+\.weight", weights),
        "num_hidden_layers": _count(r"transformer\.layers\.\d+\.norm1\.weight", weights),
    }
    for folder in found.places().values():
        if found.kind(folder) == "musicgen":
            decoder = json.loads((folder / "config.json").read_text(encoding="utf-8"))["decoder"]
            if all(decoder.get(one) == value for one, value in wanted.items()):
                return folder
    raise CannotMake(
        f"{name} is in audiocraft's format and borrows its text encoder and codec from the checkpoint that it was "
        "trained from, which is not here; get it with studio models get, for instance musicgen-small."
    )


def _count(pattern: str, names: Iterable[str]) -> int:
    return sum(re.fullmatch(pattern, name) is not None for name in names)


def put(weights: dict[str, "Tensor"], net: Any) -> None:
    """Let transformers' model play with these weights. Raises RuntimeError where they do not fit."""
    decoder: dict[str, Tensor] = {}
    words: dict[str, Tensor] = {}
    for name, value in weights.items():
        if name.startswith(_WORDS):
            words[name.removeprefix(_WORDS)] = value
        elif not name.startswith("condition_provider."):
            for theirs, ours in _NAMES:
                name = re.sub(theirs, ours, name)
            if name.endswith("in_proj_weight"):
                parts = zip(("q_proj", "k_proj", "v_proj"), value.chunk(3), strict=True)
                decoder |= {name.replace("in_proj_weight", f"{part}.weight"): one for part, one in parts}
            else:
                decoder[name] = value
    net.decoder.load_state_dict(decoder)
    net.enc_to_dec_proj.load_state_dict(words)
