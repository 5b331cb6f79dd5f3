"""Tiny ACE-Step pipelines with random weights, in the diffusers layout that the real ones are published in.

What is small is width, depth and the vocabulary; rates, ratios and layout are the published ones: 48 kHz, 25 latents a
second, 5 audio codes a second of 64,000 kinds. Their sound is noise, but it depends on everything that it should.
"""

from functools import cache
from pathlib import Path
from typing import Any

KINDS = ("turbo", "base", "sft")
LATENTS = 8  # channels of a latent; published: 64
WIDTH, HEADS, GROUPS, HEAD = 32, 4, 2, 8  # published: 2048, 16, 8, 128
XL = 48  # the transformer's width in `checkpoint(..., width=XL)`: wider than its condition encoder, as the XL ones are
WORDS = (
    "Instruction Caption Metas Languages Lyric Fill Repaint Generate Extract Complete the audio semantic mask based "
    "given conditions: tokens track from input with timesignature: keyscale: duration: seconds bpm: minor major"
)
SIZES: dict[str, Any] = {
    "num_attention_heads": HEADS,
    "num_key_value_heads": GROUPS,
    "head_dim": HEAD,
    "sliding_window": 16,
}


def checkpoint(folder: Path, kind: str = "turbo", seed: int = 0, width: int = WIDTH) -> Path:
    """A checkpoint of a kind, whole, in `folder`."""
    built(kind, seed, width).save_pretrained(folder, safe_serialization=True)
    return folder


def built(kind: str = "turbo", seed: int = 0, width: int = WIDTH) -> Any:
    """The pipeline itself, in float32."""
    import diffusers
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.disable_progress_bar()
    torch.manual_seed(seed)
    pipeline: Any = diffusers.AceStepPipeline(
        vae=vae(),
        text_encoder=text_encoder(),
        tokenizer=tokenizer(),
        transformer=transformer(kind, width),
        condition_encoder=condition_encoder(),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
        audio_tokenizer=audio_tokenizer(),
        audio_token_detokenizer=audio_token_detokenizer(),
    )
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval().requires_grad_(False)
    return pipeline


def transformer(kind: str = "turbo", width: int = WIDTH) -> Any:
    from diffusers import AceStepTransformer1DModel

    return AceStepTransformer1DModel(
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        in_channels=3 * LATENTS,
        audio_acoustic_hidden_dim=LATENTS,
        encoder_hidden_size=WIDTH,
        is_turbo=kind == "turbo",
        model_version=kind,
        **SIZES,
    )


def condition_encoder() -> Any:
    import torch
    from diffusers.pipelines.ace_step import AceStepConditionEncoder

    encoder: Any = AceStepConditionEncoder(
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        text_hidden_dim=WIDTH,
        timbre_hidden_dim=LATENTS,
        num_lyric_encoder_hidden_layers=2,
        num_timbre_encoder_hidden_layers=2,
        **SIZES,
    )
    torch.nn.init.normal_(encoder.silence_latent, std=0.3)
    return encoder


def audio_tokenizer() -> Any:
    from diffusers.pipelines.ace_step import AceStepAudioTokenizer

    sizes = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "audio_acoustic_hidden_dim": LATENTS}
    return AceStepAudioTokenizer(fsq_dim=WIDTH, num_attention_pooler_hidden_layers=2, **sizes, **SIZES)


def audio_token_detokenizer() -> Any:
    from diffusers.pipelines.ace_step import AceStepAudioTokenDetokenizer

    sizes = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "audio_acoustic_hidden_dim": LATENTS}
    return AceStepAudioTokenDetokenizer(num_attention_pooler_hidden_layers=2, **sizes, **SIZES)


def vae() -> Any:
    """1,920 samples a latent, as published; its encoder gives mean and spread of every channel."""
    from diffusers import AutoencoderOobleck

    return AutoencoderOobleck(
        encoder_hidden_size=2 * LATENTS,
        downsampling_ratios=[2, 4, 4, 6, 10],
        channel_multiples=[1, 1, 1, 1, 1],
        decoder_channels=4,
        decoder_input_channels=LATENTS,
        audio_channels=2,
        sampling_rate=48_000,
    )


def text_encoder() -> Any:
    from transformers import Qwen3Config, Qwen3Model

    return Qwen3Model(
        Qwen3Config(
            vocab_size=len(tokenizer()),
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            num_hidden_layers=1,
            num_attention_heads=HEADS,
            num_key_value_heads=GROUPS,
            head_dim=HEAD,
        )
    )


@cache
def tokenizer() -> Any:
    """Qwen's kind of tokenizer, a token a byte, but for the words that every prompt has."""
    from transformers import Qwen2Tokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = {letter: place for place, letter in enumerate(bytes_to_unicode().values())}
    found = Qwen2Tokenizer(vocab=letters | {"<|endoftext|>": len(letters)}, merges=[])
    found.add_tokens(WORDS.split())
    return found
