"""A tiny planner with random weights, in the layout that ACE-Step's 5 Hz language models are published in: Qwen3 and
its byte-level tokenizer, with <think>, </think> and the audio codes as tokens of their own."""

from functools import cache
from pathlib import Path
from typing import Any

CODES = 500  # published: 64,000
TEMPLATE = r"""
{%- for message in messages %}
    {%- if message.role == 'assistant' and '</think>' in message.content %}
        {%- set thoughts = message.content.split('</think>')[0].split('<think>')[-1].strip('\n') %}
        {%- set rest = message.content.split('</think>')[-1].lstrip('\n') %}
        {{- '<|im_start|>assistant\n<think>\n' + thoughts + '\n</think>\n\n' + rest + '<|im_end|>\n' }}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\n' }}
{%- endif %}"""
# Some tokens of more than one byte, in the tokenizer's letters (Ġ is a space, Ċ a line feed), so that values can be cut
# in several ways, within a character and across fields of a value, too.
MERGES = [
    "m a",
    "ma j",
    "o r",
    "maj or",
    "Ġ maj",
    "Ġmaj or",
    "Ġ C",
    "ĠC #",
    "1 2",
    "12 0",
    "Ġ 1",
    "â Ļ",
    "Ċ Ċ",
    ". Ċ",
    "e n",
]


def checkpoint(folder: Path, seed: int = 0) -> Path:
    """A planner, whole, in `folder`."""
    built(seed).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def built(seed: int = 0) -> Any:
    """The model itself, sharpened until its choices are distinct and depend on all that it read."""
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(seed)
    config = transformers.Qwen3Config(
        vocab_size=len(tokenizer()) + 3,  # the published one has more rows than tokens, too
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        tie_word_embeddings=True,
    )
    model = transformers.Qwen3ForCausalLM(config)
    with torch.no_grad():
        model.model.embed_tokens.weight.mul_(6)
        model.model.norm.weight.mul_(2)
        for layer in model.model.layers:
            layer.self_attn.q_norm.weight.mul_(3)
            for one in (layer.self_attn.v_proj, layer.self_attn.o_proj, layer.mlp.down_proj):
                one.weight.mul_(20)
    return model.eval()


@cache
def tokenizer() -> Any:
    from transformers import Qwen2Tokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = [*bytes_to_unicode().values(), *("".join(merge.split()) for merge in MERGES)]
    vocabulary = {letter: place for place, letter in enumerate(letters)}
    pairs: list[Any] = [tuple(merge.split()) for merge in MERGES]
    made = Qwen2Tokenizer(vocab=vocabulary, merges=pairs)
    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"]
    made.add_tokens([*marks, *(f"<|audio_code_{code}|>" for code in range(CODES))], special_tokens=True)
    made.chat_template = TEMPLATE
    return made
