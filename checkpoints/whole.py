"""Is a folder a whole checkpoint? Looks at sizes and headers, believes neither, and never unpickles anything.

Six layouts are known: transformers' (config.json beside model.safetensors, or beside shards and their index),
diffusers' (model_index.json, and a folder for each part of the pipeline), ACE-Step's own ("native": as transformers',
with silence_latent.pt; the umbrella has it in a folder of its own, text encoder and VAE beside it), audiocraft's
(state_dict.bin, with or without compression_state_dict.bin), in which people publish their own fine-tunes, PEFT's,
which is a LoRA's (adapter_config.json beside adapter_model.safetensors), and Demucs' since 4.1 (a .yaml that names one
or more models, each <name>.safetensors with its class and arguments in the metadata).
The format of safetensors: eight bytes n, little-endian; n bytes of JSON, name -> dtype, shape, data_offsets; the data,
without holes (github.com/huggingface/safetensors, "Format").
"""

import hashlib
import json
import math
import os
import re
import stat
import zipfile
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from checkpoints.classes import CAUSAL, PIPELINES, check_config, check_part
from song.errors import BadCheckpoint

MODEL_TYPES = {"musicgen": "text", "musicgen_melody": "melody"}  # of a config.json -> kind
READERS = ("qwen2", "qwen3")  # model types that are language models whatever their config calls itself
SOUNDS = b"<|audio_code_0|>"  # what the tokenizer of a planner has and that of no chat model
PIPELINE = "model_index.json"
SILENCE = "silence_latent.pt"  # what ACE-Step's own layout has beside its weights: a tensor, read as one
VERSIONS = ("turbo", "sft", "base")  # of ACE-Step's transformer
AUDIOCRAFT = ("state_dict.bin", "compression_state_dict.bin")
ADAPTER, ADAPTED = "adapter_config.json", "adapter_model.safetensors"
SEPARATOR = "demucs.htdemucs.HTDemucs"  # the one class of Demucs that is opened; a file names its own
MANIFEST = "studio.json"  # what the studio writes beside what it downloaded
TOKENIZER = "tokenizer.json"
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
PART_SINGLE, PART_INDEX = "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.safetensors.index.json"
ITEM_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "U16": 16, "I16": 16, "F16": 16, "BF16": 16,
    "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64,
}  # fmt: skip
MAX_HEADER = 25_000_000  # bytes; the published ones have 0.1 MB
MAX_TENSORS = 20_000
MAX_JSON = 50_000_000
MAX_BAG = 10_000  # bytes of a .yaml that names a few models
_ENDS = 1 << 20  # bytes at either end of a weights file that tell it from another
LFS = b"version https://git-lfs"
PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # torch's zip, and plain pickles
AGAIN = "get it again with: studio models get NAME, or copy the folder again"


def check(folder: Path | str) -> None:
    """Raises BadCheckpoint with one sentence that names the file. Fast: reads headers, not weights; for those see
    `checkpoints.hashes`."""
    folder = Path(folder)
    if not folder.is_dir():
        raise BadCheckpoint(f"{folder} is no folder; give one that holds config.json and model.safetensors.")
    _check_manifest(folder)
    checks = {"audiocraft": _check_audiocraft, "diffusers": _check_pipeline, "native": _check_native}
    checks |= {"peft": _check_adapter, "demucs": _check_bag}
    checks.get(layout(folder), _check_model)(folder)


def _check_audiocraft(folder: Path) -> None:
    for name in AUDIOCRAFT:
        if name == AUDIOCRAFT[0] or (folder / name).exists():
            _check_torch_zip(folder / name)


def _check_adapter(folder: Path) -> None:
    """A LoRA's folder; what is inside is looked at where LoRAs are kept."""
    read_object(folder / ADAPTER)
    header(folder / ADAPTED)


def _check_bag(folder: Path) -> None:
    """Every model that the .yaml names is there, whole, and of the class that is opened."""
    for path in models(folder):
        header(path)
        about = metadata(path)
        if about.get("klass") != SEPARATOR or "structure" in about:
            raise BadCheckpoint(f"{path} is for {about.get('klass')!r}; of Demucs the studio knows {SEPARATOR} only.")


def _check_pipeline(folder: Path) -> None:
    """Every part that model_index.json names is one we know, and there, with its config and, where it has some, its
    weights."""
    index = read_object(folder / PIPELINE)
    if index.get("_class_name") not in PIPELINES:
        raise BadCheckpoint(
            f"{folder / PIPELINE} is for {index.get('_class_name')!r}; the studio knows {' and '.join(PIPELINES)}."
        )
    for name, said in index.items():
        if isinstance(said, list | dict):
            library, kind = said if isinstance(said, list) and len(said) == 2 else (said, said)
            check_part(folder / PIPELINE, name, library, kind)
            if kind is not None:
                _check_part(folder / name, str(library), str(kind))


def _check_part(part: Path, library: str, kind: str) -> None:
    if "Tokenizer" in kind and "AudioTokenizer" not in kind:
        read_object(part / TOKENIZER)
        _check_configs(part)
    elif kind.endswith("Scheduler"):
        check_config(part / "scheduler_config.json", read_object(part / "scheduler_config.json"), kind)
    else:
        check_config(part / "config.json", read_object(part / "config.json"), kind)
        _check_weights(part, *((SINGLE, INDEX) if library == "transformers" else (PART_SINGLE, PART_INDEX)))


def _check_configs(folder: Path) -> None:
    """What transformers reads by itself beside a model names no class that is not known."""
    for path in sorted(folder.glob("*config.json")):
        check_config(path, read_object(path))


def _check_native(folder: Path) -> None:
    """The transformer's folder of ACE-Step's own layout; what is beside it is looked at when it is converted. Its
    config is published with an auto_map, and read by us alone, as numbers."""
    inner = native(folder)
    assert inner is not None
    read_object(inner / "config.json")
    _check_torch_zip(inner / SILENCE)
    _check_weights(inner)


def _check_model(folder: Path) -> None:
    config = read_object(folder / "config.json")
    if str(config.get("model_type")) not in MODEL_TYPES and not _speaks(config):
        raise BadCheckpoint(
            f"{folder / 'config.json'} says model_type {config.get('model_type')!r}; the studio knows "
            f"{', '.join(MODEL_TYPES)} and language models (...{CAUSAL})."
        )
    for path in sorted(folder.glob("*.json")):
        if path.name not in (INDEX, MANIFEST):
            read_object(path)
    _check_configs(folder)
    _check_reading(folder, speaks=_speaks(config))
    _check_weights(folder)


def _check_reading(folder: Path, speaks: bool) -> None:
    """What words are read with: a tokenizer, and of a language model how it is asked."""
    read_object(folder / TOKENIZER)  # transformers would make one up
    told = folder / TOKENIZER.replace(".json", "_config.json")
    if not speaks or (folder / "chat_template.jinja").exists():
        return
    if not told.exists() or not read_object(told).get("chat_template"):
        raise BadCheckpoint(
            f"{told} has no chat template, and there is no chat_template.jinja beside it, so it cannot be asked; "
            "choose an instruct model, or copy the folder again."
        )


def layout(folder: Path) -> str:
    """ "transformers", "diffusers", "native", "audiocraft", "peft" or "demucs"; "" where a folder looks like none."""
    if (folder / PIPELINE).exists():
        return "diffusers"
    if native(folder) is not None:
        return "native"
    if (folder / "config.json").exists():
        return "transformers"
    if (folder / ADAPTER).exists():
        return "peft"
    if (folder / AUDIOCRAFT[0]).exists():
        return "audiocraft"
    return "demucs" if bag(folder) is not None else ""


def bag(folder: Path) -> Path | None:
    """The .yaml of Demucs' layout; None where a folder has none, or more than one."""
    found = sorted(folder.glob("*.yaml"))
    return found[0] if len(found) == 1 else None


def bagged(folder: Path) -> dict[str, Any]:
    """What the .yaml of Demucs' layout says: `models`, and perhaps `weights` and `segment`. Raises BadCheckpoint."""
    import yaml  # with huggingface_hub; needed nowhere else in the studio's own rooms

    path = bag(folder)
    assert path is not None
    if _check_regular(path) > MAX_BAG:
        raise BadCheckpoint(f"{path} is too large to be what its name says; {AGAIN}.")
    try:
        said = yaml.safe_load(path.read_bytes())
        names = said["models"]
        assert names and all(isinstance(name, str) and re.fullmatch(r"\w+", name) for name in names)
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AssertionError):
        raise BadCheckpoint(f"{path} does not name its models; {AGAIN}.") from None
    return dict(said)


def models(folder: Path) -> list[Path]:
    """The weights that Demucs' .yaml names. Raises BadCheckpoint."""
    return [folder / f"{name}.safetensors" for name in bagged(folder)["models"]]


def native(folder: Path) -> Path | None:
    """Where ACE-Step's own layout has its transformer: here, or in a folder of its own; None where it is not that."""
    inside = sorted(folder.glob(f"acestep-v15-*/{SILENCE}"))
    places = [folder, *(path.parent for path in inside)]
    return next((place for place in places if (place / SILENCE).exists() and (place / "config.json").exists()), None)


def kind(folder: Path) -> str:
    """What the folder itself says it is, see `Checkpoint.kind`; "" where it does not (audiocraft keeps it inside the
    weights)."""
    there = layout(folder)
    if there in ("peft", "demucs"):
        return {"peft": "lora", "demucs": "separator"}[there]
    if there == "transformers":
        config = read_object(folder / "config.json")
        return _language_model(folder) if _speaks(config) else MODEL_TYPES.get(str(config.get("model_type")), "")
    if there not in ("diffusers", "native"):
        return ""
    config = read_object((native(folder) or folder / "transformer") / "config.json")
    if config.get("is_turbo"):
        return "turbo"
    version = str(config.get("model_version") or "")
    return next((one for one in VERSIONS if one in version), "")


def _speaks(config: dict[str, Any]) -> bool:
    names = config.get("architectures")
    called = isinstance(names, list) and any(str(name).endswith(CAUSAL) for name in names)
    return called or str(config.get("model_type")) in READERS


def _language_model(folder: Path) -> str:
    """ "planner" where its tokenizer has tokens for sound, else "chat"."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        return "chat"
    said = path.stat()
    return "planner" if _sounds(path, said.st_size, said.st_mtime_ns) else "chat"


@lru_cache(maxsize=64)
def _sounds(path: Path, size: int, changed: int) -> bool:
    return SOUNDS in path.read_bytes()


def fingerprint(folder: Path) -> str:
    """What tells a checkpoint from another: its configs, and size, beginning and end of each file of weights."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.json")):
        if path.name != MANIFEST:
            found.update(path.read_bytes())
    for path in sorted([*folder.rglob("*.safetensors"), *folder.glob(AUDIOCRAFT[0])]):
        size = path.stat().st_size
        found.update(str(size).encode())
        with path.open("rb") as file:
            found.update(file.read(_ENDS))
            file.seek(max(0, size - _ENDS))
            found.update(file.read())
    return found.hexdigest()[:16]


def parameters(folder: Path) -> int:
    """How many numbers the weights beside a config.json are. Raises BadCheckpoint."""
    shapes = [shape for path in folder.glob("*.safetensors") for _, shape, _, _ in header(path).values()]
    return sum(map(math.prod, shapes))


def read_object(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object. Raises BadCheckpoint."""
    _check_regular(path)
    if path.stat().st_size > MAX_JSON:
        raise BadCheckpoint(f"{path} is too large to be what its name says; {AGAIN}.")
    return _object(path.read_bytes(), path)


def header(path: Path) -> dict[str, tuple[str, tuple[int, ...], int, int]]:
    """name -> (dtype, shape, start, end) of a safetensors file, held against its size. Raises BadCheckpoint."""
    return _header(path, _check_regular(path), path.stat().st_mtime_ns)


def metadata(path: Path) -> dict[str, str]:
    """What a safetensors file says of itself beside its tensors. Raises BadCheckpoint."""
    _, said = _announced(path, _check_regular(path))
    about = said.get("__metadata__", {})
    if not isinstance(about, dict) or not all(isinstance(text, str) for text in about.values()):
        raise BadCheckpoint(f"{path} says of itself what no safetensors file does; {AGAIN}.")
    return about


def _announced(path: Path, size: int) -> tuple[int, dict[str, Any]]:
    """Length and content of a header as it stands in the file."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(MAX_HEADER, size - 8):
            raise BadCheckpoint(f"{path} announces a header of {length} bytes in a file of {size}; {AGAIN}.")
        return length, _object(file.read(length), path)


@lru_cache(maxsize=64)  # a song asks many times which checkpoints are whole, and a large one takes 30 ms
def _header(path: Path, size: int, changed: int) -> dict[str, tuple[str, tuple[int, ...], int, int]]:
    length, said = _announced(path, size)
    said.pop("__metadata__", None)
    if not said or len(said) > MAX_TENSORS:
        raise BadCheckpoint(f"{path} holds {len(said)} tensors, which no music model does; {AGAIN}.")
    tensors = {name: _tensor(name, values, path) for name, values in said.items()}
    _check_layout(tensors.values(), size - 8 - length, path)
    return tensors


def _check_manifest(folder: Path) -> None:
    """What the studio downloaded must be there in the sizes that it wrote down."""
    if not (folder / MANIFEST).exists():
        return
    files = read_object(folder / MANIFEST).get("files")
    if not isinstance(files, dict) or not all(isinstance(known, dict) and "bytes" in known for known in files.values()):
        raise BadCheckpoint(f"{folder / MANIFEST} does not say which files were downloaded; {AGAIN}.")
    for name, known in files.items():
        size = _check_regular(folder / name)
        if size != known["bytes"]:
            raise BadCheckpoint(f"{folder / name} has {size} bytes instead of {known['bytes']}; {AGAIN}.")


def _check_weights(folder: Path, single: str = SINGLE, index: str = INDEX) -> None:
    if not (folder / index).exists():
        if not (folder / single).exists() and any(folder.glob("*.bin")):
            raise BadCheckpoint(f"{folder} holds its weights as pickle (.bin) only; convert them to {single} first.")
        header(folder / single)
        return
    where = read_object(folder / index).get("weight_map")
    if not isinstance(where, dict) or not where or not all(isinstance(shard, str) for shard in where.values()):
        raise BadCheckpoint(f"{folder / index} does not say which file holds what; {AGAIN}.")
    for shard in sorted(set(where.values())):
        if Path(shard).name != shard or not shard.endswith(".safetensors"):
            raise BadCheckpoint(f"{folder / index} names {shard!r}, which is no safetensors file beside it.")
        inside = header(folder / shard)
        lost = [name for name, place in where.items() if place == shard and name not in inside]
        if lost:
            raise BadCheckpoint(f"{folder / shard} lacks {lost[0]} that {index} promises; {AGAIN}.")


def _check_regular(path: Path) -> int:
    """The size of a file that is one, and not something else under its name."""
    try:
        status = path.stat()
    except OSError:
        raise BadCheckpoint(f"{path} is missing; {AGAIN}.") from None
    if not stat.S_ISREG(status.st_mode):
        raise BadCheckpoint(f"{path} is no file; {AGAIN}.")
    if not os.access(path, os.R_OK):
        raise BadCheckpoint(f"{path} cannot be read; check its rights.")
    with path.open("rb") as file:
        start = file.read(len(LFS))
    if not start:
        raise BadCheckpoint(f"{path} is empty; {AGAIN}.")
    if start == LFS:
        raise BadCheckpoint(f"{path} is a Git LFS pointer, not the file itself; run git lfs pull there, or {AGAIN}.")
    if path.suffix == ".safetensors" and start.startswith(PICKLES) and start[8:9] != b"{":  # a length may look like one
        raise BadCheckpoint(f"{path} is a pickle under another name; the studio opens safetensors only.")
    return status.st_size


def _check_torch_zip(path: Path) -> None:
    """torch.save's zip, whole: its directory is at the end. It is read with weights_only, by the engine."""
    _check_regular(path)
    if not zipfile.is_zipfile(path):
        raise BadCheckpoint(f"{path} is cut off, or no file of torch.save since 1.6; {AGAIN}.")


def _object(text: bytes, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise BadCheckpoint(f"{path} is damaged, it does not hold the JSON it should; {AGAIN}.") from None
    if not isinstance(found, dict):
        raise BadCheckpoint(f"{path} holds JSON, but no object; {AGAIN}.")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _tensor(name: str, said: Any, path: Path) -> tuple[str, tuple[int, ...], int, int]:
    """One entry of a header, whose numbers agree with each other."""
    try:
        dtype, shape, (start, end) = said["dtype"], tuple(said["shape"]), said["data_offsets"]
        numbers = (*shape, start, end)
        if not all(type(number) is int and 0 <= number < 2**48 for number in numbers) or len(shape) > 8:
            raise ValueError(name)
        if (end - start) * 8 != math.prod(shape) * ITEM_BITS[dtype]:
            raise ValueError(name)
    except (KeyError, TypeError, ValueError):
        raise BadCheckpoint(f"{path} describes {name[:80]} in a way that cannot be true; {AGAIN}.") from None
    return dtype, shape, start, end


def _check_layout(tensors: Iterable[tuple[str, tuple[int, ...], int, int]], data: int, path: Path) -> None:
    """One tensor after the other, no byte twice, none unused, to the very end of the file."""
    spans = sorted((start, end) for _, _, start, end in tensors)
    if spans[-1][1] > data:
        raise BadCheckpoint(f"{path} is cut off: {spans[-1][1] - data} of its bytes are missing; {AGAIN}.")
    if spans[0][0] != 0 or any(before[1] != after[0] for before, after in pairwise(spans)) or spans[-1][1] != data:
        raise BadCheckpoint(f"{path} has tensors that overlap or leave holes; {AGAIN}.")
