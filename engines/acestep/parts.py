"""The models that ACE-Step 1.5 is made of, by ACE-Step's names and by diffusers', and whether tensors are all of one.

ACE-Step keeps them in one file and one config.json; diffusers has a folder for each. Facts: diffusers'
scripts/convert_ace_step_to_diffusers.py and ACE-Step's modeling_acestep_v15_*.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkpoints.whole import AGAIN
from song.errors import BadCheckpoint

MOST_LAYERS = 1000

_RENAMED = (  # what ACE-Step calls a tensor, and what diffusers does
    (r"\.([qkv])_proj\.", r".to_\1."),
    (r"\.o_proj\.", ".to_out.0."),
    (r"\.([qk])_norm\.", r".norm_\1."),
    (r"^proj_(in|out)\.1\.", r"proj_\1_conv."),
)
_LAYERS = (
    *("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads", "head_dim", "sliding_window"),
    *("rope_theta", "attention_bias", "attention_dropout", "rms_norm_eps"),
)
_POOLING = (*_LAYERS, "audio_acoustic_hidden_dim", "pool_window_size", "num_attention_pooler_hidden_layers")
_WIDTHS = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
_USUAL = {"is_turbo": False, "model_version": None}  # where a config.json does not say


@dataclass(frozen=True)
class Part:
    """One model: its folder in a pipeline, where its class is, what its tensors' names begin with in ACE-Step's file,
    and what of ACE-Step's config.json makes it."""

    name: str
    library: str
    kind: str
    prefix: str
    settings: tuple[str, ...]
    needed: bool = False


TRANSFORMER = Part(
    name="transformer",
    library="diffusers",
    kind="AceStepTransformer1DModel",
    prefix="decoder.",
    settings=(
        *(*_LAYERS, "num_hidden_layers", "in_channels", "audio_acoustic_hidden_dim", "patch_size", "layer_types"),
        *_USUAL,
    ),
    needed=True,
)
CONDITIONS = Part(
    name="condition_encoder",
    library="ace_step",
    kind="AceStepConditionEncoder",
    prefix="encoder.",
    settings=(
        *(*_LAYERS, "text_hidden_dim", "timbre_hidden_dim"),
        *("num_lyric_encoder_hidden_layers", "num_timbre_encoder_hidden_layers"),
    ),
    needed=True,
)
PARTS = (
    TRANSFORMER,
    CONDITIONS,
    Part(  # this and the next are for covers and planned songs; a checkpoint may lack them
        name="audio_tokenizer",
        library="ace_step",
        kind="AceStepAudioTokenizer",
        prefix="tokenizer.",
        settings=(*_POOLING, "fsq_dim", "fsq_input_levels", "fsq_input_num_quantizers"),
    ),
    Part(
        name="audio_token_detokenizer",
        library="ace_step",
        kind="AceStepAudioTokenDetokenizer",
        prefix="detokenizer.",
        settings=_POOLING,
    ),
)


def place(name: str) -> tuple[Part, str] | None:
    """The part that a tensor of ACE-Step's belongs to, and its name there; None if it is of none."""
    if name == "null_condition_emb":
        return CONDITIONS, name
    for part in PARTS:
        if name.startswith(part.prefix):
            new = name.removeprefix(part.prefix)
            for theirs, ours in _RENAMED:
                new = re.sub(theirs, ours, new)
            return part, new
    return None


def config(part: Part, said: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A part's config.json, from what ACE-Step's at `path` says. Raises BadCheckpoint."""
    import diffusers

    said = {**_USUAL, **said}
    said["encoder_hidden_size"] = said.get("encoder_hidden_size") or said.get("hidden_size")
    if said.get("use_sliding_window") is False:
        raise BadCheckpoint(f"{path} wants attention without windows, which diffusers does not do for ACE-Step.")
    wanted = part.settings
    if part is TRANSFORMER:
        wanted = (*wanted, "encoder_hidden_size")
    else:  # in XL all but the transformer are narrower
        said |= {name: said[f"encoder_{name}"] for name in _WIDTHS if said.get(f"encoder_{name}")}
    lacking = [name for name in wanted if name not in said]
    if lacking:
        raise BadCheckpoint(f"{path} does not say {lacking[0]}; {AGAIN}.")
    found = {name: said[name] for name in wanted}
    layers = [value for name, value in found.items() if name.endswith("_layers")]
    if not all(isinstance(count, int) and 0 < count <= MOST_LAYERS for count in layers):
        raise BadCheckpoint(f"{path} does not say how many layers there are; {AGAIN}.")
    return {"_class_name": part.kind, "_diffusers_version": diffusers.__version__, **found}


def agree(name: str, where: Path, config: Mapping[str, Any], found: Mapping[str, tuple[int, ...]]) -> None:
    """Hold the tensors of a model, by diffusers' names, against those of its class. Raises BadCheckpoint."""
    wanted = _wanted(where, config)
    missing, more = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    if missing or more:
        faults = [f"lacks {one}" for one in missing[:1]] + [f"has an unknown {one[:80]}" for one in more[:1]]
        raise BadCheckpoint(f"The {name} of {where} {' and '.join(faults)}; {AGAIN}.")
    for one, shape in wanted.items():
        if found[one] != shape:
            raise BadCheckpoint(
                f"The {name} of {where} has {one} in the shape {found[one]}, but by its config.json it is {shape}; "
                f"{AGAIN}."
            )


def _wanted(where: Path, config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of what a model is made of, without its memory."""
    import diffusers
    import torch
    from diffusers.pipelines import ace_step

    kind = getattr(ace_step, config["_class_name"], None) or getattr(diffusers, config["_class_name"])
    said = {name: value for name, value in config.items() if not name.startswith("_")}
    try:
        with torch.device("meta"):
            return {name: tuple(value.shape) for name, value in kind(**said).state_dict().items()}
    except (TypeError, ValueError, RuntimeError, LookupError, ArithmeticError, AttributeError):
        raise BadCheckpoint(f"The config.json of {where} describes no {config['_class_name']}; {AGAIN}.") from None
