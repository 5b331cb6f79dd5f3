"""Tiny MusicGen checkpoints with random weights, in the format that Meta's are published in."""

import json
from functools import cache
from pathlib import Path
from typing import Any

WORDS = "warm soft dark bright slow fast piano guitar drums bass strings house techno jazz lofi rock with and a in the"
WINDOW = 200  # frames that a tiny decoder sees at once: 4 s
KINDS = ("mono", "stereo", "melody", "stereo-melody")
FAR = 0.25  # how far codes of the codec lie apart


def checkpoint(folder: Path, kind: str = "mono", seed: int = 0) -> Path:
    """A checkpoint of a kind, whole, in `folder`."""
    model = built(kind, seed)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    melody = "melody" in kind
    extractor = {"feature_extractor_type": "MusicgenMelodyFeatureExtractor"} if melody else _encodec_extractor()
    (folder / "preprocessor_config.json").write_text(json.dumps({"sampling_rate": 32_000} | extractor))
    return folder


def built(kind: str, seed: int = 0) -> Any:
    """The model itself, sharpened until its choices are distinct: random weights as they come score all codes alike."""
    import torch
    import transformers as hf

    hf.utils.logging.set_verbosity_error()
    hf.utils.logging.disable_progress_bar()
    torch.manual_seed(seed)
    stereo, melody = kind.startswith("stereo"), kind.endswith("melody")
    text = hf.T5Config(d_model=32, d_ff=64, d_kv=16, num_layers=1, num_heads=2, vocab_size=len(tokenizer()))
    codec = hf.EncodecConfig(
        sampling_rate=32_000,
        audio_channels=1,
        upsampling_ratios=[8, 5, 4, 4],
        target_bandwidths=[1.2],
        num_filters=4,
        codebook_size=64,
        codebook_dim=16,
        hidden_size=16,
        use_causal_conv=False,
        normalize=False,
        use_conv_shortcut=False,
    )
    sizes = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "ffn_dim": 256, "vocab_size": 64}
    said: dict[str, Any] = sizes | {
        "num_codebooks": 8 if stereo else 4,
        "audio_channels": 2 if stereo else 1,
        "pad_token_id": 64,
        "bos_token_id": 64,
    }
    if melody:
        decoder: Any = hf.MusicgenMelodyDecoderConfig(**said)
        config: Any = hf.MusicgenMelodyConfig(text_encoder=text, audio_encoder=codec, decoder=decoder, chroma_length=20)
        model: Any = hf.MusicgenMelodyForConditionalGeneration(config)
    else:
        decoder = hf.MusicgenDecoderConfig(**said)
        config = hf.MusicgenConfig(text_encoder=text, audio_encoder=codec, decoder=decoder)
        model = hf.MusicgenForConditionalGeneration(config)
    generation = model.generation_config
    generation.bos_token_id = generation.pad_token_id = generation.decoder_start_token_id = 64
    generation.max_length, generation.guidance_scale, generation.do_sample = WINDOW, 3.0, True
    with torch.no_grad():
        sharpen(model)
    return model.eval()


def sharpen(model: Any) -> None:
    import torch

    core = model.decoder.model.decoder
    for head in model.decoder.lm_heads:
        head.weight.mul_(10)
    for table in core.embed_tokens:
        table.weight.mul_(40)
    for layer in core.layers:
        attentions = [layer.self_attn, *([layer.encoder_attn] if hasattr(layer, "encoder_attn") else [])]
        for attention in attentions:
            for one in (attention.q_proj, attention.k_proj, attention.v_proj, attention.out_proj):
                one.weight.mul_(4)
        layer.fc1.weight.mul_(3)
        layer.fc2.weight.mul_(3)
    for name in ("enc_to_dec_proj", "audio_enc_to_dec_proj"):
        if hasattr(model, name):
            getattr(model, name).weight.mul_(20)
    last = model.audio_encoder.encoder.layers[-1].conv  # what it hears must reach as far as its codes lie apart
    last.parametrizations.weight.original0.mul_(80)
    last.bias.sub_(model.audio_encoder.encoder(0.1 * torch.randn(1, 1, 32_000)).mean(dim=(0, 2)))
    for layer in model.audio_encoder.quantizer.layers:
        layer.codebook.embed.normal_(0, FAR)


@cache
def tokenizer() -> Any:
    """T5's kind of tokenizer, over a few words and all letters."""
    from transformers import T5Tokenizer

    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    words = [(f"▁{word}", -3.0) for word in WORDS.split()]
    letters = [(letter, -6.0) for letter in "abcdefghijklmnopqrstuvwxyz0123456789,.:-#"]
    return T5Tokenizer(vocab=[*special, *words, *letters], extra_ids=0)


def _encodec_extractor() -> dict[str, Any]:
    return {"feature_extractor_type": "EncodecFeatureExtractor", "feature_size": 1, "padding_value": 0.0}
