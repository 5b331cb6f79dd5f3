"""Tiny chat models with random weights, in the layout that Qwen2.5 and Qwen3 are published in. Their tokenizer has
bytes for what they are asked, and whole lines for what they answer: so their answers look like lyrics, in no order."""

import json
from functools import cache
from pathlib import Path
from typing import Any

KINDS = {"tiny-qwen2": "Qwen2", "tiny-qwen3": "Qwen3"}
TEMPLATE = r"""
{%- for message in messages %}
    {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"""
TAGS = ("[verse]", "[chorus]", "[bridge]")
LINES = (
    "Der Fluss kennt deinen Namen", "Das Meer ist grau und weit", "Ich warte auf den Morgen",
    "Die Lampe brennt im Turm", "Wer weckt die Möwen auf", "Und morgen kommt der Wind",
    "Ein Boot liegt auf dem Strand", "So still war es noch nie",
)  # fmt: skip
SAID = [f"{line}\n" for line in (*TAGS, *LINES)]


def checkpoint(folder: Path, kind: str = "Qwen3", seed: int = 0) -> Path:
    """A chat model, whole, in `folder`."""
    built(kind, seed).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    said = {"eos_token_id": tokenizer().eos_token_id, "temperature": 0.1, "repetition_penalty": 1.0}
    (folder / "generation_config.json").write_text(json.dumps(said))
    return folder


def built(kind: str, seed: int = 0) -> Any:
    """The model itself: it says lines and nothing else, and its choices depend on all that it read."""
    import torch
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(seed)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=len(tokenizer()) + 3,  # the published ones have more rows than tokens, too
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        tie_word_embeddings=False,
    )
    model = getattr(transformers, f"{kind}ForCausalLM")(config)
    with torch.no_grad():
        model.model.embed_tokens.weight.mul_(30)
        spoken = tokenizer().convert_tokens_to_ids(SAID)
        rows = 3 * torch.randn(len(spoken), 32)
        model.lm_head.weight.zero_()
        model.lm_head.weight[spoken] = rows
    return model.eval()


@cache
def tokenizer() -> Any:
    from transformers import Qwen2Tokenizer
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    made = Qwen2Tokenizer(vocab={letter: at for at, letter in enumerate(bytes_to_unicode().values())}, merges=[])
    made.add_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"], special_tokens=True)
    made.add_tokens([*SAID, "<think>", "</think>", "[end]"])
    made.eos_token, made.pad_token = "<|im_end|>", "<|endoftext|>"
    made.chat_template = TEMPLATE
    return made
