"""Classes that a checkpoint may name: pairs of library and class, and nothing else is ever looked up by its word.

diffusers and transformers import what model_index.json, config.json and tokenizer_config.json name: from their own
package, from any module that Python finds, or, with `auto_map`, from a file in the folder. Naming is therefore held to
this table before either of them is imported. Language models are those that transformers 5 knows as text to text.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from song.errors import BadCheckpoint

Pair = tuple[str, str]

PIPELINES = ("AceStepPipeline",)
_TOKENIZERS = ("Qwen2Tokenizer", "Qwen2TokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend")
_OF_ACESTEP = ("diffusers", "ace_step")  # both name the same module


def _any_of(libraries: tuple[str, ...], *names: str) -> frozenset[Pair]:
    return frozenset((library, name) for library in libraries for name in names)


PARTS: dict[str, frozenset[Pair]] = {  # of a pipeline
    "transformer": _any_of(("diffusers",), "AceStepTransformer1DModel"),
    "condition_encoder": _any_of(_OF_ACESTEP, "AceStepConditionEncoder"),
    "audio_tokenizer": _any_of(_OF_ACESTEP, "AceStepAudioTokenizer"),
    "audio_token_detokenizer": _any_of(_OF_ACESTEP, "AceStepAudioTokenDetokenizer"),
    "vae": _any_of(("diffusers",), "AutoencoderOobleck"),
    "scheduler": _any_of(("diffusers",), "FlowMatchEulerDiscreteScheduler"),
    "text_encoder": _any_of(("transformers",), "Qwen3Model"),
    "tokenizer": _any_of(("transformers",), *_TOKENIZERS),
}
MUSICGEN = ("MusicgenForConditionalGeneration", "MusicgenMelodyForConditionalGeneration")
CHAT = (
    "Apertus", "Arcee", "Bamba", "BitNet", "Bloom", "Cohere", "Cohere2", "Cohere2Moe", "Dbrx", "DeepseekV2",
    "DeepseekV3", "DiffLlama", "Doge", "Dots1", "Ernie4_5", "Ernie4_5_Moe", "Exaone4", "Falcon", "FalconH1",
    "FalconMamba", "FlexOlmo", "GPTBigCode", "GPTJ", "GPTNeo", "GPTNeoX", "Gemma", "Gemma2", "Gemma3", "Gemma3n",
    "Gemma4", "Glm", "Glm4", "Glm4Moe", "GptOss", "Granite", "GraniteMoe", "GraniteMoeHybrid", "GraniteMoeShared",
    "Helium", "HunYuanDenseV1", "HunYuanMoEV1", "Jamba", "JetMoe", "Lfm2", "Lfm2Moe", "Llama", "Mamba", "Mamba2",
    "MiniCPM3", "MiniMax", "MiniMaxM2", "Ministral", "Ministral3", "Mistral", "Mixtral", "Mpt", "NanoChat",
    "Nemotron", "NemotronH", "OPT", "Olmo", "Olmo2", "Olmo3", "OlmoHybrid", "Olmoe", "Persimmon", "Phi", "Phi3",
    "Phimoe", "Qwen2", "Qwen2Moe", "Qwen3", "Qwen3Moe", "Qwen3Next", "Qwen3_5", "Qwen3_5Moe", "RecurrentGemma",
    "SeedOss", "SmolLM3", "StableLm", "Starcoder2", "VaultGemma", "Youtu", "Zamba", "Zamba2",
)  # fmt: skip
CAUSAL = "ForCausalLM"  # how transformers' language models of all kinds are called at their end
READERS = ("Qwen2Model", "Qwen3Model")  # language models without the end, as some planners call themselves
MODELS = frozenset({*MUSICGEN, *READERS, *(f"{name}{CAUSAL}" for name in CHAT)})
TOKENIZERS = frozenset(
    {*_TOKENIZERS}
    | {
        f"{name}Tokenizer{fast}"
        for name in ("T5", "Llama", "CodeLlama", "Gemma", "GPT2", "GPTNeoX", "Cohere", "Qwen3_5")
        for fast in ("", "Fast")
    }
)


def check_part(index: Path, name: str, library: Any, kind: Any) -> None:
    """A part that model_index.json names. Raises BadCheckpoint."""
    known = PARTS.get(name)
    if known is None:
        raise BadCheckpoint(f"{index} names a part {name!r:.80}; the studio knows {', '.join(PARTS)}.")
    if kind is None and library is None:
        return  # it has none, as diffusers writes it down; of a library without a class it would look for one
    if not (isinstance(library, str) and isinstance(kind, str) and (library, kind) in known):
        raise BadCheckpoint(
            f"{index} names {kind!r:.80} of {library!r:.80} for its {name}; the studio opens "
            f"{' or '.join(sorted({other for _, other in known}))} only, and no code of others."
        )


def check_config(path: Path, config: dict[str, Any], kind: str = "") -> None:
    """What a config names as classes; `kind` is the one that it is opened as. Raises BadCheckpoint."""
    for key, value in _named(config):
        if key == "auto_map" and value:
            raise BadCheckpoint(
                f"{path} names code of its own (auto_map), and the studio runs no code of others; take that entry "
                "out where the model is one that transformers knows, else choose another."
            )
        if key.endswith("attn_implementation") and "/" in str(value):
            raise BadCheckpoint(f"{path} wants attention from {value!r:.80}; the studio runs no code of others.")
    said = config.get("architectures") or []
    for name in said if isinstance(said, list) else [said]:
        if str(name) not in MODELS:
            raise BadCheckpoint(_unknown(path, "architectures", name))
    if config.get("_class_name", kind) != kind:
        raise BadCheckpoint(_unknown(path, "_class_name", config["_class_name"]))
    if config.get("tokenizer_class") is not None and str(config["tokenizer_class"]) not in TOKENIZERS:
        raise BadCheckpoint(_unknown(path, "tokenizer_class", config["tokenizer_class"]))


def _unknown(path: Path, key: str, name: Any) -> str:
    return (
        f"{path} says {key} {name!r:.80}, which the studio does not know; choose another model, or update the studio."
    )


def _named(config: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """All entries of a config, however deep."""
    left: list[Any] = [config]
    while left:
        said = left.pop()
        if isinstance(said, dict):
            yield from said.items()
            left += said.values()
        elif isinstance(said, list):
            left += said
