"""Tiny ACE-Step checkpoints in ACE-Step's own layout: those of tiny_acestep, named and laid out the other way round."""

import json
from pathlib import Path
from typing import Any

import tiny_acestep

PREFIXES = {
    "transformer": "decoder.",
    "condition_encoder": "encoder.",
    "audio_tokenizer": "tokenizer.",
    "audio_token_detokenizer": "detokenizer.",
}
THEIRS = {
    ".to_q.": ".q_proj.",
    ".to_k.": ".k_proj.",
    ".to_v.": ".v_proj.",
    ".to_out.0.": ".o_proj.",
    ".norm_q.": ".q_norm.",
    ".norm_k.": ".k_norm.",
    "proj_in_conv.": "proj_in.1.",
    "proj_out_conv.": "proj_out.1.",
}


def umbrella(folder: Path, pipeline: Any, inside: str = "acestep-v15-turbo") -> Path:
    """As the umbrella repository: the model in a folder of its own, and what all checkpoints share beside it."""
    model(folder / inside, pipeline)
    pipeline.vae.save_pretrained(folder / "vae")
    pipeline.text_encoder.save_pretrained(folder / "Qwen3-Embedding-0.6B")
    pipeline.tokenizer.save_pretrained(folder / "Qwen3-Embedding-0.6B")
    return folder


def model(folder: Path, pipeline: Any, shards: int = 1) -> Path:
    """As the other repositories: the model alone."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config(pipeline)))
    tensors = weights(pipeline)
    torch.save(tensors.pop("silence").transpose(1, 2).contiguous(), folder / "silence_latent.pt")
    if shards == 1:
        save_file(tensors, folder / "model.safetensors")
        return folder
    where = {name: f"model-{place % shards + 1:05}-of-{shards:05}.safetensors" for place, name in enumerate(tensors)}
    for shard in sorted(set(where.values())):
        save_file({name: one for name, one in tensors.items() if where[name] == shard}, folder / shard)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    return folder


def weights(pipeline: Any) -> dict[str, Any]:
    """All tensors by ACE-Step's names, and "silence"."""
    found = {}
    for part, prefix in PREFIXES.items():
        for name, tensor in getattr(pipeline, part).state_dict().items():
            for ours, theirs in THEIRS.items():
                name = name.replace(ours, theirs)
            alone = name in ("null_condition_emb", "silence_latent")
            found[name if alone else prefix + name] = tensor
    return found | {"silence": found.pop("silence_latent")}


def config(pipeline: Any) -> dict[str, Any]:
    """What ACE-Step's config.json says, as far as it concerns anybody, and some of what does not."""
    wide, encoder, tokens = (
        dict(getattr(pipeline, part).config) for part in ("transformer", "condition_encoder", "audio_tokenizer")
    )
    kept = (
        *("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads"),
        *("head_dim", "in_channels", "audio_acoustic_hidden_dim", "patch_size", "rope_theta", "attention_bias"),
        *("attention_dropout", "rms_norm_eps", "sliding_window", "is_turbo", "model_version"),
    )
    said = {name: wide[name] for name in kept}
    said |= {
        name: encoder[name] for name in encoder if name.startswith(("text_", "timbre_", "num_lyric", "num_timbre"))
    }
    said |= {name: tokens[name] for name in tokens if name.startswith(("pool_", "fsq_", "num_attention_pooler"))}
    if wide["hidden_size"] != encoder["hidden_size"]:
        names = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
        said |= {f"encoder_{name}": encoder[name] for name in names}
    return said | {
        "model_type": "acestep",
        "architectures": ["AceStepConditionGenerationModel"],
        "auto_map": {"AutoModel": "modeling_acestep_v15.AceStepConditionGenerationModel"},
        "fsq_input_levels": [8, 8, 8, 5, 5, 5],
        "layer_types": pipeline.transformer.layer_types,
        "use_sliding_window": True,
        "timbre_fix_frame": 750,
    }


def built(kind: str = "turbo", xl: bool = False) -> Any:
    return tiny_acestep.built(kind, width=tiny_acestep.XL if xl else tiny_acestep.WIDTH)
